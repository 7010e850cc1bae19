"""REPLACE: a message is stored in the place of another.

Capability ``REPLACE``, RFC 8508, after login, for an account that does it in one
step. The new message comes as with APPEND.

Source: RFC 8508 section 3.
"""

from functools import partial

from mailframe.errors import MessageGone
from mailframe.imap.appending import Appending, append_uid, flags_by_uid
from mailframe.imap.command import SELECTED, Command, Extension
from mailframe.imap.commands.append import unread, without_literal
from mailframe.imap.commands.selected import writable
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import nz_number
from mailframe.imap.sequence import SequenceSet
from mailframe.imap.session import Session
from mailframe.interfaces.mailbox import IReplacer, NewMessage


class Replacing(Appending):
    """One REPLACE, from its first literal on."""

    several = False
    by_uid = False

    def __init__(self, session: Session) -> None:
        """Begin before the arguments."""
        super().__init__(session)
        self._messages = SequenceSet(())

    def arguments(self, cursor: Cursor) -> bool:
        """Read ``SP seq-number SP mailbox``  (RFC 8508 section 5)."""
        cursor.space()
        number = None if cursor.accept(b"*") else nz_number(cursor)
        self._messages = SequenceSet(((number, number),))
        return super().arguments(cursor)

    def _uid(self) -> int:
        """Return the message to be replaced.

        Raises:
            BadSyntax: There is no message of this number.
            MessageGone: It does not exist, or no more.
            ReadOnly: The mailbox cannot be changed.
        """
        view = writable(self.session)
        uids = view.chosen(self._messages, self.by_uid)
        if not (uids - view.ghosts).slices(view.uids):
            raise MessageGone
        return next(iter(uids))

    async def check(self) -> None:
        """Tell early whether it can be done."""
        self._uid()
        await super().check()

    async def store(self, messages: list[NewMessage]) -> bytes:
        """Store the new message, tell where it is, then that the old one is gone.

        Source: RFC 8508 sections 3.4, 4.3 (APPENDUID) and 4.5 (HIGHESTMODSEQ).
        """
        session, view = self.session, self.session.selected
        await view.refresh()
        uid = self._uid()
        assert self.name is not None
        account = IReplacer(session.mail)
        appended = await account.replace(
            view.mailbox.mailbox_id, uid, self.name, messages[0]
        )
        session.say(b"* OK %bReplacement ready\r\n" % append_uid(appended))
        view.owe_modseq()
        session.made(self.name, flags_by_uid(appended, messages))
        await view.refresh()
        return b"REPLACE completed"


class ReplacingByUID(Replacing):
    """One UID REPLACE."""

    by_uid = True


def _announced(session: Session) -> bool:
    return IReplacer.providedBy(session.account)


EXTENSION = Extension(
    b"REPLACE",
    (
        Command(
            b"REPLACE",
            SELECTED,
            partial(without_literal, Replacing),
            unread,
            appending=Replacing,
        ),
        Command(
            b"UID REPLACE",
            SELECTED,
            partial(without_literal, ReplacingByUID),
            unread,
            by_uid=True,
            appending=ReplacingByUID,
        ),
    ),
    announced=_announced,
)
