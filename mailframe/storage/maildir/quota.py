"""The bounds of an account in Maildirs, and what it holds.

The bounds are one line of the file ``mailframe.quota`` in the account's
directory, in the notation of the first line of Maildir++'s ``maildirsize``:
``1000000S,500C`` is a million octets and 500 messages. Without the file, or with
an empty one, there are none but what the directory of users grants. Whoever runs
the host may change it at any time.

Source: DESIGN.md section 4.
"""

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mailframe.errors import OverQuota
from mailframe.model.quota import NO_LIMITS, QuotaLimits
from mailframe.storage.maildir.dotlock import change_file, read_small
from mailframe.storage.maildir.index import Index, MailboxRow

if TYPE_CHECKING:
    from mailframe.storage.maildir.filing import Filing
    from mailframe.storage.maildir.store import AccountStore

FILE = "mailframe.quota"
ROOT = ""
"""The one quota root of an account."""
_BOUND = re.compile(rb"([0-9]{1,18})([SC])")


def read_limits(root: str) -> QuotaLimits:
    """Return the bounds of an account; parts that are none are passed over.

    Raises:
        OSError: They cannot be read.
    """
    path = f"{root}/{FILE}"
    if not os.access(path, os.F_OK):
        return NO_LIMITS
    line = read_small(path).split(b"\n", 1)[0]
    found: dict[bytes, int] = {}
    for word in line.split(b","):
        if bound := _BOUND.fullmatch(word.strip()):
            found[bound[2]] = int(bound[1])
    return QuotaLimits(found.get(b"S"), found.get(b"C"))


def write_limits(store: "AccountStore", limits: QuotaLimits) -> None:
    """Keep the bounds of an account, durably.

    Raises:
        TemporaryFailure: Another program holds the file, or the disk failed.
    """
    words = []
    if limits.octets is not None:
        words.append(b"%dS" % limits.octets)
    if limits.messages is not None:
        words.append(b"%dC" % limits.messages)
    octets = b",".join(words) + b"\n"
    try:
        change_file(os.path.join(store.root, FILE), lambda _: octets, store.os_layer)
    except OSError as error:
        raise store.refused(error) from error


class Usage:
    """What an account holds and may hold, for the writer thread.

    Attributes:
        granted: Octets that a directory grants, or ``None``; counts where the
            file has no bound on octets.

    A mailbox is counted again when its mod-sequence is not the one it had when
    it was last counted, with what waits to be filed; without bounds nothing is
    counted at all.
    """

    def __init__(self, root: str, filing: "Filing") -> None:
        """Begin with nothing counted.

        Args:
            root: The account's directory.
            filing: Its messages that are in the journal only.
        """
        self.granted: int | None = None
        self._root = root
        self._filing = filing
        self._counted: dict[int, tuple[int, int, int]] = {}

    def limits(self) -> QuotaLimits:
        """Return the bounds that count; may be called in any thread.

        Raises:
            OSError: They cannot be read.
        """
        return read_limits(self._root).or_octets(self.granted)

    def forget(self) -> None:
        """Count everything again: a job was taken back."""
        self._counted.clear()

    def make_room(self, index: Index, octets: int, messages: int) -> None:
        """See that so much fits.

        Args:
            index: The account's.
            octets: Of the messages that come.
            messages: How many they are.

        Raises:
            OverQuota: It does not.
            OSError: The bounds cannot be read.
        """
        limits = self.limits()
        if limits == NO_LIMITS:
            # Nobody counts what comes from now on.
            self.forget()
            return
        filing = self._filing
        held_octets = held_messages = 0
        for found in index.mailboxes():
            row = filing.rows.get(found.mailbox_id, found)
            counted = self._counted.get(row.id)
            if counted is None or counted[0] != row.highest_modseq:
                counted = (
                    row.highest_modseq,
                    *_count(index, row, filing.sizes(row)),
                )
                self._counted[row.id] = counted
            held_octets += counted[1]
            held_messages += counted[2]
        if not limits.allow(held_octets + octets, held_messages + messages):
            raise OverQuota(f"{messages} more messages of {octets} octets")

    def came(self, row: MailboxRow, octets: int, messages: int) -> None:
        """Note what came to a mailbox in this job, after :meth:`make_room`."""
        counted = self._counted.get(row.id)
        if counted is not None:
            self._counted[row.id] = (
                row.highest_modseq,
                counted[1] + octets,
                counted[2] + messages,
            )


def _count(
    index: Index, row: MailboxRow, unfiled: Mapping[int, int]
) -> tuple[int, int]:
    """Count a mailbox; another process may be filing some of what is unfiled."""
    low, high = row.span()
    first = min(unfiled, default=high + 1)
    octets, messages = index.execute(
        "SELECT coalesce(sum(size), 0), count(*) FROM messages"
        " WHERE id BETWEEN ? AND ?",
        (low, first - 1),
    ).fetchone()
    rest = index.execute(
        "SELECT id, size FROM messages WHERE id BETWEEN ? AND ?", (first, high)
    )
    sizes = {**dict(rest), **unfiled}
    return int(octets) + sum(sizes.values()), int(messages) + len(sizes)
