"""Optional powers of an ``IMailReceiver`` and of its transactions.

Source: RFC 5321 section 3.5, RFC 1985.
"""

from collections.abc import Awaitable, Mapping, Sequence

from zope.interface import Interface

from mailframe.model.address import Address
from mailframe.model.envelope import Origin


class IListExpander(Interface):
    """It can say who is on a list."""

    def expand(origin: Origin, text: str) -> Awaitable[Sequence[Address]]:
        """Answer EXPN.

        Returns:
            The members; empty when that cannot be told.

        Raises:
            NoSuchUser: There is no such list, and this client may know it.
            NotPermitted: This client may not know.
        """


class IQueueStarter(Interface):
    """It can have a domain's waiting mail tried now."""

    def start_queue(origin: Origin, domain: str) -> Awaitable[bool]:
        """Answer ETRN.

        Args:
            origin: Who asks.
            domain: Lower case; with ``@`` in front its subdomains are meant
                too.

        Returns:
            Whether anything is waiting, and is tried now.

        Raises:
            NotPermitted: Not for this client, or not for this domain.
            TemporaryFailure: Not now.
        """


class IRefusalNoter(Interface):
    """A transaction that writes down why its content was refused."""

    def note_refusal(why: str) -> None:
        """Write down why the protocol refuses the content; ``abort`` follows.

        Args:
            why: The reply: about line ends, lengths or size, or what ``write``
                raised.
        """


class IContentGate(Interface):
    """A transaction that is asked before its content comes."""

    def content_comes() -> Awaitable[None] | None:
        """The client wants to send the content: DATA, the first BDAT or BURL.

        Returns:
            ``None`` when it may, or what to wait for first. That raises MailError
            when it may not; the client may ask again.
        """


class IForwardNoter(Interface):
    """It writes down what XFORWARD says."""

    def note_forward(origin: Origin, said: Mapping[str, str]) -> None:
        """Write down where a trusted client has its next message from.

        Args:
            origin: The trusted client.
            said: Values by name (``NAME``, ``ADDR``, ``PORT``, ``PROTO``,
                ``HELO``, ``IDENT``, ``SOURCE``); printable, unchecked.
        """
