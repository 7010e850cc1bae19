"""What a SASL mechanism is: the server's side of one dialogue, octets only.

A mechanism knows nothing of base64, lines or replies, and decides nothing: it
ends with credentials, and the portal says whether they are good.

Source: RFC 4422 section 3.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the client is to answer next.

    Attributes:
        octets: The challenge itself, not encoded; may be empty.
    """

    octets: bytes


@dataclass(frozen=True, slots=True)
class Success:
    """The dialogue is complete; whether the credentials are good is not known.

    Attributes:
        credentials: What to hand to ``ILoginPortal.login``; provides the
            mechanism's ``credentials_interface``.
    """

    credentials: Any


class Mechanism(ABC):
    """One dialogue of one mechanism; made anew for each.

    Attributes:
        name: As registered, in upper case.
        credentials_interface: What its credentials provide; the mechanism is
            offered only if some checker can serve that.
        takes_initial_response: Whether the client may speak first.
        plaintext: Whether the secret itself crosses the connection, so that
            it must be protected or trusted.
    """

    name: ClassVar[str]
    credentials_interface: ClassVar[Any]
    takes_initial_response: ClassVar[bool] = True
    plaintext: ClassVar[bool] = True

    def begin(self) -> Challenge:
        """Return the first challenge, when the client sent no initial response.

        Empty for a mechanism in which the client speaks first.
        """
        return Challenge(b"")

    @abstractmethod
    def respond(self, octets: bytes) -> Challenge | Success:
        """Take what the client answered.

        Args:
            octets: The decoded response; may be empty.

        Raises:
            BadSyntax: It is not what the mechanism's grammar allows.
            UnauthorizedLogin: It is, but nobody can log in with it. Answered
                like a wrong password.
        """
