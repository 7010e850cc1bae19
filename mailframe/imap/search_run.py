"""How a SEARCH is carried out: cheapest question first, many messages at once.

Keys that columns answer narrow the view. For what is left, kept dates, then
headers, then whole messages are read, each only for the messages on which the
step before could not decide. Of a key over some rows two sets are known: the
rows that match, and those that may.

Source: RFC 3501 section 6.4.4, RFC 9051 section 6.4.4.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

from mailframe.errors import MessageGone
from mailframe.imap.context import MessageContext
from mailframe.imap.criterion import (
    And,
    Candidate,
    ColumnKey,
    GradedColumnKey,
    Level,
    Not,
    Or,
    SearchKey,
    SearchRows,
    all_of,
    leaves,
)
from mailframe.imap.loading import Loader, read_octets
from mailframe.imap.search import SearchRequest
from mailframe.imap.search_header import Header, HeaderBatch, Sent
from mailframe.interfaces.mailbox import IHeaderIndex
from mailframe.mime.header import header_end
from mailframe.model.uid_set import UIDSet

_ROWS = 2000
"""Messages asked for dates or headers at once."""
_INDEXED = 100
"""Rows for which an index of headers is worth being asked."""
_SCATTERED = 4
"""Of so many messages in a row, one is wanted: then all their headers are read."""
_HEADER_OCTETS = 33_554_432
"""Octets of messages whose headers are asked for at once, one message excepted:
a message may be all header."""

Rows = Set[int]
Verdict = tuple[Rows, Rows]
"""Rows that match, and rows that may: the first are among the second."""

_NONE: Rows = frozenset()


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has found.

    Attributes:
        uids: The messages that match.
        scores: How well each does, 1 to 100, by UID; empty unless a key is
            fuzzy (RFC 6203 section 4).
    """

    uids: UIDSet
    scores: dict[int, int]


async def run_search(
    context: MessageContext, request: SearchRequest, among: UIDSet | None = None
) -> UIDSet:
    """Return the messages of the view that match.

    Args:
        context: The session.
        request: What to look for; bound.
        among: Only these messages are asked for, ``None`` for all.

    Returns:
        UIDs. A message that was expunged meanwhile may be missing.

    Raises:
        NoSuchMailbox: The mailbox was deleted.
        TemporaryFailure: Messages cannot be read now.

    Source: RFC 9051 section 6.4.4.
    """
    return (await run_scored(context, request, among)).uids


async def run_scored(
    context: MessageContext, request: SearchRequest, among: UIDSet | None = None
) -> Found:
    """Return the messages that match and how well; otherwise :func:`run_search`.

    Source: RFC 6203 section 4.
    """
    listing = context.listing
    if not listing.uids:
        return Found(UIDSet.EMPTY, {})
    rows: Sequence[int] = range(len(listing.uids))
    if among is not None:
        rows = [
            row
            for start, stop in among.slices(listing.uids)
            for row in range(start, stop)
        ]
    search = _Search(context)
    uids = listing.uids
    matched = await search.run(request, rows)
    return Found(
        UIDSet.of([uids[row] for row in matched]),
        {uids[row]: score for row, score in search.graded(request, matched).items()},
    )


