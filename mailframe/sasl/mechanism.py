"""What a SASL mechanism is: one dialogue, octets only, on either side.

A mechanism knows nothing of base64, lines or replies. The server's side decides
nothing: it ends with credentials, and the portal says whether they are good.

Source: RFC 4422 section 3.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from mailframe.interfaces.connection import IConnection


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the client is to answer next.

    Attributes:
        octets: The challenge itself, not encoded; may be empty.
    """

    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Success:
    """The dialogue is complete; whether the credentials are good is not known.

    Attributes:
        credentials: What to hand to ``ILoginPortal.login``; provides the
            mechanism's ``credentials_interface``.
    """

    credentials: Any


@dataclass(frozen=True, slots=True)
class Question:
    """A checker has to be asked before the dialogue can go on.

    Attributes:
        ask: Takes the checker, and returns what to wait for; may raise
            ``TemporaryFailure`` and ``UnauthorizedLogin``.
        go_on: Takes the answer, and returns what :meth:`Mechanism.respond` does.
    """

    ask: Callable[[Any], Awaitable[Any]]
    go_on: "Callable[[Any], Answer]"


Answer = Challenge | Success | Question
"""What comes of a client's response."""


class Mechanism(ABC):
    """The server's side of one dialogue of one mechanism; made anew for each.

    Attributes:
        name: As registered, in upper case.
        credentials_interface: What its credentials provide; the mechanism is
            offered only if some checker can serve that.
        source_interface: What that checker has to provide besides, because it
            is asked during the dialogue; ``None`` if it is not.
        takes_initial_response: Whether the client may speak first.
        plaintext: Whether the secret itself crosses the connection, or what
            it is easily guessed from, so that it must be protected or trusted.
        over: Whether the client was told by a challenge that it is refused:
            whatever it answers, even ``*``, nobody logs in.
    """

    name: ClassVar[str]
    credentials_interface: ClassVar[Any]
    source_interface: ClassVar[Any] = None
    takes_initial_response: ClassVar[bool] = True
    plaintext: ClassVar[bool] = True

    def __init__(self, connection: IConnection) -> None:
        """Begin.

        Args:
            connection: What carries the dialogue.
        """
        self.connection = connection
        self.over = False

    @classmethod
    def usable(cls, connection: IConnection) -> bool:
        """Tell whether the connection allows this mechanism now."""
        return not cls.plaintext or bool(connection.tls or connection.trusted)

    def begin(self) -> Challenge:
        """Return the first challenge, when the client sent no initial response.

        Empty for a mechanism in which the client speaks first.
        """
        return Challenge(b"")

    @abstractmethod
    def respond(self, octets: bytes) -> Answer:
        """Take what the client answered.

        Args:
            octets: The decoded response; may be empty.

        Raises:
            BadSyntax: It is not what the mechanism's grammar allows.
            UnauthorizedLogin: It is, but nobody can log in with it. Answered
                like a wrong password.
        """

    def refused(self) -> Challenge | None:
        """Return what the client is told before it is refused, if anything.

        Called when the portal has refused the credentials.
        """
        return None


class ClientMechanism(ABC):
    """The client's side of one dialogue of one mechanism; made anew for each.

    Attributes:
        name: As registered, in upper case.
        done: Whether the server may say now that the client is logged in: a
            server that has to prove itself has done so.
    """

    name: str
    done: bool = True

    def initial(self) -> bytes | None:
        """Return the initial response, or ``None`` when the server speaks first.

        It is also the answer to an empty first challenge.
        """
        return None

    @abstractmethod
    def respond(self, challenge: bytes) -> bytes:
        """Return the answer to a challenge.

        Raises:
            BadSyntax: It is not what the mechanism's grammar allows, or comes
                when the server has nothing left to ask.
            UnauthorizedLogin: It is, and the server is not who it should be, or
                says that it refuses.
        """
