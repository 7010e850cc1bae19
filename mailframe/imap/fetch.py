"""FETCH: messages answered from columns, headers or octets, cheapest first.

What columns can answer is formatted a slice of messages at a time. Small
messages are loaded some at once; a large one is sent in pieces as they are
read, and is never whole in memory unless its parts are asked for.

Source: RFC 3501 section 6.4.5, RFC 9051 sections 6.4.5 and 7.5.2.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from weakref import WeakKeyDictionary

from mailframe.errors import MessageGone
from mailframe.imap.context import MessageContext
from mailframe.imap.fetch_items import (
    FLAGS,
    ColumnItem,
    ContentItem,
    FetchRequest,
    Rows,
    parse_fetch,
)
from mailframe.imap.section import Parts
from mailframe.imap.serialize import flag_list_out, without_nul
from mailframe.interfaces.content import IContent
from mailframe.interfaces.mailbox import IMailbox, SummaryField
from mailframe.mime.structure import Part, structure
from mailframe.model.flag import SEEN, FlagChange, FlagSet
from mailframe.model.mailbox import Listing
from mailframe.model.uid_set import UIDSet

__all__ = ["BrokenLiteral", "FetchRequest", "parse_fetch", "run_fetch"]

_CHUNK = 65_536
"""Octets gathered before they are put."""
_PAUSE = 262_144
"""Octets put before asking whether the client keeps up."""
_ROWS = 2000
"""Messages formatted, or asked for summaries, at once."""
_LOADED_ROWS = 500
"""Messages loaded at once."""
_LOADED_OCTETS = 1_048_576
"""Octets loaded at once; a message of more is sent in pieces."""
_PIECE = 65_536
"""Octets read at once of a large message."""
_STRUCTURES_MAX = 8

_SEEN_FLAGS: FlagSet = frozenset((SEEN,))


class BrokenLiteral(Exception):
    """A response was cut off in the middle: only closing the connection is left.

    The cause is chained to it.
    """


async def run_fetch(
    context: MessageContext, request: FetchRequest, uids: UIDSet, by_uid: bool
) -> bool:
    """Put a FETCH response for each message.

    Messages are marked ``\\Seen`` first, in one step, when the request asks
    for it and the mailbox may be changed; their new flags are told then.

    Args:
        context: The session.
        request: What to answer.
        uids: Which messages; those not in the view are passed over.
        by_uid: Whether it is ``UID FETCH``; the request has UID then.

    Returns:
        Whether all were answered; False when some were expunged meanwhile.

    Raises:
        NoSuchMailbox: The mailbox was deleted.
        TemporaryFailure: Some responses may have been put, whole ones.
        BrokenLiteral: A response was cut off; close the connection.

    Source: RFC 9051 section 6.4.5, RFC 2180 section 4.1 (expunged messages).
    """
    marked = UIDSet.EMPTY
    if request.marks_seen and not context.read_only:
        marked = await _mark_seen(context, uids)
    work = _Fetch(context, request, marked)
    if not request.contents:
        return await work.columns_only(uids)
    if request.in_header:
        return await work.headers_only(uids)
    return await work.contents(uids)


async def _mark_seen(context: MessageContext, uids: UIDSet) -> UIDSet:
    """Set ``\\Seen`` where it is not; return these messages."""
    listing = context.listing
    unseen = UIDSet.of(
        uid
        for start, stop in uids.slices(listing.uids)
        for uid, flags in zip(
            listing.uids[start:stop], listing.flags[start:stop], strict=True
        )
        if SEEN not in flags
    )
    if unseen:
        await context.mailbox.store(unseen, FlagChange.ADD, _SEEN_FLAGS)
        await context.refresh()
    return unseen


class _Output:
    """Gathers octets into chunks, and waits for a slow client between them."""

    def __init__(self, context: MessageContext) -> None:
        self._context = context
        self._held: list[bytes] = []
        self._size = 0
        self._since_pause = 0

    def put(self, octets: bytes) -> None:
        self._held.append(octets)
        self._size += len(octets)
        if self._size >= _CHUNK:
            self.flush()

    def flush(self) -> None:
        if self._held:
            self._context.put(b"".join(self._held))
            self._since_pause += self._size
            self._held.clear()
            self._size = 0

    async def pause(self) -> None:
        if self._since_pause >= _PAUSE:
            self._since_pause = 0
            waiting = self._context.pause()
            if waiting is not None:
                await waiting


class _Fetch:
    """One FETCH while it runs."""

    def __init__(
        self, context: MessageContext, request: FetchRequest, marked: UIDSet
    ) -> None:
        self._context = context
        self._mailbox: IMailbox = context.mailbox
        self._listing = context.listing
        self._request = request
        self._output = _Output(context)
        self._fields = tuple(
            dict.fromkeys(name for item in request.columns for name in item.fields)
        )
        # Where FLAGS is asked for, it tells of \Seen too.
        self._marked = UIDSet.EMPTY if FLAGS in request.columns else marked

    async def columns_only(self, uids: UIDSet) -> bool:
        """Answer from the view and the summaries."""
        complete = True
        items = b" ".join(item.template for item in self._request.columns)
        template = b"* %%d FETCH (%b)\r\n" % items
        for indices in _slices(uids, self._listing, _ROWS):
            rows = await self._summarised(indices)
            complete = complete and len(rows.indices) == len(indices)
            values = _values(self._request.columns, rows)
            numbers = [row + 1 for row in rows.indices]
            flat = tuple(chain.from_iterable(zip(numbers, *values, strict=True)))
            self._output.put(template * len(numbers) % flat)
            await self._output.pause()
        self._output.flush()
        return complete

    async def headers_only(self, uids: UIDSet) -> bool:
        """Answer from headers and columns."""
        complete = True
        for indices in _slices(uids, self._listing, _LOADED_ROWS):
            rows = await self._summarised(indices)
            found, headers = await self._mailbox.headers(UIDSet.of(rows.uids))
            by_uid = dict(zip(found, headers, strict=True))
            for row, head in self._heads(rows):
                header = by_uid.get(self._listing.uids[row])
                if header is None:
                    complete = False
                    continue
                parts = Parts(len(header), len(header), None, None)
                self._put_whole(row, head, parts, header)
                await self._output.pause()
            complete = complete and len(rows.indices) == len(indices)
        self._output.flush()
        return complete

    async def contents(self, uids: UIDSet) -> bool:
        """Answer from whole messages and columns."""
        complete = True
        for indices in _batches(uids, self._listing):
            rows = await self._summarised(indices)
            complete = complete and len(rows.indices) == len(indices)
            loaded = await self._mailbox.load(UIDSet.of(rows.uids), _LOADED_OCTETS)
            for row, head in self._heads(rows):
                octets = loaded.get(self._listing.uids[row])
                if octets is not None:
                    self._put_whole(row, head, Parts.of(octets), octets)
                elif not await self._put_in_pieces(row, head):
                    complete = False
                await self._output.pause()
        self._output.flush()
        return complete

    async def _summarised(self, indices: Sequence[int]) -> Rows:
        """Return rows with the summaries they need, without those gone."""
        rows = Rows(self._listing, self._context.recent, indices)
        if not self._fields:
            return rows
        uids = rows.uids
        found, *columns = await self._mailbox.summaries(UIDSet.of(uids), self._fields)
        if len(found) != len(uids):
            rows = rows.only(found)
        names: Iterable[SummaryField] = self._fields
        rows.kept = dict(zip(names, columns, strict=True))
        return rows

    def _heads(self, rows: Rows) -> Iterator[tuple[int, list[bytes]]]:
        """Yield each row with its column items, written."""
        template = b" ".join(item.template for item in self._request.columns)
        if template:
            values = zip(*_values(self._request.columns, rows), strict=True)
            heads = [[template % row] for row in values]
        else:
            heads = [[] for _ in rows.indices]
        for row, head in zip(rows.indices, heads, strict=True):
            if self._listing.uids[row] in self._marked:
                head.append(b"FLAGS " + self._flags(row))
            yield row, head

    def _flags(self, row: int) -> bytes:
        recent = self._listing.uids[row] in self._context.recent
        return flag_list_out(self._listing.flags[row], recent)

    def _put_whole(
        self, row: int, written: list[bytes], parts: Parts, octets: bytes
    ) -> None:
        """Put the response for a message whose octets are at hand."""
        written += [item.written(parts, octets) for item in self._request.contents]
        self._output.put(b"* %d FETCH (%b)\r\n" % (row + 1, b" ".join(written)))

    async def _put_in_pieces(self, row: int, head: list[bytes]) -> bool:
        """Put the response for a large message; False when it is gone."""
        uid = self._listing.uids[row]
        try:
            content = await self._mailbox.open_content(uid)
        except MessageGone:
            return False
        try:
            try:
                plan = await self._plan(uid, content)
            except MessageGone:
                return False
            self._output.put(b"* %d FETCH (" % (row + 1))
            await self._put_plan([*head, *plan], content)
        finally:
            content.close()
        return True

    async def _plan(
        self, uid: int, content: IContent
    ) -> list[bytes | tuple[ContentItem, int, int]]:
        """Return each content item written, or where its octets are."""
        parts = await self._parts(uid, content)
        plan: list[bytes | tuple[ContentItem, int, int]] = []
        for item in self._request.contents:
            extent = item.section.extent(parts)
            if extent is None or not item.streamed:
                octets = await _read(content, *self._needed(item, parts, content))
                plan.append(item.written(parts, octets))
                continue
            start, stop = item.partial.of(*extent) if item.partial else extent
            plan.append((item, start, stop))
        return plan
