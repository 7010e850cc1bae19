"""Tests of :mod:`mailframe.storage.maildir.kept_columns`."""

import sqlite3
from array import array
from typing import Any

from mailframe.model.flag import DELETED, SEEN, FlagChange
from mailframe.model.mailbox import INBOX
from mailframe.model.uid_set import UIDSet
from mailframe.storage.maildir import kept_columns
from mailframe.storage.maildir.account import MaildirAccount
from mailframe.storage.maildir.index import INDEX_FILE
from mailframe.testing.mailbox_contract import new
from tests.storage.maildir_case import MaildirTestCase

_STEPS = 6


class KeptColumnsTests(MaildirTestCase):
    """What is loaded is what the rows say, whenever the copy was made."""

    def setUp(self) -> Any:
        """Keep the columns of small mailboxes, too."""
        self.patch(kept_columns, "WORTH", 1)
        return super().setUp()

    def as_loaded(self, account: MaildirAccount, mailbox_id: str) -> Any:
        """Return the columns as a new reader finds them, and whether to keep them."""
        found = account.reader.load_columns(mailbox_id)
        listing = found.listing
        columns = [
            *(listing.uids, listing.flags, listing.modseqs, listing.dates),
            *(listing.sizes, found.arrived, listing.saved),
        ]
        return (
            listing.highest_modseq,
            [list(column) for column in columns],
            found.all_uids,
        ), found

    def index(self, account: MaildirAccount) -> sqlite3.Connection:
        """Open the index as another program."""
        connection = sqlite3.connect(f"{account.root}/{INDEX_FILE}")
        self.addCleanup(connection.close)
        return connection

    async def _step(self, account: Any, mailbox: Any, step: int) -> None:
        if step == 1:
            await mailbox.store(UIDSet.of([2, 4]), FlagChange.ADD, frozenset({SEEN}))
        elif step == 2:
            await account.append(INBOX, [new(8), new(9)])
        elif step == 3:
            await mailbox.store(
                UIDSet.of([1, 5, 8]), FlagChange.ADD, frozenset({DELETED, "$work"})
            )
            await mailbox.expunge(UIDSet.of([1, 8]))
        elif step == 4:
            await account.append(INBOX, [new(10)])
            await mailbox.expunge()
        elif step == 5:
            await mailbox.store(
                UIDSet(((1, 99),)), FlagChange.REPLACE, frozenset({"$later"})
            )

    async def test_brought_along(self) -> None:
        """A copy of any moment comes to the same as the rows at a later one."""
        for kept_at in range(_STEPS):
            account = await self.realm.account(f"user{kept_at}@example.org")
            await account.append(INBOX, [new(number) for number in range(1, 8)])
            mailbox = await account.open(INBOX)
            await account.settle()
            index = self.index(account)
            index.execute("DELETE FROM columns")
            index.commit()
            for step in range(_STEPS):
                await self._step(account, mailbox, step)
                if step == kept_at:
                    _, found = self.as_loaded(account, mailbox.mailbox_id)
                    account.aside(kept_columns.keep, found.row, found.to_keep)
                    await account.settle()
                    (count,) = index.execute("SELECT count(*) FROM columns").fetchone()
                    self.assertEqual(count, 1)
                if step < kept_at:
                    continue
                with_copy, found = self.as_loaded(account, mailbox.mailbox_id)
                self.assertIsNone(found.to_keep)
                saved = index.execute("SELECT * FROM columns").fetchall()
                index.execute("DELETE FROM columns")
                index.commit()
                self.assertEqual(
                    self.as_loaded(account, mailbox.mailbox_id)[0], with_copy
                )
                index.executemany("INSERT INTO columns VALUES (?,?,?)", saved)
                index.commit()

    async def test_unfit(self) -> None:
        """A copy of another machine, or one that lacks a row, is passed over."""
        account = await self.account()
        await account.append(INBOX, [new(number) for number in range(1, 8)])
        mailbox = await account.open(INBOX)
        await account.settle()
        wanted, found = self.as_loaded(account, mailbox.mailbox_id)
        index = self.index(account)
        form, _, octets = kept_columns._packed(kept_columns.empty()).partition(b"\n")
        self.assertEqual(octets, b"")
        for kept in (b"", b"another\n" + octets, form + b"\nx", form + b"\n"):
            index.execute(
                "INSERT OR REPLACE INTO columns VALUES (?,?,?)",
                (found.row.id, found.row.highest_modseq, kept),
            )
            index.commit()
            self.assertEqual(self.as_loaded(account, mailbox.mailbox_id)[0], wanted)

    def test_sets(self) -> None:
        """Ascending UIDs, with holes or without."""
        for uids in ([], [5], [5, 6, 7], [1, 3, 4]):
            self.assertEqual(
                kept_columns.uid_set(array("I", uids)), UIDSet.of(uids), uids
            )
