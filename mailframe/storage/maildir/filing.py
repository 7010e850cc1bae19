"""Messages that are in the journal, but not yet in the Maildir and the index.

A new message is answered when the journal has it. File and row follow a moment
later, together with those of other messages of the account: one transaction
for many. Whatever else is to be done to an account comes after that, and so
does reading (:meth:`.account.MaildirAccount.ask`), so nobody sees the state
between but other programs, which see the message a moment later.

What cannot be filed stays here, and in the journal, and is tried again; until
then messages for that account are taken no faster than they are filed. So it
is from the beginning when the disk is nearly full: what was answered must find
room.

Source: DESIGN.md section 5 (stores write their own files behind the journal).
"""

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.logger import Logger

from mailframe.errors import TemporaryFailure
from mailframe.mime.lines import to_crlf
from mailframe.model.flag import FlagSet
from mailframe.storage.maildir import records
from mailframe.storage.maildir.filer import Filer, Sent
from mailframe.storage.maildir.index import Index, MailboxRow, snapshot
from mailframe.storage.maildir.summary_rows import (
    digest,
    enter_headers,
    header_of,
    keep,
)
from mailframe.storage.os_layer import OSLayer
from mailframe.storage.put_off import Outcome

if TYPE_CHECKING:
    from mailframe.storage.maildir.store import AccountStore

_log = Logger()

DIGESTS = 20
"""Summaries worked out in one go while there is nothing better to do."""

DIGESTED_MAX = 1_048_576
"""Octets of the largest message that is summarised then."""


@dataclass(slots=True)
class Unfiled:
    """A message that was answered for.

    Attributes:
        mailbox_id: Where it belongs.
        file: Its name and what else is in the journal.
        flags: System flags.
        modseq: At which it came.
        octets: All of them.
        date: The internal date, where that is not the file's own.
        placed: Whether it has its file.
        doubtful: Whether it may have it, since another process was to file it.
    """

    mailbox_id: str
    file: records.File
    flags: FlagSet
    modseq: int
    octets: bytes
    date: int | None
    placed: bool = False
    doubtful: bool = False


Tell = Callable[[Mapping[str, int], Sequence[MailboxRow]], None]
"""Takes the mod-sequences up to which mailboxes are filed, by ID, and these mailboxes
as they are now."""


