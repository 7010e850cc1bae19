"""FETCH: messages answered from columns, headers or octets, cheapest first.

What columns can answer is formatted a slice of messages at a time. Small
messages are loaded some at once; a large one is sent in pieces as they are
read, and is never whole in memory unless its parts are asked for.

Source: RFC 3501 section 6.4.5, RFC 9051 sections 6.4.5 and 7.5.2.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from weakref import WeakKeyDictionary

from mailframe.errors import MessageGone, NotPermitted
from mailframe.imap import wording
from mailframe.imap.context import MessageContext
from mailframe.imap.fetch_columns import Columns
from mailframe.imap.fetch_items import (
    FLAGS,
    MODSEQ,
    UID,
    ColumnItem,
    ContentItem,
    FetchRequest,
    Rows,
    parse_fetch,
)
from mailframe.imap.loading import (
    LOADED_ROWS,
    PIECE,
    Loader,
    read_octets,
    rows_of,
)
from mailframe.imap.section import Parts
from mailframe.imap.serialize import without_nul
from mailframe.interfaces.content import IContent
from mailframe.interfaces.mailbox import IMailbox
from mailframe.mime.structure import Part, structure
from mailframe.model.flag import SEEN, FlagChange, FlagSet
from mailframe.model.mailbox import Listing
from mailframe.model.uid_set import UIDSet

__all__ = ["BrokenLiteral", "FetchRequest", "parse_fetch", "run_fetch"]

_CHUNK = 262_144
"""Octets gathered before they are put, and the client is asked whether it keeps
up."""
_ROWS = 2000
"""Messages formatted, or asked for summaries, at once."""
_ADJACENT = 64
"""Messages in a row that are taken as a slice rather than one by one."""
_STRUCTURES_MAX = 8
"""Large messages of a mailbox whose parts are remembered."""

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
        try:
            await context.mailbox.store(unseen, FlagChange.ADD, _SEEN_FLAGS)
        except NotPermitted:
            # RFC 4314 section 4: not set without the right, and no failure.
            return UIDSet.EMPTY
        await context.refresh()
    return unseen


class _Output:
    """Gathers octets, puts many at once, and waits for a slow client between."""

    def __init__(self, context: MessageContext) -> None:
        self._context = context
        self._held: list[bytes] = []
        self._size = 0

    def put(self, pieces: Sequence[bytes], size: int | None = None) -> None:
        """Put pieces; ``size`` is about what they have together, if it is known."""
        self._held += pieces
        self._size += sum(map(len, pieces)) if size is None else size

    @property
    def due(self) -> bool:
        """Whether so much was put that it has to be passed on."""
        return self._size >= _CHUNK

    def flush(self) -> None:
        if self._held:
            # The one time that octets are copied before they are sent.
            self._context.put(b"".join(self._held))
            self._held.clear()
            self._size = 0

    async def pause(self) -> None:
        """Pass on what was put if it is much, and wait for the client then."""
        if self.due:
            self.flush()
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
        items = request.columns
        if wording.uid_only(context.enabled) and not request.asks_uid:
            items = tuple(item for item in items if item is not UID)
        self._columns = Columns(context, items)
        self._output = _Output(context)
        self._marked = marked
        # What tells of \Seen where it was set, as far as it is not asked for.
        enabled = context.enabled
        told: tuple[ColumnItem, ...] = (FLAGS,)
        if wording.tells_uid(enabled):
            told = (UID, *told)
        if wording.tells_modseq(enabled):
            told = (*told, MODSEQ)
        self._tells = [item for item in told if item not in request.columns]

    async def columns_only(self, uids: UIDSet) -> bool:
        """Answer from the view and the summaries."""
        complete = True
        for indices in _slices(uids, self._listing, _ROWS):
            rows = await self._columns.rows(indices)
            complete = complete and len(rows.indices) == len(indices)
            self._output.put((self._columns.responses(rows),))
            await self._output.pause()
        self._output.flush()
        return complete

    async def headers_only(self, uids: UIDSet) -> bool:
        """Answer from headers and columns."""
        complete = True
        for indices in _slices(uids, self._listing, LOADED_ROWS):
            rows = await self._columns.rows(indices)
            found, headers = await self._mailbox.headers(UIDSet.of(rows.uids))
            by_uid = dict(zip(found, headers, strict=True))
            for row, head in self._heads(rows):
                header = by_uid.get(self._listing.uids[row])
                if header is None:
                    complete = False
                    continue
                parts = Parts(len(header), len(header), None, None)
                self._put_whole(head, parts, header)
                if self._output.due:
                    await self._output.pause()
            complete = complete and len(rows.indices) == len(indices)
        self._output.flush()
        return complete

    async def contents(self, uids: UIDSet) -> bool:
        """Answer from whole messages and columns."""
        complete = True
        column, put = self._listing.uids, self._output.put
        asked = self._request.contents
        whole = asked[0].name if len(asked) == 1 and asked[0].whole else None
        loader = Loader(self._mailbox, rows_of(uids, self._listing), self._listing)
        for indices in loader.batches():
            loaded = await loader.load()
            rows = await self._columns.rows(indices)
            complete = complete and len(rows.indices) == len(indices)
            for row, head in self._heads(rows):
                octets = loaded.get(column[row])
                if octets and whole is not None:
                    # What is asked for most, and most of.
                    size = len(octets)
                    opening = b"%b%b {%d}\r\n" % (head, whole, size)
                    put((opening, without_nul(octets), b")\r\n"), size)
                elif octets is not None:
                    self._put_whole(head, Parts.of(octets), octets)
                elif not await self._put_in_pieces(row, head):
                    complete = False
                if self._output.due:
                    await self._output.pause()
        self._output.flush()
        return complete

    def _heads(self, rows: Rows) -> Iterator[tuple[int, bytes]]:
        """Yield each row with its response up to where the contents begin."""
        column = self._listing.uids
        tells = bool(self._tells and self._marked)
        heads = self._columns.beginnings(rows)
        for row, head in zip(rows.indices, heads, strict=True):
            if tells and column[row] in self._marked:
                head += self._told(row)
            yield row, head

    def _told(self, row: int) -> bytes:
        """Return what tells of ``\\Seen`` that was set, a space behind each item.

        Source: RFC 7162 section 3.2.4.
        """
        rows = Rows(self._listing, self._context.recent, range(row, row + 1))
        return b"".join(
            item.template % next(iter(item.column(rows))) + b" " for item in self._tells
        )

    def _put_whole(self, head: bytes, parts: Parts, octets: bytes) -> None:
        """Put the response for a message whose octets are at hand."""
        pieces = [head]
        for item in self._request.contents:
            pieces += item.pieces(parts, octets)
            pieces.append(b" ")
        pieces[-1] = b")\r\n"
        self._output.put(pieces)

    async def _put_in_pieces(self, row: int, head: bytes) -> bool:
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
            self._output.put((head,))
            await self._put_plan(plan, content)
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
            if extent is None:
                plan.append(b"".join(item.pieces(parts, b"")))
            elif item.streamed:
                start, stop = item.partial.of(*extent) if item.partial else extent
                plan.append((item, start, stop))
            else:
                octets = await read_octets(content, extent[1])
                plan.append(b"".join(item.pieces(parts, octets)))
        return plan

    async def _parts(self, uid: int, content: IContent) -> Parts:
        """Return what the sections asked for need to know of a message."""
        sections = [item.section for item in self._request.contents]
        if any(section.numbers for section in sections):
            root = await _structure(self._mailbox, uid, content)
            return Parts(content.size, root.body_start, None, root)
        _, headers = await self._mailbox.headers(UIDSet.of([uid]))
        if not headers:
            raise MessageGone(str(uid))
        return Parts(content.size, len(headers[0]), None, None)

    async def _put_plan(
        self,
        plan: Iterable[bytes | tuple[ContentItem, int, int]],
        content: IContent,
    ) -> None:
        """Put what was planned, and the end of the response."""
        separator = b""
        # Whatever goes wrong from here on, the client waits for octets of a
        # literal and would take any other answer for them.
        try:
            for element in plan:
                self._output.put((separator,))
                if isinstance(element, bytes):
                    self._output.put((element,))
                else:
                    await self._put_literal(*element, content)
                separator = b" "
            self._output.put((b")\r\n",))
        except Exception as problem:
            raise BrokenLiteral("a response was cut off") from problem

    async def _put_literal(
        self, item: ContentItem, start: int, stop: int, content: IContent
    ) -> None:
        if start >= stop:
            self._output.put((item.name, b' ""'))
            return
        self._output.put((b"%b {%d}\r\n" % (item.name, stop - start),))
        while start < stop:
            end = min(start + PIECE, stop)
            octets = await content.read(start, end)
            if len(octets) != end - start:
                raise MessageGone("its content ended early")
            self._output.put((without_nul(octets),))
            await self._output.pause()
            start = end


def _slices(uids: UIDSet, listing: Listing, limit: int) -> Iterator[Sequence[int]]:
    """Yield the rows of ``uids``, at most ``limit`` at once, ranges if possible."""
    gathered: list[int] = []
    for start, stop in uids.slices(listing.uids):
        if stop - start < _ADJACENT:
            gathered += range(start, stop)
            if len(gathered) >= limit:
                yield gathered
                gathered = []
            continue
        if gathered:
            yield gathered
            gathered = []
        for first in range(start, stop, limit):
            yield range(first, min(first + limit, stop))
    if gathered:
        yield gathered


_structures: WeakKeyDictionary[IMailbox, OrderedDict[int, Part]] = WeakKeyDictionary()


async def _structure(mailbox: IMailbox, uid: int, content: IContent) -> Part:
    """Return the parts of a large message, those of the last few from memory.

    Clients ask for a large part a piece at a time, and the message would be
    read and taken apart for every piece.
    """
    try:
        known = _structures.setdefault(mailbox, OrderedDict())
    except TypeError:
        # This provider's mailboxes cannot be referred to weakly.
        known = OrderedDict()
    root = known.get(uid)
    if root is None:
        root = structure(await read_octets(content, content.size))
        known[uid] = root
        if len(known) > _STRUCTURES_MAX:
            known.popitem(last=False)
    return root
