"""Mail in motion: in from a client, and one hop further out.

Refusals are :class:`mailframe.errors.MailError`: temporary ones become 4yz,
the others 5yz; the protocol has the table of codes.

Source: RFC 5321 sections 3.3 and 3.6, RFC 2033 (a verdict per recipient).
"""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from zope.interface import Attribute, Interface

from mailframe.errors import MailError
from mailframe.interfaces.content import IContent
from mailframe.model.address import Address
from mailframe.model.envelope import Envelope, ForwardPath, Origin, ReversePath


class IMailReceiver(Interface):
    """Decides what mail comes in, and where it goes."""

    def begin(
        origin: Origin, reverse_path: ReversePath
    ) -> "Awaitable[IMailTransaction]":
        """Begin a transaction: the answer to MAIL.

        Raises:
            NotPermitted: This client may not send as this address.
            MessageTooLarge: The declared size is more than is taken.
            TooMuchHeldBack: It is to be held back, like too many others.
            TemporaryFailure: Not now.
        """

    def verify(origin: Origin, text: str) -> Awaitable[Sequence[Address]]:
        """Answer VRFY.

        Returns:
            The addresses meant; empty for "cannot tell" (252).

        Raises:
            NoSuchUser: There is none, and this client may know it.
        """


class IDoorkeeper(Interface):
    """Optional power of an IMailReceiver: it looks at clients before any mail.

    What either method waits for, the client waits for.
    """

    def connected(origin: Origin) -> Awaitable[None]:
        """A client is there, and not greeted yet; the origin's helo is empty.

        Raises:
            TemporaryFailure: The client is sent away for now: 421.
            MailError: It is not greeted but refused; it may only leave.

        Source: RFC 5321 section 3.1.
        """

    def greeted(origin: Origin) -> Awaitable[None]:
        """The client has said what it calls itself.

        Raises:
            MailError: This name will not do; it may say another.

        Source: RFC 5321 section 4.1.4.
        """

    def left(origin: Origin) -> None:
        """The client is gone, or another has taken its place (XCLIENT).

        Called once for each, with the same ``visit`` in the origin as before.
        """


class IMailTransaction(Interface):
    """One message on its way in. Calls come one after another."""

    id = Attribute("Its identifier in Received, log and reply; a ``str``.")

    def recipient(forward_path: ForwardPath) -> Awaitable[None]:
        """Take one recipient: the answer to RCPT.

        Raises:
            NoSuchUser: Our domain, but no such address.
            RelayDenied: Not our domain, and this client may not relay.
            LimitExceeded: Too many recipients of this kind; the client should
                send the rest in another transaction.
            TemporaryFailure: Cannot be told now.
        """

    def write(octets: bytes) -> Awaitable[None] | None:
        """Take the next octets of the content, dot-stuffing removed.

        Returns:
            ``None`` when more may come at once, or what to wait for first.

        Raises:
            MailError: The content is refused. The protocol reads on to its
                end without calling ``write`` again and answers with this.
        """

    def finish() -> Awaitable[Sequence[MailError | None]]:
        """The content is complete: take responsibility for it.

        Returns:
            The verdict on each recipient, in the order they were taken;
            ``None`` for accepted. Durable when the result is there.

        Raises:
            MailError: Nothing was accepted for anyone, for this reason.
        """

    def abort() -> None:
        """The transaction is over without a message. Calling again is nothing."""


@dataclass(frozen=True, slots=True)
class Hop:
    """A place to hand a message to.

    Attributes:
        host: Name to connect to and to check the certificate against; or a
            path for a Unix socket.
        port: TCP port; 0 for a Unix socket.
        lmtp: Whether it speaks LMTP.
        tls: ``none``, ``may``, ``encrypt`` or ``verify``.
    """

    host: str
    port: int = 25
    lmtp: bool = False
    tls: str = "may"


class IRouter(Interface):
    """Says where mail for a domain goes next."""

    def route(
        domain: str, sender: Address | None, attempts: int = 0
    ) -> Awaitable[Sequence[Hop]]:
        """Return the hops to try, best first.

        Args:
            domain: The recipients' domain, lower case, A-labels.
            sender: The reverse-path, ``None`` for the null one.
            attempts: How often it was tried before.

        Raises:
            NoSuchUser: The domain takes no mail at all (no such domain, or
                null MX: RFC 7505).
            TemporaryFailure: Cannot be told now.
        """


class IRelay(Interface):
    """Carries a message one hop out."""

    def deliver(
        hop: Hop,
        envelope: Envelope,
        content: IContent,
    ) -> Awaitable[Sequence[MailError | None]]:
        """Hand one message to one hop.

        Returns:
            The peer's verdict on each recipient, in their order; ``None`` for
            accepted, a TemporaryFailure for "try again".

        Raises:
            TemporaryFailure: No connection, or it broke before a verdict.
        """
