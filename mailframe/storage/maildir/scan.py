"""Find out what other programs did to a mailbox, beside a snapshot of the index.

Runs in a reading thread, however long it takes. What is found is taken over by
:mod:`mailframe.storage.maildir.adoption`.

Source: https://cr.yp.to/proto/maildir.html; DESIGN.md section 4.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from mailframe.storage.maildir.identity import read_uidlist
from mailframe.storage.maildir.index import Index, MailboxRow
from mailframe.storage.maildir.names import file_name

SLICE = 1000
"""New files taken over at once."""

_New = tuple[int, int, str, int | None]
"""By what a new file is sorted: UID or what is above all, arrival, place; its UID."""

_PIECE = 1_048_576


@dataclass(frozen=True, slots=True)
class Found:
    """A file nobody gave a UID yet.

    Attributes:
        place: ``new/`` or ``cur/`` and its name there.
        uid: The one it brings along, from a lost index or from Dovecot.
        size: Octets once its lines end in CRLF.
        disk_size: Octets it has.
        date: When it arrived, seconds since 1970.
    """

    place: str
    uid: int | None
    size: int
    disk_size: int
    date: int


@dataclass(slots=True)
class Differences:
    """Where directories and index differ.

    Attributes:
        mtimes: Of ``new/`` and ``cur/`` before they were read.
        found: Files to take over, in the order of their UIDs.
        rest: Those that come after them, for :func:`further`.
        missing: UIDs whose files are nowhere.
        renamed: UID, and place and name now, of files whose name changed.
    """

    mtimes: tuple[int, int]
    found: list[Found] = field(default_factory=list)
    rest: "list[_New]" = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    renamed: list[tuple[int, str]] = field(default_factory=list)

    @property
    def more(self) -> bool:
        """Whether there are more files to take over, for another time."""
        return bool(self.rest)

    def any(self) -> bool:
        """Tell whether there is any difference."""
        return bool(self.found or self.missing or self.renamed)


@dataclass(frozen=True, slots=True)
class Known:
    """What the index has of a mailbox: UIDs by place and name, expunged files."""

    row: MailboxRow
    files: Mapping[str, int]
    expunged: frozenset[str]


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
        if base in unknown:
            differences.renamed.append((uid, unknown[base].pop()))
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


def _by_base(places: Iterable[str]) -> dict[str, list[str]]:
    """Return places by base name, what begins with a dot left out."""
    found: dict[str, list[str]] = {}
    for place in places:
        if place[4] != ".":
            found.setdefault(_base(place), []).append(place)
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
        for place in places:
            names.append((uid or 2**32, parts.arrived or 0, place, uid))
    names.sort(key=lambda one: one[:3])
    differences.rest = names
    _take_slice(differences, directory)


def further(before: Differences, directory: str) -> Differences:
    """Return the next of what :func:`compare` has found, without comparing again.

    Raises:
        OSError: A file cannot be read.
    """
    differences = Differences(before.mtimes, rest=before.rest)
    _take_slice(differences, directory)
    return differences


def _take_slice(differences: Differences, directory: str) -> None:
    names, differences.rest = differences.rest[:SLICE], differences.rest[SLICE:]
    for _, arrived, place, uid in names:
        with suppress(FileNotFoundError, IsADirectoryError):
            differences.found.append(_look_at(directory, place, uid, arrived))


def _look_at(directory: str, place: str, uid: int | None, arrived: int) -> Found:
    """Return what has to be known of a new file before it is taken over."""
    path = f"{directory}/{place}"
    status = os.stat(path)
    sizes = file_name(place).sizes
    if sizes and sizes[0] == status.st_size:
        size = sizes[1]
    else:
        size = status.st_size + _bare_line_ends(path)
    return Found(place, uid, size, status.st_size, int(status.st_mtime) or arrived)


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
