"""PARTIAL: what is found, or fetched, a piece at a time.

Capability ``PARTIAL``, RFC 9394, after login; the return option is also that of
RFC 5267, which has no negative ranges.

Source: RFC 9394 section 3.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from mailframe.imap.command import Extension
from mailframe.imap.cursor import Cursor
from mailframe.imap.fetch_items import FETCH_MODIFIERS, Narrowing
from mailframe.imap.search_return import RETURN_OPTIONS, ReturnOption, SearchResult
from mailframe.imap.sequence import set_in_order
from mailframe.model.mailbox import Listing
from mailframe.model.uid_set import UID_MAX, UIDSet

_T = TypeVar("_T")

# partial-range-first = nz-number ":" nz-number
# partial-range-last  = MINUS nz-number ":" MINUS nz-number
_RANGE = re.compile(rb"(-?)([1-9][0-9]{0,9}):\1([1-9][0-9]{0,9})")


@dataclass(frozen=True, slots=True)
class Range(Narrowing):
    """Some of a list.

    Attributes:
        written: As the client wrote it.
        low: Its first, from 1.
        high: Its last, at least ``low``.
        from_end: Whether they are counted from the end.
    """

    written: bytes
    low: int
    high: int
    from_end: bool
    uid_only: ClassVar[bool] = True

    def of(self, found: Sequence[_T]) -> Sequence[_T]:
        """Return the range of a list, as much of it as there is."""
        if not self.from_end:
            return found[self.low - 1 : self.high]
        count = len(found)
        return found[max(0, count - self.high) : max(0, count - self.low + 1)]

    @property
    def most(self) -> int:
        """How many messages the range can have."""
        return self.high - self.low + 1

    def narrow(self, listing: Listing, uids: UIDSet) -> UIDSet:
        """Return the range of those of some messages that exist."""
        present = [
            uid
            for start, stop in uids.slices(listing.uids)
            for uid in listing.uids[start:stop]
        ]
        return UIDSet.of(self.of(present))


def partial_range(cursor: Cursor) -> Range:
    """Read ``SP partial-range``.

    Raises:
        BadSyntax: There is none here.

    Source: RFC 9394 section 4.
    """
    cursor.space()
    start = cursor.position
    found = cursor.match(_RANGE)
    if found is None or max(int(found[2]), int(found[3])) > UID_MAX:
        cursor.position = start
        cursor.fail("a range such as 1:100 or -1:-100")
    ends = sorted((int(found[2]), int(found[3])))
    return Range(found[0], ends[0], ends[1], bool(found[1]))


def _option(cursor: Cursor) -> ReturnOption:
    wanted = partial_range(cursor)

    def item(result: SearchResult) -> bytes:
        numbers = wanted.of(result.numbers)
        told = set_in_order(numbers) if numbers else b"NIL"
        return b"PARTIAL (%b %b)" % (wanted.written, told)

    return ReturnOption(b"PARTIAL", item, wanted.of)


RETURN_OPTIONS[b"PARTIAL"] = _option
FETCH_MODIFIERS[b"PARTIAL"] = partial_range

EXTENSION = Extension(b"PARTIAL")
