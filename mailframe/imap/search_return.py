"""What a searching command tells, and how: ``RETURN (...)`` and ESEARCH.

:data:`RETURN_OPTIONS` is a table, so that an extension adds a row when it is
imported and nothing here changes.

Source: RFC 4466 section 2.6, RFC 4731, RFC 9051 section 7.3.4.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mailframe.errors import BadSyntax
from mailframe.imap.cursor import Cursor
from mailframe.imap.search import SearchRequest
from mailframe.imap.sequence import set_in_order
from mailframe.model.mailbox import Listing
from mailframe.model.uid_set import UIDSet

if TYPE_CHECKING:
    from mailframe.imap.searching import Search
    from mailframe.imap.session import Session

_LABEL = re.compile(rb"[A-Z\-_.][A-Z\-_.0-9:]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What was found, as the client is told of it.

    Attributes:
        uids: In the order of the answer: of the mailbox, or as sorted.
        numbers: The same messages as UIDs or message numbers, as the command
            demands.
        scores: How well each message matches, by UID; empty unless a key is
            fuzzy.
    """

    uids: Sequence[int]
    numbers: Sequence[int]
    scores: Mapping[int, int] = field(default_factory=dict)


Item = Callable[[SearchResult], bytes | None]
"""Writes name and value of what an option returns, ``None`` for nothing."""

Part = Callable[[Sequence[int]], Sequence[int]]
"""Returns those of the messages found that an option tells of."""


def _no_item(result: SearchResult) -> None:
    return None


@dataclass(frozen=True, slots=True)
class ReturnOption:
    """One option of ``RETURN (...)``.

    Attributes:
        name: In capitals.
        item: What it returns.
        part: Which messages it speaks of; ``None`` when it does not say: it
            only is about the others.
        check: Called before the search is carried out; may raise.
        begin: Called when the answer was put; told whether it is by UID.
        save: Whether what is told becomes the search result variable.
    """

    name: bytes
    item: Item = _no_item
    part: Part | None = None
    check: "Callable[[Session, Search], None] | None" = None
    begin: "Callable[[Session, Search, bool, SearchResult], None] | None" = None
    save: bool = False


def every(found: Sequence[int]) -> Sequence[int]:
    """Return all: the part of an option that speaks of every message found."""
    return found


def _all(result: SearchResult) -> bytes | None:
    return b"ALL " + set_in_order(result.numbers) if result.numbers else None


ALL = ReturnOption(b"ALL", _all, every)

RETURN_OPTIONS: dict[bytes, Callable[[Cursor], ReturnOption]] = {
    b"ALL": lambda cursor: ALL,
}
"""By name in capitals: what reads the rest of an option, its name being read."""


@dataclass(frozen=True, slots=True)
class Returns:
    """The options of one command.

    Attributes:
        options: In the order written; ``RETURN ()`` is ``RETURN (ALL)``.
    """

    options: tuple[ReturnOption, ...]

    @property
    def save(self) -> bool:
        """Whether the result is to be saved."""
        return any(option.save for option in self.options)

    @property
    def silent(self) -> bool:
        """Whether nothing is told: the result is saved, and that is all.

        Source: RFC 5182 section 1.
        """
        return all(option.save for option in self.options)

    def named(self, name: bytes) -> bool:
        """Tell whether an option is among them."""
        return any(option.name == name for option in self.options)

    def told(self, found: Sequence[int]) -> Sequence[int]:
        """Return the messages the options tell of: what SAVE saves.

        All of them, unless every option that speaks of messages speaks of some
        of them only.

        Args:
            found: In the order of the answer.

        Source: RFC 5182 section 2.4, RFC 9394 section 3.2.
        """
        parts = [option.part for option in self.options if option.part is not None]
        if not parts or every in parts:
            return found
        return [message for part in parts for message in part(found)]


def parse_returns(cursor: Cursor) -> Returns | None:
    """Read ``"RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")" SP``.

    Returns:
        ``None`` when there is none.

    Raises:
        BadSyntax: It is not in the grammar, an option is not known, comes
            twice, or does not go with another.

    Source: RFC 9051 section 9 (search-return-opts), RFC 9394 section 3.1.
    """
    if not cursor.accept(b"RETURN ("):
        return None
    found: dict[bytes, ReturnOption] = {}
    while not cursor.accept(b")"):
        if found:
            cursor.space()
        start = cursor.position
        label = cursor.match(_LABEL)
        name = label[0].upper() if label else b""
        if name not in RETURN_OPTIONS or name in found:
            raise BadSyntax("a return option that is known and new", start)
        found[name] = RETURN_OPTIONS[name](cursor)
    if b"PARTIAL" in found and b"ALL" in found:
        cursor.fail("either ALL or PARTIAL")
    cursor.space()
    return Returns(tuple(found.values()) or (ALL,))


def highest_modseq(
    request: SearchRequest, told: UIDSet, listing: Listing
) -> int | None:
    """Return the mod-sequence an answer has, ``None`` when it has none.

    Args:
        request: What was searched for.
        told: The messages that the answer tells of.
        listing: The view.

    Source: RFC 7162 sections 3.1.6 and 3.1.10, RFC 4731 section 3.2.
    """
    if not request.tells_modseq or not told:
        return None
    slices = told.slices(listing.uids)
    return max(max(listing.modseqs[start:stop]) for start, stop in slices)


def correlator(tag: bytes) -> bytes:
    """Return the ``search-correlator`` with a space before it."""
    return b' (TAG "%b")' % tag


def esearch(
    correlator: bytes,
    by_uid: bool,
    returns: Returns,
    result: SearchResult,
    modseq: int | None = None,
) -> bytes:
    """Return the ESEARCH response.

    Args:
        correlator: With the space before it.
        by_uid: Whether the numbers are UIDs.
        returns: What is to be told.
        result: Of what.
        modseq: The mod-sequence to tell, ``None`` for none.

    Source: RFC 9051 section 7.3.4, RFC 4731 section 4.
    """
    items = [option.item(result) for option in returns.options]
    if modseq is not None:
        items.append(b"MODSEQ %d" % modseq)
    return b"* ESEARCH%b%b%b\r\n" % (
        correlator,
        b" UID" if by_uid else b"",
        b"".join(b" " + item for item in items if item is not None),
    )
