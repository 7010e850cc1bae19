"""The columns of a large mailbox as one row of the index, to be loaded at once.

A hundred thousand rows take SQLite's cursor a fifth of a second; the same columns as
octets, and the few rows that changed since they were kept, a tenth of that. They are
a copy: whatever does not fit together is read from the rows.

Source: DESIGN.md section 6 (flags and columns at the speed of C).
"""

import sys
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from mailframe.model.uid_set import UIDSet
from mailframe.storage.maildir.index import Index, MailboxRow
from mailframe.storage.maildir.store import AccountStore
from mailframe.storage.writer import Batch

WORTH = 5000
"""Messages from which on columns are kept."""
_STALE = 2000
"""Rows changed since, from which on they are kept anew."""
_CODES = "IIQqQQ"
_COLUMNS = "id & 4294967295, flags, modseq, date, size, arrived"


class RawColumns(NamedTuple):
    """UIDs, numbers of flag sets, mod-sequences, dates, sizes, arrivals."""

    uids: "array[int]"
    flags: "array[int]"
    modseqs: "array[int]"
    dates: "array[int]"
    sizes: "array[int]"
    arrived: "array[int]"


def empty() -> RawColumns:
    """Return columns of no messages."""
    return RawColumns(*[array(code) for code in _CODES])


def uid_set(uids: "array[int]") -> UIDSet:
    """Return ascending UIDs as a set."""
    if uids and uids[-1] - uids[0] == len(uids) - 1:
        return UIDSet(((uids[0], uids[-1]),))
    return UIDSet.of(uids)


def read(index: Index, row: MailboxRow) -> tuple[RawColumns, bytes | None]:
    """Return the columns of a mailbox, inside a transaction.

    Returns:
        Them, and the octets that are worth being kept, if any.
    """
    kept = index.execute(
        "SELECT modseq, octets FROM columns WHERE mailbox=?", (row.id,)
    ).fetchone()
    found = _unpacked(kept[1]) if kept else None
    if found is not None:
        changed = _brought_along(index, row, kept[0], found)
        if changed is not None:
            return found, _packed(found) if changed > _STALE else None
    found = empty()
    cursor = index.execute(
        f"SELECT {_COLUMNS} FROM messages WHERE id BETWEEN ? AND ? ORDER BY id",  # noqa: S608
        row.span(),
    )
    while rows := cursor.fetchmany(5000):
        _extend(found, rows)
    return found, _packed(found) if len(found.uids) >= WORTH else None


def keep(store: AccountStore, batch: Batch, then: MailboxRow, octets: bytes) -> None:
    """Keep the columns of a mailbox as they were ``then``."""
    with store.step(batch) as index:
        row = index.mailbox(then.mailbox_id)
        if row is not None and row.uid_validity == then.uid_validity:
            index.execute(
                "INSERT OR REPLACE INTO columns VALUES (?,?,?)",
                (row.id, then.highest_modseq, octets),
            )


def _extend(columns: RawColumns, rows: Sequence[tuple[int, ...]]) -> None:
    for column, values in zip(columns, zip(*rows, strict=True), strict=True):
        column.extend(values)


def _brought_along(
    index: Index, row: MailboxRow, since: int, columns: RawColumns
) -> int | None:
    """Do to kept columns what was done to the rows since.

    Returns:
        How many rows had to be looked at; ``None`` when they do not fit together.
    """
    if since < row.known_since:
        return None
    rows = index.execute(
        f"SELECT {_COLUMNS} FROM messages"  # noqa: S608
        " WHERE id BETWEEN ? AND ? AND modseq > ? ORDER BY id",
        (*row.span(), since),
    ).fetchall()
    removed = index.vanished_since(row, since).slices(columns.uids)
    if removed:
        left = kept_slices(removed, len(columns.uids))
        for column in columns:
            column[:] = cut(column, left)
    uids, flags, modseqs = columns[:3]
    new = []
    for one in rows:
        uid, number, modseq, _, _, arrived = one
        if arrived > since:
            new.append(one)
            continue
        place = bisect_left(uids, uid)
        if uids[place : place + 1] != array("I", (uid,)):
            return None
        flags[place], modseqs[place] = number, modseq
    if new:
        if uids and new[0][0] <= uids[-1]:
            return None
        _extend(columns, new)
    (count,) = index.execute(
        "SELECT count(*) FROM messages WHERE id BETWEEN ? AND ?", row.span()
    ).fetchone()
    return len(rows) + len(removed) if count == len(uids) else None


# The octet order of the machine, and how long the items are on it.
_FORM = repr((sys.byteorder, [array(code).itemsize for code in _CODES])).encode()


def _packed(columns: RawColumns) -> bytes:
    return b"\n".join((_FORM, b"".join(column.tobytes() for column in columns)))


def _unpacked(octets: bytes) -> RawColumns | None:
    """Return columns, ``None`` if another kind of machine has kept them."""
    form, _, rest = octets.partition(b"\n")
    columns = empty()
    count, left = divmod(len(rest), sum(column.itemsize for column in columns))
    if form != _FORM or left:
        return None
    place = 0
    for column in columns:
        size = count * column.itemsize
        column.frombytes(rest[place : place + size])
        place += size
    return columns


def kept_slices(
    removed: Sequence[tuple[int, int]], count: int
) -> list[tuple[int, int]]:
    """Return the slices that remain when others are cut out."""
    kept = []
    place = 0
    for start, stop in removed:
        if place < start:
            kept.append((place, start))
        place = stop
    if place < count:
        kept.append((place, count))
    return kept


def cut(column: "array[int]", kept: Sequence[tuple[int, int]]) -> "array[int]":
    """Return what these slices leave of a column."""
    rest = array(column.typecode)
    for start, stop in kept:
        rest.extend(column[start:stop])
    return rest
