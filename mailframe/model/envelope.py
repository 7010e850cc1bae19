"""The envelope of a message: who sent it, to whom, and how it came in.

Source: RFC 5321 section 2.3.1, RFC 3461 (DSN), RFC 6531 (SMTPUTF8).
"""

from dataclasses import dataclass
from enum import Enum

from mailframe.model.address import Address


class BodyType(Enum):
    """BODY= of MAIL (RFC 6152 section 3, RFC 3030 section 3)."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT_MIME = "8BITMIME"
    BINARY_MIME = "BINARYMIME"


@dataclass(frozen=True, slots=True)
class ReversePath:
    """MAIL FROM with its parameters.

    Attributes:
        address: The sender, or ``None`` for the null reverse-path ``<>``.
        body: What the content may contain.
        size: The size the client declared, or ``None`` (RFC 1870).
        smtputf8: Whether the message needs SMTPUTF8 (RFC 6531 section 3.4).
        auth: The AUTH= mailbox, ``""`` for ``<>``, ``None`` when not given
            (RFC 4954 section 5).
    """

    address: Address | None
    body: BodyType = BodyType.SEVEN_BIT
    size: int | None = None
    smtputf8: bool = False
    auth: str | None = None


@dataclass(frozen=True, slots=True)
class ForwardPath:
    """RCPT TO with its parameters.

    Attributes:
        address: The recipient.
    """

    address: Address


@dataclass(frozen=True, slots=True)
class Origin:
    """How a message came to us: what the Received field and policy need.

    Attributes:
        service: ``smtp``, ``submission`` or ``lmtp``.
        protocol: The ``with`` keyword of RFC 3848, ``ESMTPSA`` and the like.
        helo: What the client called itself, ``""`` before HELO.
        client_address: Its IP address, or ``None`` for a Unix socket.
        server_name: Our own name.
        user: The authenticated user's canonical address, or ``None``.
        account: The authenticated user's account (an ``IMailAccount``), or
            ``None``.
        tls: Version and cipher for the trace field, or ``None``.
    """

    service: str
    protocol: str
    helo: str
    client_address: str | None
    server_name: str
    user: str | None = None
    account: object = None
    tls: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message's whole envelope, as the spool keeps it."""

    reverse_path: ReversePath
    forward_paths: tuple[ForwardPath, ...]
    origin: Origin
