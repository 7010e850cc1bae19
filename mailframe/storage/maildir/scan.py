"""Find out what other programs did to a mailbox, beside a snapshot of the index.

Runs in a reading thread, however long it takes. What is found is taken over by
:mod:`mailframe.storage.maildir.adoption`.

Source: https://cr.yp.to/proto/maildir.html; DESIGN.md section 4.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

from mailframe.storage.maildir.identity import read_uidlist
from mailframe.storage.maildir.index import Index, MailboxRow
from mailframe.storage.maildir.names import FileName, file_name

SLICE = 3000
"""New files taken over at once: some 50 ms of the writer thread."""

MANY = 200
"""New files of which so many are found are given their names later."""

_New = tuple[int, int, str, FileName, int | None, bool]
"""By what a new file is sorted: UID or what is above all, arrival, place; its name,
its UID, and whether no other file has its base name."""

_PIECE = 1_048_576


class Found(NamedTuple):
    """A file nobody gave a UID yet.

    Attributes:
        place: ``new/`` or ``cur/`` and its name there.
        name: That name.
        uid: The one it brings along, from a lost index or from Dovecot.
        size: Octets once its lines end in CRLF.
        disk_size: Octets it has.
        date: When it arrived, seconds since 1970.
        alone: Whether no other message has its base name.
    """

    place: str
    name: FileName
    uid: int | None
    size: int
    disk_size: int
    date: int
    alone: bool


@dataclass(slots=True)
class Differences:
    """Where directories and index differ.

    Attributes:
        mtimes: Of ``new/`` and ``cur/`` before they were read.
        found: Files to take over, in the order of their UIDs.
        rest: Those that come after them, for :func:`further`.
        missing: UIDs whose files are nowhere.
        renamed: UID, and place and name now, of files whose name changed.
        many: Whether the new files are given their names later.
    """

    mtimes: tuple[int, int]
    found: list[Found] = field(default_factory=list)
    rest: "list[_New]" = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    renamed: list[tuple[int, str]] = field(default_factory=list)
    many: bool = False

    @property
    def more(self) -> bool:
        """Whether there are more files to take over, for another time."""
        return bool(self.rest)

    def any(self) -> bool:
        """Tell whether there is any difference."""
        return bool(self.found or self.missing or self.renamed)


@dataclass(frozen=True, slots=True)
class Known:
    """What the index has of a mailbox.

    Attributes:
        row: The mailbox.
        files: UIDs by place and name.
        expunged: Base names of expunged messages whose files are to go.
        owed: Base names of those whose names are to change.
    """

    row: MailboxRow
    files: Mapping[str, int]
    expunged: frozenset[str]
    owed: frozenset[str]


def known(index: Index, row: MailboxRow) -> Known:
    """Read what the index knows of a mailbox's files."""
    return Known(
        row,
        dict(
            index.execute(
                "SELECT CASE WHEN disk IS NULL THEN 'new/' || file"
                " ELSE 'cur/' || file || ':2,' || disk END, id & 4294967295"
                " FROM messages WHERE id BETWEEN ? AND ?",
                row.span(),
            ).fetchall()
        ),
        frozenset(
            file
            for (file,) in index.execute(
                "SELECT file FROM removals WHERE mailbox=?", (row.id,)
            )
        ),
        frozenset(
            file
            for (file,) in index.execute(
                "SELECT file FROM messages WHERE owed AND id BETWEEN ? AND ?",
                row.span(),
            )
        ),
    )


def listing(directory: str) -> set[str]:
    """Return place and name of all that is in ``new/`` and ``cur/``."""
    return {
        f"{place}/{name}"
        for place in ("new", "cur")
        for name in os.listdir(f"{directory}/{place}")
    }


def compare(
    directory: str, mtimes: tuple[int, int], listed: set[str], there: Known
) -> Differences:
    """Find out how a mailbox's directories differ from the index.

    Args:
        directory: The mailbox's.
        mtimes: Of ``new/`` and ``cur/``, taken before they were read.
        listed: What was in them.
        there: What the index knew after they were read.

    Raises:
        OSError: A file cannot be read.
    """
    differences = Differences(mtimes)
    unknown = _by_base(listed - there.files.keys())
    lost: dict[str, int] = {}
    for place in there.files.keys() - listed:
        base, uid = _base(place), there.files[place]
        if unknown.get(base):
            *unknown[base], place = unknown[base]
            differences.renamed.append((uid, place))
        else:
            lost[base] = uid
    if lost:
        # A name that changes while a directory is read may be passed over.
        again = _by_base(listing(directory))
        differences.missing = sorted(
            uid for base, uid in lost.items() if base not in again
        )
    _look_for_new(differences, there, directory, unknown)
    return differences


def _base(place: str) -> str:
    return place[4:].partition(":")[0]


def _by_base(places: Iterable[str]) -> dict[str, Sequence[str]]:
    """Return places by base name, what begins with a dot left out."""
    found: dict[str, Sequence[str]] = {}
    for place in places:
        if place[4] != ".":
            base = place[4:].partition(":")[0]
            others = found.get(base)
            # Tuples, for the collector of garbage does not look at them again.
            found[base] = (place,) if others is None else (*others, place)
    return found


def _look_for_new(
    differences: Differences,
    there: Known,
    directory: str,
    unknown: Mapping[str, Sequence[str]],
) -> None:
    """Note the files nobody gave a UID: those that bring one along come first."""
    row = there.row
    uids = {} if row.scanned else read_uidlist(directory).uids
    names: list[_New] = []
    for base, places in unknown.items():
        if base in there.expunged:
            continue
        parts = file_name(base)
        uid = None if row.scanned else uids.get(base, parts.uid)
        if uid is not None and uid >= row.uid_next:
            uid = None
        alone = len(places) == 1 and base not in there.owed
        first = uid or 2**32, parts.arrived or 0
        names += [(*first, place, file_name(place[4:]), uid, alone) for place in places]
    # No two have the same place.
    names.sort(key=itemgetter(0, 1, 2))
    differences.rest, differences.many = names, len(names) >= MANY
    _take_slice(differences, directory)


def further(before: Differences, directory: str) -> Differences:
    """Return the next of what :func:`compare` has found, without comparing again.

    Raises:
        OSError: A file cannot be read.
    """
    differences = Differences(before.mtimes, rest=before.rest, many=before.many)
    _take_slice(differences, directory)
    return differences


def _take_slice(differences: Differences, directory: str) -> None:
    names, differences.rest = differences.rest[:SLICE], differences.rest[SLICE:]
    for name in names:
        with suppress(FileNotFoundError, IsADirectoryError):
            differences.found.append(_look_at(directory, name))


def _look_at(directory: str, name: _New) -> Found:
    """Return what has to be known of a new file before it is taken over."""
    _, arrived, place, parts, uid, alone = name
    path = f"{directory}/{place}"
    status = os.stat(path)
    sizes = parts.sizes
    if sizes and sizes[0] == status.st_size:
        size = sizes[1]
    else:
        size = status.st_size + _bare_line_ends(path)
    date = int(status.st_mtime) or arrived
    return Found(place, parts, uid, size, status.st_size, date, alone)


def _bare_line_ends(path: str) -> int:
    """Count the LFs of a file that have no CR before them."""
    count, last = 0, b""
    with open(path, "rb", buffering=0) as file:
        while piece := file.read(_PIECE):
            count += piece.count(b"\n") - piece.count(b"\r\n")
            if last == b"\r" and piece.startswith(b"\n"):
                count -= 1
            last = piece[-1:]
    return count
