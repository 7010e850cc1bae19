"""Notes on the mailboxes of an account in memory.

Source: the contract of :class:`mailframe.interfaces.mailbox.IAnnotatedAccount`.
"""

from collections.abc import Mapping

from zope.interface import implementer

from mailframe.interfaces.mailbox import IAnnotatedAccount
from mailframe.model.mailbox import MailboxName
from mailframe.storage.annotations import annotated
from mailframe.storage.watchers import Watchers


@implementer(IAnnotatedAccount)
class MemoryAnnotations:
    """What makes a memory account keep notes; a base class of it.

    Attributes:
        watchers: Told of what changes.
    """

    watchers: Watchers

    def notes(self, name: MailboxName | None) -> dict[str, bytes]:
        """Return the notes on a mailbox, to be changed in place.

        Raises:
            NoSuchMailbox: It is not there.
        """
        raise NotImplementedError

    def noted(self, name: MailboxName | None) -> None:
        """Take note that the notes on a mailbox, or on the account, have changed."""
        raise NotImplementedError

    async def annotations(self, name: MailboxName | None) -> Mapping[str, bytes]:
        """Return notes."""
        return dict(self.notes(name))

    async def annotate(
        self, name: MailboxName | None, values: Mapping[str, bytes | None]
    ) -> None:
        """Change notes."""
        notes = self.notes(name)
        changed = annotated(notes, values)
        if changed != notes:
            self.noted(name)
        notes.clear()
        notes.update(changed)
        self.watchers.notes(name, frozenset(values))
