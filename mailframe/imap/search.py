"""SEARCH: which messages of the view match, cheapest question first.

Keys that columns answer narrow the view. For what is left, kept dates, then
headers, then whole messages are read, each only for the messages on which the
step before could not decide.

Source: RFC 3501 section 6.4.4, RFC 9051 section 6.4.4.
"""

import codecs
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mailframe.errors import BadSyntax, MailError, MessageGone, TooLarge
from mailframe.imap import grammar
from mailframe.imap.context import MessageContext
from mailframe.imap.criterion import (
    And,
    Candidate,
    ColumnKey,
    Level,
    Messages,
    Not,
    Or,
    SearchKey,
    all_of,
    any_of,
    depth,
    none_of,
)
from mailframe.imap.cursor import Cursor
from mailframe.imap.fetch_items import Rows
from mailframe.imap.loading import LOADED_OCTETS, LOADED_ROWS, batches, read_octets
from mailframe.imap.search_keys import SEARCH_KEYS
from mailframe.imap.sequence import sequence_set
from mailframe.limits import IMAPLimits
from mailframe.mime.header import header_end
from mailframe.model.uid_set import UIDSet

_NAME = re.compile(rb"[A-Z0-9]+", re.IGNORECASE)
_KEYS_MAX = 2000
_ROWS = 2000
_CACHED_OCTETS = 200
_NESTING = IMAPLimits().nesting

# Codecs that are no charset of mail: they decode in quadratic time, or what
# they decode is source text.
_NO_CHARSETS = frozenset(("idna", "punycode", "unicode-escape", "raw-unicode-escape"))


class BadCharset(MailError):
    """The charset a search names is not known."""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What one SEARCH asks.

    Attributes:
        key: All criteria together.
    """

    key: SearchKey

    def leaves(self) -> Iterator[SearchKey]:
        """Yield every key in it that is not made of others."""
        waiting = [self.key]
        while waiting:
            key = waiting.pop()
            if isinstance(key, And | Or):
                waiting += key.keys
            elif isinstance(key, Not):
                waiting.append(key.key)
            else:
                yield key


def parse_search(cursor: Cursor, charset: bytes | None = None) -> SearchRequest:
    """Read a ``search-program`` up to the end of the command.

    Args:
        cursor: Behind the space that comes before it.
        charset: The charset when the command named it elsewhere (SORT); then
            none is read here. Without any it is UTF-8, of which US-ASCII is
            a part.

    Raises:
        BadSyntax: It is not in the grammar, or a text is not in the charset.
        BadCharset: The charset is not known.

    Source: RFC 9051 section 9 (search-program), RFC 3501 section 9 (search).
    """
    arguments = cursor.rest()
    if len(arguments) <= _CACHED_OCTETS:
        try:
            request = _cached(arguments, charset)
        except BadSyntax:
            # Read again below, for the position in the whole command.
            pass
        else:
            cursor.position += len(arguments)
            return request
    return _parsed(cursor, charset)


def _parsed(cursor: Cursor, charset: bytes | None) -> SearchRequest:
    if charset is None and cursor.accept(b"CHARSET "):
        charset = grammar.astring(cursor)
        cursor.space()
    codec = _codec(b"utf-8" if charset is None else charset)
    keys = [search_key(cursor, codec)]
    while cursor.accept(b" "):
        if len(keys) >= _KEYS_MAX:
            raise TooLarge("fewer search keys", cursor.position)
        keys.append(search_key(cursor, codec))
    cursor.end()
    return SearchRequest(all_of(keys))


@lru_cache(maxsize=1024)
def _cached(arguments: bytes, charset: bytes | None) -> SearchRequest:
    return _parsed(Cursor(arguments), charset)


def _codec(charset: bytes) -> str:
    """Return Python's name of a charset."""
    try:
        name = codecs.lookup(charset.decode("ascii")).name
        # Some codecs are not of text; these refuse here.
        "a".encode(name)
    except (LookupError, UnicodeError, ValueError):
        raise BadCharset("the charset is not known") from None
    if name in _NO_CHARSETS:
        raise BadCharset("not a charset of mail")
    return name


class _Group:
    """A key that is being read and waits for keys inside it."""

    __slots__ = ("keys", "kind")

    def __init__(self, kind: bytes) -> None:
        self.kind = kind
        self.keys: list[SearchKey] = []


def search_key(cursor: Cursor, charset: str) -> SearchKey:
    """Read one ``search-key`` with all keys inside it.

    A list of the groups begun stands in for recursion, so that no client
    chooses how deep our stack gets; an OR of hundreds is not refused.

    Args:
        cursor: Where to read.
        charset: Python's name of the charset of texts.

    Raises:
        BadSyntax: There is none here.
        TooLarge: Too many keys, or too deep inside each other.

    Source: RFC 9051 section 9 (search-key).
    """
    groups: list[_Group] = []
    count = 0
    while True:
        count += 1
        if count > _KEYS_MAX:
            raise TooLarge("fewer search keys", cursor.position)
        group = _begun(cursor)
        if group is not None:
            groups.append(group)
            continue
        key: SearchKey | None = _leaf(cursor, charset)
        while groups and key is not None:
            groups[-1].keys.append(key)
            key = _finished(groups[-1], cursor)
            if key is not None:
                groups.pop()
                if depth(key) > _NESTING:
                    raise TooLarge("fewer keys inside each other", cursor.position)
        if key is not None:
            return key
        cursor.space()


def _begun(cursor: Cursor) -> _Group | None:
    """Read the beginning of a key that has keys inside."""
    for kind in (b"(", b"OR ", b"NOT "):
        if cursor.accept(kind):
            return _Group(kind)
    return None