class _Search:
    """One SEARCH while it runs."""

    def __init__(self, context: MessageContext) -> None:
        self._listing = context.listing
        self._context = context
        self._mailbox = context.mailbox
        self._chosen: dict[int, Container[int]] = {}
        self._dated: dict[int, Verdict] = {}
        self._scores: dict[int, dict[int, int]] = {}

    async def run(
        self, request: SearchRequest, rows: Sequence[int]
    ) -> Sequence[int] | set[int]:
        """Return those of ``rows`` that match."""
        key = request.key
        left: list[SearchKey] = []
        for one in key.keys if isinstance(key, And) else (key,):
            if one.level is Level.COLUMN:
                rows = await self._selected(one, rows)
            else:
                left.append(one)
        if not left or not rows:
            return rows
        key = all_of(left)
        levels = set()
        for leaf in leaves(key):
            levels.add(leaf.level)
            if leaf.level is Level.COLUMN:
                chosen = frozenset(await self._selected(leaf, rows))
                self._chosen[id(leaf)] = chosen
        matched: set[int] = set()
        if Level.SENT in levels:
            rows = await self._by_sent(key, rows, matched)
        if Level.HEADER in levels:
            rows = await self._by_index(key, rows, matched)
        if Level.SENT in levels or Level.HEADER in levels:
            rows = await self._by_header(key, rows, matched)
        await self._by_content(key, rows, matched)
        return matched

    def graded(self, request: SearchRequest, matched: Iterable[int]) -> dict[int, int]:
        """Return the score of each row that matched, if a key is fuzzy."""
        if not request.fuzzy:
            return {}
        columns = [
            key.grades(self._rows(sorted(matched)))
            for key in leaves(request.key)
            if isinstance(key, GradedColumnKey)
        ]
        graded = {}
        for row in matched:
            scores = list(self._scores.get(row, {}).values())
            scores += [column[row] for column in columns if row in column]
            graded[row] = round(sum(scores) / len(scores)) if scores else 100
        return graded

    def _rows(self, rows: Sequence[int]) -> SearchRows:
        context = self._context
        return SearchRows(self._listing, context.recent, rows, now=context.now())

    async def _selected(self, key: SearchKey, rows: Sequence[int]) -> Sequence[int]:
        """Return the rows that match a key of columns."""
        if isinstance(key, And):
            for one in key.keys:
                rows = await self._selected(one, rows)
            return rows
        if isinstance(key, Or):
            found = set[int]()
            left = rows
            for one in key.keys:
                found.update(await self._selected(one, left))
                left = [row for row in rows if row not in found]
            return [row for row in rows if row in found]
        if isinstance(key, Not):
            excluded = set(await self._selected(key.key, rows))
            return [row for row in rows if row not in excluded]
        if not isinstance(key, ColumnKey):
            raise TypeError(f"{type(key)} of level COLUMN must be a ColumnKey")
        await self._breathe()
        return key.select(self._rows(rows))

    async def _by_sent(
        self, key: SearchKey, rows: Sequence[int], matched: set[int]
    ) -> list[int]:
        """Decide with the kept dates; return the rows still open."""
        moments: dict[int, int] = {}
        present: set[int] = set()
        for batch in _slices(rows):
            by_uid = self._by_uid(batch)
            uids, dates = await self._mailbox.summaries(UIDSet.of(by_uid), ("sent",))
            for uid, moment in zip(uids, dates, strict=True):
                present.add(by_uid[uid])
                if moment is not None:
                    moments[by_uid[uid]] = moment
            await self._breathe()

        def verdict(leaf: SearchKey, rows: Rows) -> Verdict:
            if not isinstance(leaf, Sent):
                return _NONE, rows
            if id(leaf) not in self._dated:
                self._dated[id(leaf)] = leaf.select(moments)
            sure, perhaps = self._dated[id(leaf)]
            return rows & sure, rows & perhaps

        return self._settle(key, present, verdict, matched)

    async def _by_index(
        self, key: SearchKey, rows: Sequence[int], matched: set[int]
    ) -> Sequence[int]:
        """Decide where a header cannot have a text; return the rows still open."""
        index = IHeaderIndex(self._mailbox, None)
        asked = [
            (leaf, leaf.octets)
            for leaf in leaves(key)
            if isinstance(leaf, Header) and leaf.octets
        ]
        if index is None or not asked or len(rows) < _INDEXED:
            return rows
        column = self._listing.uids
        whole = len(rows) == len(column)
        uids = (
            UIDSet(((column[0], column[-1]),))
            if whole
            else UIDSet.of([column[row] for row in rows])
        )
        open_: dict[int, Rows] = {}
        for leaf, octets in asked:
            found = UIDSet.of(await index.headers_with(uids, octets))
            open_[id(leaf)] = {
                row
                for start, stop in found.slices(column)
                for row in range(start, stop)
            }
            await self._breathe()

        def verdict(leaf: SearchKey, rows: Rows) -> Verdict:
            sure, perhaps = self._dated.get(id(leaf), (_NONE, rows))
            return rows & sure, rows & open_.get(id(leaf), perhaps)

        return self._settle(key, set(rows), verdict, matched)

    async def _by_header(
        self, key: SearchKey, rows: Sequence[int], matched: set[int]
    ) -> list[int]:
        """Decide with headers; return the rows still open."""
        left: list[int] = []
        for batch in self._header_batches(rows):
            by_uid = self._by_uid(batch)
            asked: Iterable[int] = by_uid
            if len(batch) * _SCATTERED > batch[-1] - batch[0]:
                # To read all between them is quicker than to pick them out.
                asked = self._listing.uids[batch[0] : batch[-1] + 1]
            found, headers = await self._mailbox.headers(UIDSet.of(asked))
            if asked is not by_uid:
                pairs = zip(found, headers, strict=True)
                chosen = [(uid, one) for uid, one in pairs if uid in by_uid]
                found, headers = zip(*chosen, strict=True) if chosen else ((), ())
            read = _ReadHeaders(
                [by_uid[uid] for uid in found], headers, self._chosen, self._dated
            )
            left += self._settle(key, set(read.rows), read.verdict, matched)
            for row, message in read.candidates.items():
                if message.scores and row in matched:
                    self._scores[row] = message.scores
            await self._breathe()
        return left

    def _header_batches(self, rows: Sequence[int]) -> Iterator[Sequence[int]]:
        sizes = self._listing.sizes
        waiting = list(_slices(rows))[::-1]
        while waiting:
            batch = waiting.pop()
            if len(batch) > 1 and sum([sizes[row] for row in batch]) > _HEADER_OCTETS:
                half = len(batch) // 2
                waiting += (batch[half:], batch[:half])
            else:
                yield batch

    async def _by_content(
        self, key: SearchKey, rows: Sequence[int], matched: set[int]
    ) -> None:
        """Decide with whole messages."""
        done = 0
        loader = Loader(self._mailbox, rows, self._listing)
        for batch in loader.batches():
            self._context.progress(done, len(rows))
            done += len(batch)
            loaded = await loader.load()
            for uid, row in self._by_uid(batch).items():
                octets = loaded.get(uid)
                if octets is None:
                    octets = await self._large(uid)
                if octets is not None:
                    message = Candidate(row, self._chosen)
                    message.octets = octets
                    message.header = octets[: header_end(octets)]
                    if key.test(message):
                        matched.add(row)
                        if message.scores:
                            self._scores[row] = message.scores
            await self._breathe()

    async def _large(self, uid: int) -> bytes | None:
        """Return a message that was not loaded, ``None`` when it is gone."""
        try:
            content = await self._mailbox.open_content(uid)
            try:
                return await read_octets(content, content.size)
            finally:
                content.close()
        except MessageGone:
            return None

    def _settle(
        self,
        key: SearchKey,
        rows: Rows,
        verdict: Callable[[SearchKey, Rows], Verdict],
        matched: set[int],
    ) -> list[int]:
        """Note the rows that surely match; return those still open."""

        def known(leaf: SearchKey, rows: Rows) -> Verdict:
            chosen = self._chosen.get(id(leaf))
            if chosen is None:
                return verdict(leaf, rows)
            found = {row for row in rows if row in chosen}
            return found, found

        sure, perhaps = _decided(key, rows, known)
        matched |= sure
        return sorted(perhaps - sure)

    def _by_uid(self, rows: Iterable[int]) -> dict[int, int]:
        return {self._listing.uids[row]: row for row in rows}

    async def _breathe(self) -> None:
        """Let the session wait, or let others have their turn."""
        waiting = self._context.pause()
        if waiting is not None:
            await waiting


