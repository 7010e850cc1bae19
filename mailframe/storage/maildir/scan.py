"""What other programs did to a mailbox: found by a reader, taken over by a job.

:func:`compare` looks at the directories beside a snapshot of the index, in a
reading thread, however long that takes. :func:`adopt` is the job that checks
each difference once more and takes it over: new files get UIDs and their place
in ``cur/``, changed letters change flags, missing files vanish.

Source: https://cr.yp.to/proto/maildir.html; DESIGN.md section 4.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from mailframe.model.flag import NO_FLAGS, FlagSet, intern_flags
from mailframe.model.uid_set import UID_MAX, UIDSet
from mailframe.storage.maildir import records
from mailframe.storage.maildir.arrival import add_message
from mailframe.storage.maildir.flagging import set_flags, vanish
from mailframe.storage.maildir.identity import read_uidlist
from mailframe.storage.maildir.index import Index, MailboxRow
from mailframe.storage.maildir.names import file_name, unique, usable, with_uid
from mailframe.storage.maildir.store import (
    AccountStore,
    Delta,
    directory_mtimes,
    find_file,
    settled,
    snapshot,
)
from mailframe.storage.writer import Batch

SLICE = 1000
"""New files taken over at once."""

_PIECE = 1_048_576


@dataclass(frozen=True, slots=True)
class Found:
    """A file nobody gave a UID yet.

    Attributes:
        place: ``new`` or ``cur``.
        name: As it is there.
        size: Octets once its lines end in CRLF.
        disk_size: Octets it has.
        date: When it arrived, seconds since 1970.
    """

    place: str
    name: str
    size: int
    disk_size: int
    date: int


@dataclass(slots=True)
class Differences:
    """Where directories and index differ.

    Attributes:
        mtimes: Of ``new/`` and ``cur/`` before they were read.
        found: Files to take over, in the order of their UIDs.
        more: Whether there are more of them, for another time.
        missing: UIDs whose files are nowhere.
        renamed: UID and letters (``None`` in ``new/``) of files whose name
            changed.
    """

    mtimes: tuple[int, int]
    found: list[Found] = field(default_factory=list)
    more: bool = False
    missing: list[int] = field(default_factory=list)
    renamed: list[tuple[int, str | None]] = field(default_factory=list)


def compare(index: Index, mailbox_id: str, root: str) -> Differences | None:
    """Find out how a mailbox's directories differ from the index.

    Args:
        index: A reading connection.
        mailbox_id: Which mailbox.
        root: The account's directory.

    Returns:
        The differences, or ``None`` for a mailbox that is not there.

    Raises:
        NoSuchMailbox: Its directory is gone.
        OSError: It cannot be read.
    """
    row = index.mailbox(mailbox_id)
    if row is None:
        return None
    directory = f"{root}/{row.directory}" if row.directory else root
    differences = Differences(directory_mtimes(directory))
    listed = _listing(directory)
    known = index.execute(
        "SELECT id & 4294967295, file, disk FROM messages WHERE id BETWEEN ? AND ?",
        row.span(),
    ).fetchall()
    expunged = {
        file
        for (file,) in index.execute(
            "SELECT file FROM removals WHERE mailbox=?", (row.id,)
        )
    }
    lost = []
    for uid, file, disk in known:
        there = listed.pop(file, None)
        if there is None:
            lost.append((uid, file))
        elif disk not in there:
            differences.renamed.append((uid, there[0]))
            _surplus(listed, file, there[1:])
        elif len(there) > 1:
            there.remove(disk)
            _surplus(listed, file, there)
    if lost:
        # A name that changes while a directory is read may be passed over.
        again = _listing(directory)
        differences.missing = [uid for uid, file in lost if file not in again]
    names = [
        (file, disk)
        for file, places in listed.items()
        if file not in expunged
        for disk in places
    ]
    order = _Order(row, directory)
    names.sort(key=order.key)
    differences.more = len(names) > SLICE
    for file, disk in names[:SLICE]:
        with suppress(FileNotFoundError):
            differences.found.append(_look_at(directory, file, disk))
    return differences


def _surplus(
    listed: dict[str, list[str | None]], file: str, places: list[str | None]
) -> None:
    if places:
        listed[file] = places


def _listing(directory: str) -> dict[str, list[str | None]]:
    """Return the letters of each file by its base name; ``None`` for ``new/``."""
    listed: dict[str, list[str | None]] = {}
    for name in os.listdir(f"{directory}/new"):
        if not name.startswith("."):
            base = name.partition(":")[0]
            listed.setdefault(base, []).append(None if base == name else name)
    for name in os.listdir(f"{directory}/cur"):
        if not name.startswith("."):
            base, _, info = name.partition(":")
            listed.setdefault(base, []).append(
                info[2:] if info.startswith("2,") else ""
            )
    return listed