def _finished(group: _Group, cursor: Cursor) -> SearchKey | None:
    """Return a group as a key, ``None`` when it waits for another inside."""
    if group.kind == b"NOT ":
        return none_of(group.keys[0])
    if group.kind == b"OR ":
        return any_of(group.keys) if len(group.keys) == 2 else None
    return all_of(group.keys) if cursor.accept(b")") else None


def _leaf(cursor: Cursor, charset: str) -> SearchKey:
    start = cursor.position
    if cursor.peek() in b"0123456789*" and cursor.peek():
        return Messages(sequence_set(cursor), by_uid=False)
    found = cursor.match(_NAME)
    parse = SEARCH_KEYS.get(found[0].upper()) if found else None
    if parse is None:
        raise BadSyntax("a search key", start)
    return parse(cursor, charset)


async def run_search(context: MessageContext, request: SearchRequest) -> UIDSet:
    """Return the messages of the view that match.

    Args:
        context: The session.
        request: What to look for.

    Returns:
        UIDs. A message that was expunged meanwhile may be missing.

    Raises:
        BadSyntax: A message number beyond the mailbox. In an empty mailbox
            nothing is, and nothing matches.
        NoSuchMailbox: The mailbox was deleted.
        TemporaryFailure: Messages cannot be read now.

    Source: RFC 9051 section 6.4.4.
    """
    if not context.listing.uids:
        return UIDSet.EMPTY
    search = _Search(context)
    rows = await search.run(request)
    return UIDSet.of(search.listing.uids[row] for row in rows)


class _Search:
    """One SEARCH while it runs."""

    def __init__(self, context: MessageContext) -> None:
        self.listing = context.listing
        self._context = context
        self._mailbox = context.mailbox
        self._recent = context.recent
        self._chosen: dict[int, frozenset[int]] = {}

    async def run(self, request: SearchRequest) -> Iterable[int]:
        """Return the rows that match."""
        key = request.key
        rows: Sequence[int] = range(len(self.listing.uids))
        left: list[SearchKey] = []
        for one in key.keys if isinstance(key, And) else (key,):
            if one.level is Level.COLUMN:
                rows = await self._selected(one, rows)
            else:
                left.append(one)
        if not left:
            return rows
        key = all_of(left)
        for column in _columns(key):
            self._chosen[id(column)] = frozenset(await self._selected(column, rows))
        levels = {leaf.level for leaf in SearchRequest(key).leaves()}
        matched: list[int] = []
        if Level.SENT in levels:
            rows = await self._by_sent(key, rows, matched)
        if Level.SENT in levels or Level.HEADER in levels:
            rows = await self._by_header(key, rows, matched)
        await self._by_content(key, rows, matched)
        return matched

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
        return key.select(Rows(self.listing, self._recent, rows))

    async def _by_sent(
        self, key: SearchKey, rows: Sequence[int], matched: list[int]
    ) -> list[int]:
        """Decide with the kept dates; return the rows still open."""
        left: list[int] = []
        for start in range(0, len(rows), _ROWS):
            by_uid = self._by_uid(rows[start : start + _ROWS])
            uids, dates = await self._mailbox.summaries(UIDSet.of(by_uid), ("sent",))
            for uid, sent in zip(uids, dates, strict=True):
                message = Candidate(by_uid[uid], self._chosen)
                message.sent = sent
                _decide(key, message, matched, left)
            await self._breathe()
        return left

    async def _by_header(
        self, key: SearchKey, rows: Sequence[int], matched: list[int]
    ) -> list[int]:
        """Decide with headers; return the rows still open."""
        left: list[int] = []
        for start in range(0, len(rows), LOADED_ROWS):
            by_uid = self._by_uid(rows[start : start + LOADED_ROWS])
            uids, headers = await self._mailbox.headers(UIDSet.of(by_uid))
            for uid, header in zip(uids, headers, strict=True):
                message = Candidate(by_uid[uid], self._chosen)
                message.header = header
                _decide(key, message, matched, left)
            await self._breathe()
        return left

    async def _by_content(
        self, key: SearchKey, rows: Sequence[int], matched: list[int]
    ) -> None:
        """Decide with whole messages."""
        for batch in batches(rows, self.listing.sizes):
            by_uid = self._by_uid(batch)
            loaded = await self._mailbox.load(UIDSet.of(by_uid), LOADED_OCTETS)
            for uid, row in by_uid.items():
                octets = loaded.get(uid)
                if octets is None:
                    octets = await self._large(uid)
                if octets is not None:
                    message = Candidate(row, self._chosen)
                    message.octets = octets
                    message.header = octets[: header_end(octets)]
                    _decide(key, message, matched, [])
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

    def _by_uid(self, rows: Iterable[int]) -> dict[int, int]:
        return {self.listing.uids[row]: row for row in rows}

    async def _breathe(self) -> None:
        """Let the session wait, or let others have their turn."""
        waiting = self._context.pause()
        if waiting is not None:
            await waiting


def _columns(key: SearchKey) -> Iterator[SearchKey]:
    """Yield the keys of columns that are parts of a key of more."""
    waiting = [key]
    while waiting:
        key = waiting.pop()
        if isinstance(key, And | Or):
            waiting += key.keys
        elif isinstance(key, Not):
            waiting.append(key.key)
        elif key.level is Level.COLUMN:
            yield key


def _decide(
    key: SearchKey, message: Candidate, matched: list[int], left: list[int]
) -> None:
    verdict = key.test(message)
    if verdict:
        matched.append(message.row)
    elif verdict is None:
        left.append(message.row)