class Filing:
    """The unfiled messages of one account, for the writer thread.

    Attributes:
        rows: The mailboxes as new messages left them; the index follows.
        stuck: Whether the last try failed.
        tell: Called when messages are filed, see :data:`Tell`.
    """

    def __init__(
        self,
        store: "AccountStore",
        owing: "dict[str, Filing]",
        filer: Filer | None = None,
    ) -> None:
        """Begin with none.

        Args:
            store: The account.
            owing: Those that have unfiled messages, by directory; shared.
            filer: Takes filing away from this process, if there is one.
        """
        self.rows: dict[str, MailboxRow] = {}
        self.stuck = False
        self.tell: Tell | None = None
        self._store = store
        self._owing = owing
        self._filer = filer
        self._waiting: list[Unfiled] = []
        self._sent: Sent | None = None
        self._entered: list[Unfiled] = []
        self._touched: list[MailboxRow] = []
        self._undigested: dict[int, int] = {}

    def may_wait(self, octets: int) -> bool:
        """Tell whether messages of so many octets may wait for their files."""
        return not self.stuck and self._store.has_room(octets)

    def row(self, mailbox_id: str) -> MailboxRow | None:
        """Return a mailbox as it will be, if that is known without filing.

        Raises:
            NoSuchMailbox: It was deleted.
        """
        row = self.rows.get(mailbox_id)
        if row is None and not (self._waiting or self._sent):
            row = self.rows[mailbox_id] = self._store.mailbox(mailbox_id)
        return row

    def add(self, messages: Sequence[Unfiled]) -> None:
        """Take messages that are about to be in the journal."""
        self._waiting += messages
        self._owing[self._store.root] = self
        if self._filer is not None:
            self._filer.expect(len(messages))

    def drop(self, messages: Sequence[Unfiled]) -> bool:
        """Forget messages that did not get into the journal.

        Returns:
            Whether they had not been filed meanwhile.
        """
        self.rows = {}
        before = len(self._waiting)
        self._waiting = [one for one in self._waiting if one not in messages]
        return len(self._waiting) < before

    def sizes(self, row: MailboxRow) -> dict[int, int]:
        """Return the sizes of a mailbox's unfiled messages, by number."""
        away = self._sent.messages if self._sent else ()
        base = row.span()[0]
        return {
            base + one.file.uid: one.file.size
            for one in (*away, *self._waiting)
            if one.mailbox_id == row.mailbox_id
        }

    def owe_digests(self, first: int) -> None:
        """Have messages summarised in idle time, if they are not.

        Args:
            first: Number of the first of them; all that follow in its mailbox.
        """
        mailbox = first >> 32
        self._undigested[mailbox] = min(first, self._undigested.get(mailbox, first))

    def opened(self) -> None:
        """File what another hold on the same account left.

        Raises:
            TemporaryFailure: It cannot be done.
        """
        self.settle()
        other = self._owing.get(self._store.root)
        if other is not None and other is not self:
            other.behind()

    def settle(self) -> None:
        """Wait until nothing of the account is in the hands of another process."""
        sent = self._sent
        if sent is not None:
            sent.is_over(wait=True)
            self._take_over(sent)

    def enter(self) -> None:
        """File what waits, inside the transaction of a job that comes after it.

        When the disk does not take the files they stay unfiled, and the job
        goes on without them: it may be the one that makes room.
        """
        index = self._store.index
        rows = {
            mailbox_id: row
            for mailbox_id in {one.mailbox_id for one in self._waiting}
            if (row := self._row_now(mailbox_id)) is not None
        }
        self.rows = {}
        if not self._waiting:
            return
        for row in rows.values():
            index.update_mailbox(row)
        index.execute("SAVEPOINT filing")
        try:
            self._place(rows)
            self._enter(index, rows)
            index.execute("RELEASE filing")
        except BaseException as error:
            index.rollback("filing")
            self.stuck = True
            if not isinstance(error, OSError):
                raise
            self._store.refused(error)
            return
        self._entered += self._waiting
        self._waiting = []
        self._touched += rows.values()

    def committed(self) -> None:
        """The transaction is through: what was entered is filed."""
        self._entered.clear()
        touched, self._touched = self._touched, []
        if touched and self.tell is not None:
            self.tell({row.mailbox_id: row.highest_modseq for row in touched}, touched)
        if not self._waiting:
            self.stuck = False
            self._owing.pop(self._store.root, None)

    def rolled_back(self) -> None:
        """The transaction was taken back."""
        self._waiting[:0] = self._entered
        self._entered = []
        self._touched = []
        self.rows = {}

    def closed(self) -> None:
        """The index was closed."""
        self.rolled_back()
        self._undigested.clear()

    def behind(self, here: bool = True) -> Outcome:
        """File what waits.

        Args:
            here: Whether it must be done now, and in this process.

        Returns:
            What is under way, or what works out summaries while there is nothing
            else to do.

        Raises:
            TemporaryFailure: Something cannot be filed; it still waits.
        """
        store = self._store
        if not here and self._give_away():
            return self._sent
        self.settle()
        if self._waiting:
            was_open = store.opened
            with store.alone():
                self.enter()
            if self._waiting:
                raise TemporaryFailure(f"{store.root}: messages without a file")
            if not was_open:
                store.close()
        return self._digest_some if self._undigested else None

    def after(self, sent: Sent, wait: bool) -> Outcome:
        """Go on after what another process did; raises as :meth:`behind`.

        Args:
            sent: What it was given, and answered for.
            wait: Whether all must be done now.
        """
        if sent is self._sent:
            self._take_over(sent)
        if sent.filed is None or sent.left:
            return self.behind(here=wait or sent.filed is None)
        return self._digest_some if self._undigested else None

    def _give_away(self) -> bool:
        """Give what waits to another process, if it takes any of it."""
        if self._filer is None or self.stuck or self._sent or not self._waiting:
            return False
        store, waiting = self._store, self._waiting
        sent = self._filer.take(self, store.root, store.address, waiting)
        if sent is None:
            return False
        self._sent, self._waiting = sent, waiting[len(sent.messages) :]
        return True

    def _take_over(self, sent: Sent) -> None:
        """Take over what another process did, or take back what it was given."""
        away, self._sent = sent.messages, None
        if sent.filed is None:
            for one in away:
                one.doubtful = True
            self._waiting[:0] = away
            return
        if not self._waiting:
            self._owing.pop(self._store.root, None)
        rows = []
        # Should the index be damaged, the next job says so.
        with suppress(sqlite3.Error):
            for mailbox_id, _, new_mtime, cur_mtime in sent.filed:
                row = self._row_now(mailbox_id)
                if row is not None:
                    row.new_mtime, row.cur_mtime = new_mtime, cur_mtime
                    rows.append(snapshot(row))
                    uids = [o.file.uid for o in away if o.mailbox_id == mailbox_id]
                    self.owe_digests(row.span()[0] + uids[0])
        if self.tell is not None:
            self.tell({one[0]: one[1] for one in sent.filed}, rows)

    def _row_now(self, mailbox_id: str) -> MailboxRow | None:
        """Return a mailbox with all that came to it, no UID of a message free."""
        row = self.rows.get(mailbox_id)
        if row is None and self._store.opened:
            row = self._store.index.mailbox(mailbox_id)
        if row is not None:
            for one in self._waiting:
                if one.mailbox_id == mailbox_id:
                    row.uid_next = max(row.uid_next, one.file.uid + 1)
                    row.highest_modseq = max(row.highest_modseq, one.modseq)
        return row

    def _digest_some(self) -> bool:
        if self._undigested and self._store.opened:
            with self._store.alone() as index:
                self._work_out(index)
        return bool(self._undigested)

    def _place(self, rows: dict[str, MailboxRow]) -> None:
        """Write the files."""
        store = self._store
        for mailbox_id, row in rows.items():
            here = [one for one in self._waiting if one.mailbox_id == mailbox_id]
            _see_placed(store, row, [one for one in here if one.doubtful])
            with store.own_change(row):
                for one in here:
                    if one.placed:
                        continue
                    write_file(
                        store.os_layer,
                        f"{store.directory(row)}/tmp/{one.file.name}",
                        store.path(row, one.file.name, one.file.disk),
                        one.octets,
                        one.date,
                    )
                    one.placed = True

    def _enter(self, index: Index, rows: dict[str, MailboxRow]) -> None:
        """Write the rows."""
        values, headers = [], []
        for one in self._waiting:
            row = rows.get(one.mailbox_id)
            if row is None:
                _log.warn("{name} has no mailbox any more", name=one.file.name)
                continue
            number = row.span()[0] + one.file.uid
            flags = index.flag_number(one.flags)
            file = one.file
            times = (one.modseq, one.modseq, file.date)
            values.append(
                (number, file.name, file.disk, 0, flags, *times, file.size, 0)
            )
            headers.append((number, header_of(one.octets)))
            self._undigested.setdefault(row.id, number)
        index.executemany(
            "INSERT OR IGNORE INTO messages VALUES (?,?,?,?,?,?,?,?,?,?)", values
        )
        enter_headers(index, headers)
        for row in rows.values():
            index.update_mailbox(row)

    def _work_out(self, index: Index) -> None:
        """Keep the summaries of a few messages that have none."""
        mailbox, first = next(iter(self._undigested.items()))
        rows = [one for one in index.mailboxes() if one.id == mailbox]
        found = index.execute(
            "SELECT id, file, disk, lf FROM messages AS m WHERE id BETWEEN ? AND ?"
            " AND size<=? AND NOT EXISTS (SELECT 1 FROM summaries WHERE id=m.id)"
            " ORDER BY id LIMIT ?",
            (first, mailbox << 32 | 2**32 - 1, DIGESTED_MAX, DIGESTS),
        ).fetchall()
        for number, name, disk, lf in found if rows else ():
            path = self._store.path(rows[0], name, disk)
            with suppress(FileNotFoundError), open(path, "rb") as file:
                octets = file.read()
                keep(index, number, *digest(to_crlf(octets) if lf else octets))
        if rows and len(found) == DIGESTS:
            self._undigested[mailbox] = found[-1][0] + 1
        else:
            del self._undigested[mailbox]


