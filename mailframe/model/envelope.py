"""The envelope of a message: who sent it, to whom, and how it came in.

Source: RFC 5321 section 2.3.1, RFC 3461 (DSN), RFC 6531 (SMTPUTF8).
"""

from dataclasses import dataclass, field
from enum import Enum

from mailframe.model.address import Address
from mailframe.model.client_certificate import ClientCertificate


class BodyType(Enum):
    """BODY= of MAIL (RFC 6152 section 3, RFC 3030 section 3)."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT_MIME = "8BITMIME"
    BINARY_MIME = "BINARYMIME"


@dataclass(frozen=True, slots=True)
class DeliverBy:
    """BY= of MAIL (RFC 2852 section 4).

    Attributes:
        at: When it shall be delivered, seconds since 1970.
        bounce: Whether it is returned when that time has passed (``R``);
            otherwise the sender is only told (``N``).
        trace: Whether each hop tells the sender (``T``).
    """

    at: float
    bounce: bool
    trace: bool = False


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
        ret: ``FULL`` or ``HDRS``: how much of the message a failure report
            returns, ``None`` when not said (RFC 3461 section 4.3).
        envid: The sender's name for the envelope, decoded (RFC 3461 section
            4.4).
        require_tls: Whether it may travel over verified TLS only (RFC 8689).
        priority: -9 to 9, as it counts here (RFC 6710 section 4.1).
        asked_priority: What the client asked for, ``None`` for nothing; forgotten
            when the message is queued.
        hold_until: Not to be sent on before, seconds since 1970 (RFC 4865).
        asked_hold: How the client said so: ``for;SECONDS`` or ``until;DATE``,
            ``""`` for neither (RFC 4865 section 5.1.2).
        deliver_by: When it shall be there (RFC 2852).
    """

    address: Address | None
    body: BodyType = BodyType.SEVEN_BIT
    size: int | None = None
    smtputf8: bool = False
    auth: str | None = None
    ret: str | None = None
    envid: str | None = None
    require_tls: bool = False
    priority: int = 0
    asked_priority: int | None = None
    hold_until: float | None = None
    asked_hold: str = ""
    deliver_by: DeliverBy | None = None


@dataclass(frozen=True, slots=True)
class ForwardPath:
    """RCPT TO with its parameters.

    Attributes:
        address: The recipient.
        notify: Of ``SUCCESS``, ``FAILURE`` and ``DELAY``, those the sender
            wants to be told of; empty for ``NEVER``; ``None`` when not said,
            which means failure and delay (RFC 3461 section 4.1).
        orcpt: Type and address of the original recipient, decoded, such as
            ``("rfc822", "alice@example.org")`` (RFC 3461 section 4.2).
        via: What the operator's tables chose to deliver with: ``|COMMAND``,
            ``/FILE``, ``lmtp:HOST:PORT`` or ``lmtp:/SOCKET``; ``""`` for what
            the domain says. Never anything a peer said.
    """

    address: Address
    notify: frozenset[str] | None = None
    orcpt: tuple[str, str] | None = None
    via: str = ""


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
        server_address: Our own IP address that it connected to, or ``None``; this
            and what follows is forgotten when the message is queued.
        client_port: The client's port, or ``None``.
        server_port: Ours, or ``None``.
        client_name: What a proxy calls the client, ``""`` when it did not say.
        reverse_name: What it says its address is called, whatever that leads to.
        login_method: How the user logged in, ``PLAIN`` or ``XCLIENT``; ``""``
            without a user.
        tls_bits: The strength of the cipher, 0 without TLS.
        certificate: The client's, verified, or ``None``.
        visit: What checks remember of this client until it leaves; ``None`` for
            mail that comes without a client.
    """

    service: str
    protocol: str
    helo: str
    client_address: str | None
    server_name: str
    user: str | None = None
    account: object = None
    tls: str | None = None
    server_address: str | None = None
    client_port: int | None = None
    server_port: int | None = None
    client_name: str = ""
    reverse_name: str = ""
    login_method: str = ""
    tls_bits: int = 0
    certificate: ClientCertificate | None = None
    visit: dict[object, object] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message's whole envelope, as the spool keeps it."""

    reverse_path: ReversePath
    forward_paths: tuple[ForwardPath, ...]
    origin: Origin