class _ReadHeaders:
    """Some messages of which the headers were read."""

    def __init__(
        self,
        rows: Sequence[int],
        headers: Sequence[bytes],
        chosen: dict[int, Container[int]],
        dated: dict[int, Verdict],
    ) -> None:
        self.rows = rows
        self.candidates: dict[int, Candidate] = {}
        self._headers = headers
        self._chosen = chosen
        self._dated = dated
        self._batch: HeaderBatch | None = None
        self._places: dict[int, int] = {}

    def verdict(self, leaf: SearchKey, rows: Rows) -> Verdict:
        """Return which rows match a key, and which may."""
        if isinstance(leaf, Header):
            if self._batch is None:
                self._batch = HeaderBatch(self._headers)
            column = self.rows
            found = {column[place] for place in leaf.select(self._batch)} & rows
            return found, found
        sure, perhaps = self._dated.get(id(leaf), (_NONE, rows))
        tested, also = self._tested(leaf, rows & perhaps - sure)
        return rows & sure | tested, rows & sure | also

    def _tested(self, leaf: SearchKey, rows: Rows) -> Verdict:
        """Ask of one message after another."""
        sure, perhaps = set(), set()
        for row in rows:
            answer = leaf.test(self._candidate(row))
            if answer:
                sure.add(row)
            if answer is not False:
                perhaps.add(row)
        return sure, perhaps

    def _candidate(self, row: int) -> Candidate:
        message = self.candidates.get(row)
        if message is None:
            if not self._places:
                self._places = {row: place for place, row in enumerate(self.rows)}
            message = self.candidates[row] = Candidate(row, self._chosen)
            message.header = self._headers[self._places[row]]
        return message


def _decided(
    key: SearchKey, rows: Rows, leaf: Callable[[SearchKey, Rows], Verdict]
) -> Verdict:
    """Return which of ``rows`` match a key, and which may."""
    if isinstance(key, And):
        sure = perhaps = rows
        for one in key.keys:
            matching, perhaps = _decided(one, perhaps, leaf)
            sure = sure & matching
        return sure, perhaps
    if isinstance(key, Or):
        sure = perhaps = _NONE
        for one in key.keys:
            matching, possible = _decided(one, rows - sure, leaf)
            sure, perhaps = sure | matching, perhaps | possible
        return sure, perhaps
    if isinstance(key, Not):
        matching, possible = _decided(key.key, rows, leaf)
        return rows - possible, rows - matching
    return leaf(key, rows)


def _slices(rows: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(rows), _ROWS):
        yield rows[start : start + _ROWS]