def _see_placed(
    store: "AccountStore", row: MailboxRow, messages: Sequence[Unfiled]
) -> None:
    """Find the files of messages that another process began to file."""
    if not messages:
        return
    directory = store.directory(row)
    # In this order: other programs move files from new/ to cur/.
    names = os.listdir(f"{directory}/new") + os.listdir(f"{directory}/cur")
    there = {name.partition(":")[0] for name in names}
    for one in messages:
        one.placed, one.doubtful = one.file.name in there, False
        with suppress(FileNotFoundError):
            store.os_layer.unlink(f"{directory}/tmp/{one.file.name}")


def write_file(
    os_layer: OSLayer, draft: str, path: str, octets: bytes, date: int | None
) -> None:
    """Write a message file under another name and give it its own.

    Raises:
        OSError: It cannot be written; nothing is left of it.
    """
    fd = os_layer.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        try:
            written = os_layer.write(fd, octets) if octets else 0
            while written < len(octets):
                written += os_layer.write(fd, octets[written:])
        finally:
            os_layer.close(fd)
        if date is not None:
            set_date(draft, date)
        os_layer.rename(draft, path)
    except BaseException:
        os_layer.unlink(draft)
        raise


def set_date(path: str, date: int) -> None:
    """Note the internal date where Dovecot and a new index look for it."""
    try:
        os.utime(path, (date, date))
    except OverflowError:
        os.utime(path, (0, 0))
