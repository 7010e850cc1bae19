"""Access lists of the mailboxes of an account in memory.

Source: the contract of :class:`mailframe.interfaces.access.IAccessLists`.
"""

from collections.abc import Callable

from zope.interface import implementer

from mailframe.interfaces.access import IAccessLists
from mailframe.model.access import AccessList
from mailframe.model.mailbox import MailboxName


@implementer(IAccessLists)
class MemoryAccess:
    """What makes a memory account keep lists; a base class of it."""

    def access_of(self, name: MailboxName) -> AccessList:
        """Return the list of a mailbox.

        Raises:
            NoSuchMailbox: It is not there.
        """
        raise NotImplementedError

    def set_access(self, name: MailboxName, access: AccessList) -> None:
        """Put another list in its place, and tell sessions."""
        raise NotImplementedError

    async def access_list(self, name: MailboxName) -> AccessList:
        """Return a list."""
        return self.access_of(name)

    async def change_access(
        self, name: MailboxName, change: Callable[[AccessList], AccessList]
    ) -> None:
        """Change a list."""
        self.set_access(name, change(self.access_of(name)))
