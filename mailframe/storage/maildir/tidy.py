"""The job that brings file names in step with the index, a slice at a time.

Flags are answered when the index has them; the names follow here, those of files
that other programs delivered with their UIDs, and so do the files of expunged
messages. What a crash leaves undone is still owed
in the index.

Source: DESIGN.md section 4 (renames are written behind); MEASURED.md section 3.
"""

import os
from contextlib import suppress

from mailframe.storage.maildir.index import Index, MailboxRow, snapshot
from mailframe.storage.maildir.letters import add_keywords
from mailframe.storage.maildir.names import has_uid, with_uid
from mailframe.storage.maildir.store import AccountStore
from mailframe.storage.writer import Batch

SLICE = 200
"""Names changed in one job, so that other accounts need not wait long."""

VANISHED_KEPT = 20_000
"""Rows of the log of vanished messages kept for one mailbox."""


def owes(index: Index) -> bool:
    """Tell whether any name is to be changed."""
    return (
        index.execute("SELECT 1 FROM messages WHERE owed LIMIT 1").fetchone()
        is not None
        or index.execute("SELECT 1 FROM removals LIMIT 1").fetchone() is not None
    )


def tidy(store: AccountStore, batch: Batch) -> tuple[bool, list[MailboxRow]]:
    """Change some names.

    Returns:
        Whether there is more to do, and the mailboxes whose directories
        changed.
    """
    with store.step(batch) as index:
        touched: list[MailboxRow] = []
        for row in _owing(index):
            with store.own_change(row):
                _remove_files(store, index, row)
                _rename_files(store, index, row)
            _prune(index, row)
            index.update_mailbox(row)
            touched.append(snapshot(row))
        return owes(index), touched


def _owing(index: Index) -> list[MailboxRow]:
    numbers = {
        number >> 32
        for (number,) in index.execute(
            "SELECT id FROM messages WHERE owed ORDER BY id LIMIT ?", (SLICE,)
        )
    }
    numbers |= {
        number
        for (number,) in index.execute("SELECT mailbox FROM removals LIMIT ?", (SLICE,))
    }
    rows = {row.id: row for row in index.mailboxes()}
    for number in numbers - rows.keys():
        index.execute("DELETE FROM removals WHERE mailbox=?", (number,))
    return [rows[number] for number in sorted(numbers & rows.keys())]


def _remove_files(store: AccountStore, index: Index, row: MailboxRow) -> None:
    """Unlink expunged files; their names may have changed since."""
    files = index.execute(
        "SELECT file, disk FROM removals WHERE mailbox=? LIMIT ?", (row.id, SLICE)
    ).fetchall()
    missed = set()
    for file, disk in files:
        try:
            store.os_layer.unlink(store.path(row, file, disk))
        except FileNotFoundError:
            missed.add(file)
    for path in _named(store.directory(row), missed) if missed else ():
        with suppress(FileNotFoundError):
            store.os_layer.unlink(path)
    index.executemany(
        "DELETE FROM removals WHERE mailbox=? AND file=?",
        [(row.id, file) for file, _ in files],
    )


def _named(directory: str, bases: set[str]) -> list[str]:
    """Return the files with these base names, whatever their flags."""
    return [
        f"{directory}/{place}/{name}"
        for place in ("cur", "new")
        for name in os.listdir(f"{directory}/{place}")
        if name.partition(":")[0] in bases
    ]


def _rename_files(store: AccountStore, index: Index, row: MailboxRow) -> None:
    owed = index.execute(
        "SELECT id, file, disk, flags FROM messages"
        " WHERE owed AND id BETWEEN ? AND ? ORDER BY id LIMIT ?",
        (*row.span(), SLICE),
    ).fetchall()
    letters = store.letters(row)
    done = []
    for number, file, disk, flag_number in owed:
        flags = index.flag_set(flag_number)
        if not letters.full and (missing := letters.missing(flags)):
            letters = add_keywords(store.directory(row), missing, store.os_layer)
            store.set_letters(row, letters)
        wanted = letters.letters(flags, letters.unknown(disk or ""))
        base = file if has_uid(file) else with_uid(file, number - row.span()[0])
        if (base, wanted) != (file, disk):
            try:
                store.os_layer.rename(
                    store.path(row, file, disk), store.path(row, base, wanted)
                )
            except FileNotFoundError:
                # Another program was quicker; the next look at the mailbox
                # finds what it did and joins it with our flags.
                row.cur_mtime = 0
                base, wanted = file, disk
        done.append((base, wanted, number))
    index.executemany("UPDATE messages SET file=?, disk=?, owed=0 WHERE id=?", done)


def _prune(index: Index, row: MailboxRow) -> None:
    """Forget the oldest of what vanished when that is more than is kept."""
    (count,) = index.execute(
        "SELECT count(*) FROM vanished WHERE mailbox=?", (row.id,)
    ).fetchone()
    if count <= VANISHED_KEPT:
        return
    (modseq,) = index.execute(
        "SELECT modseq FROM vanished WHERE mailbox=? ORDER BY modseq DESC"
        " LIMIT 1 OFFSET ?",
        (row.id, VANISHED_KEPT // 2),
    ).fetchone()
    index.execute(
        "DELETE FROM vanished WHERE mailbox=? AND modseq<=?", (row.id, modseq)
    )
    index.execute(
        "UPDATE mailboxes SET known_since=max(known_since, ?) WHERE id=?",
        (modseq, row.id),
    )
    row.known_since = max(row.known_since, modseq)
