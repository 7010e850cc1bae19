"""POP3's view of mail: a list that stands still for one session.

A realm that provides :class:`IMailAccount` need not provide this: an adapter
makes a maildrop of the account's INBOX.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import NamedTuple

from zope.interface import Attribute, Interface

from mailframe.interfaces.content import IContent
from mailframe.model.uid_set import UIDSet


class MaildropMessage(NamedTuple):
    """One message of a maildrop.

    Attributes:
        size: Octets with every line ending in CRLF (RFC 1939 section 11).
        unique_id: 1 to 70 printable ASCII characters, the same for ever
            (RFC 1939 section 7, UIDL).
    """

    size: int
    unique_id: str


class IMaildrop(Interface):
    """The messages of one user, numbered from 0 in the order of ``messages``.

    Source: RFC 1939 sections 3 to 6.
    """

    messages = Attribute("Sequence of :class:`MaildropMessage`, once locked.")

    def lock() -> Awaitable[Sequence[MaildropMessage]]:
        """Take the exclusive-access lock and the snapshot.

        Raises:
            InUse: Another POP3 session has it.
            TemporaryFailure: The mail cannot be read now.
        """

    def open_content(index: int) -> Awaitable[IContent]:
        """Open one message; the caller closes it.

        Raises:
            MessageGone: Somebody else removed it meanwhile.
        """

    def commit(deleted: Collection[int]) -> Awaitable[None]:
        """Remove the messages of these indexes, all or none (UPDATE state).

        Raises:
            TemporaryFailure: Nothing was removed.
        """

    def unlock() -> Awaitable[None]:
        """Give the lock back; without a commit before, nothing is removed."""


class IMaildropAhead(Interface):
    """Optional power of a maildrop that has the next messages in memory."""

    def at_hand(index: int) -> bytes | None:
        """Return all octets of a message that need not be waited for.

        Once: they are not kept for whoever asks again.

        Returns:
            ``None`` if the message has to be opened.
        """


class IMaildropLocker(Interface):
    """Optional power of an account that more than one process may serve.

    Without it sessions of one process lock each other out, and no others.

    Source: RFC 1939 section 4.
    """

    def lock_maildrop() -> Awaitable[Callable[[], None]]:
        """Take the lock that every process on every host respects.

        It ends with the process, however that ends.

        Returns:
            What gives the lock back; calling it again is nothing.

        Raises:
            InUse: Somebody has it.
            TemporaryFailure: That cannot be told now.
        """


class IRemover(Interface):
    """Optional power of a mailbox: messages go without being marked before.

    Without it they are marked ``\\Deleted`` and expunged, which are two steps.

    Source: RFC 1939 section 6.
    """

    def remove(uids: UIDSet) -> Awaitable[UIDSet]:
        """Remove messages for ever, all or none, durably.

        Returns:
            Those that went; what is not there is passed over.

        Raises:
            InsufficientStorage: The disk is full; nothing was removed.
            TemporaryFailure: Nothing was removed.
        """
