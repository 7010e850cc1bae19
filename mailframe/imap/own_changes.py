"""What a client itself did in a mailbox that is not selected.

It is not told of that, but it is of anything else that happens there, at the same
moment too: so what is new in the mailbox is held against what the client did.

Source: RFC 5465 section 5.
"""

from dataclasses import dataclass, field

from mailframe.errors import NoSuchMailbox, NotPermitted
from mailframe.imap.access import is_personal
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.model.flag import FlagSet
from mailframe.model.mailbox import Changes, MailboxName
from mailframe.model.uid_set import UIDSet


@dataclass(slots=True)
class OwnChanges:
    """What one client did in one mailbox since it was last told of it.

    Attributes:
        made: Messages that it put there, and their flags.
        expunged: Messages that it expunged.
        emptied: Whether it moved away what was there (RENAME of INBOX).
        filled: Whether it is where they went.
    """

    made: dict[int, FlagSet] = field(default_factory=dict)
    expunged: UIDSet = UIDSet.EMPTY
    emptied: bool = False
    filled: bool = False

    async def explain(
        self, account: IMailAccount, name: MailboxName, since: int, *, flags: bool
    ) -> bool:
        """Tell whether nothing else happened in the mailbox.

        Args:
            account: That has the mailbox.
            name: Which it is.
            since: The mod-sequence at which the client was told of it.
            flags: Whether it matters that flags changed.

        Raises:
            TemporaryFailure: It cannot be asked now.
        """
        try:
            mailbox = await account.open(name)
        except (NoSuchMailbox, NotPermitted):
            return False
        try:
            changes = await mailbox.changes(since)
        finally:
            mailbox.close()
        if flags and not self._flags_as_made(changes, is_personal(account, name)):
            return False
        return self._messages_explained(changes)

    def _messages_explained(self, changes: Changes) -> bool:
        new = changes.new - UIDSet.of(self.made)
        if self.emptied:
            return len(changes.listing.uids) == len(changes.new) and not new
        return not (changes.vanished - self.expunged) and (self.filled or not new)

    def _flags_as_made(self, changes: Changes, is_own: bool) -> bool:
        """Tell whether only new messages have flags, and those they were given."""
        if changes.changed:
            return False
        listing = changes.listing
        for start, stop in (changes.new & UIDSet.of(self.made)).slices(listing.uids):
            for row in range(start, stop):
                given, has = self.made[listing.uids[row]], listing.flags[row]
                # In another's mailbox some cannot be given.
                if has != given and (is_own or not has < given):
                    return False
        return True
