"""The language of SEARCH: how its keys are read, and bound to a session.

What the keys ask is in :mod:`mailframe.imap.criterion` and its neighbours; how
a search is carried out is in :mod:`mailframe.imap.search_run`.

Source: RFC 3501 section 6.4.4, RFC 9051 section 6.4.4.
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from mailframe.errors import BadSyntax, MailError, TooLarge
from mailframe.imap import grammar
from mailframe.imap.criterion import (
    Binding,
    ColumnKey,
    Fuzzy,
    SearchKey,
    UnboundKey,
    all_of,
    any_of,
    depth,
    leaves,
    none_of,
    rebuilt,
)
from mailframe.imap.cursor import Cursor
from mailframe.imap.remembered import remembered
from mailframe.imap.search_keys import SEARCH_KEYS, messages_key
from mailframe.limits import IMAPLimits

_NAME = re.compile(rb"[A-Z0-9]+", re.IGNORECASE)
_KEYS_MAX = 2000
_NESTING = IMAPLimits().nesting
_BINDINGS = 10
"""How often what a key stands for is looked into for such keys again."""

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
        names_charset: Whether the search program names a charset.
    """

    key: SearchKey
    names_charset: bool = False

    @property
    def fuzzy(self) -> bool:
        """Whether what it finds has scores (RFC 6203 section 4)."""
        return any(isinstance(leaf, Fuzzy) for leaf in leaves(self.key))

    @property
    def tells_modseq(self) -> bool:
        """Whether the answer has a mod-sequence (RFC 7162 section 3.1.5)."""
        return any(
            isinstance(leaf, ColumnKey) and leaf.tells_modseq
            for leaf in leaves(self.key)
        )

    async def bound(self, binding: Binding) -> "SearchRequest":
        """Return it with every key bound to a session and its view.

        Raises:
            MailError: A key cannot be bound.
            TooLarge: It becomes too many keys, or too deep.
        """
        request = self
        # What a key stands for may hold such keys again.
        for _ in range(_BINDINGS):
            unbound = {
                leaf for leaf in leaves(request.key) if isinstance(leaf, UnboundKey)
            }
            if not unbound:
                return request
            found: dict[SearchKey, SearchKey] = {
                leaf: await leaf.bind(binding) for leaf in unbound
            }
            # Counted first: keys in keys in keys may be millions.
            sizes = {leaf: _count(key) for leaf, key in found.items()}
            if sum(sizes.get(leaf, 1) for leaf in leaves(request.key)) > _KEYS_MAX:
                raise TooLarge("fewer search keys")
            key = rebuilt(request.key, lambda leaf: found.get(leaf, leaf))  # noqa: B023
            if depth(key) > _NESTING:
                raise TooLarge("fewer keys inside each other")
            request = SearchRequest(key)
        raise TooLarge("keys that stand for fewer others")


def _count(key: SearchKey) -> int:
    return sum(1 for _ in leaves(key))


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
    return _read(cursor, charset)


@remembered
def _read(cursor: Cursor, charset: bytes | None) -> SearchRequest:
    names_charset = charset is None and cursor.accept(b"CHARSET ")
    if names_charset:
        charset = grammar.astring(cursor)
        cursor.space()
    try:
        codec = _codec(b"utf-8" if charset is None else charset)
    except BadCharset:
        # A FILTER says BAD to any other than its own (RFC 5466 section 3.1).
        search_keys(cursor, "latin-1")
        raise
    return SearchRequest(search_keys(cursor, codec), names_charset)


def search_keys(cursor: Cursor, codec: str) -> SearchKey:
    """Read ``search-key *(SP search-key)`` up to the end.

    Args:
        cursor: Where to read.
        codec: Python's name of the charset of texts.

    Raises:
        BadSyntax: It is something else.
        TooLarge: Too many keys, or too deep inside each other.

    Source: RFC 9051 section 9 (search-program), RFC 5466 section 4
    (search-criteria).
    """
    keys = [search_key(cursor, codec)]
    while cursor.accept(b" "):
        if len(keys) >= _KEYS_MAX:
            raise TooLarge("fewer search keys", cursor.position)
        keys.append(search_key(cursor, codec))
    cursor.end()
    return all_of(keys)


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


class Operator(NamedTuple):
    """A key that is a name and keys behind it.

    Attributes:
        arity: How many keys.
        combine: What they are together.
    """

    arity: int
    combine: Callable[[list[SearchKey]], SearchKey]


OPERATORS: dict[bytes, Operator] = {
    b"NOT": Operator(1, lambda keys: none_of(keys[0])),
    b"OR": Operator(2, any_of),
}
"""By name in capitals; an extension adds a row when it is imported."""


class _Group:
    """A key that is being read and waits for keys inside it."""

    __slots__ = ("keys", "operator")

    def __init__(self, operator: Operator | None) -> None:
        """Begin a key; ``None`` for parentheses."""
        self.operator = operator
        self.keys: list[SearchKey] = []

    def finished(self, cursor: Cursor) -> SearchKey | None:
        """Return the key, ``None`` when it waits for another inside."""
        if self.operator is None:
            return all_of(self.keys) if cursor.accept(b")") else None
        if len(self.keys) < self.operator.arity:
            return None
        return self.operator.combine(self.keys)


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
            key = groups[-1].finished(cursor)
            if key is not None:
                groups.pop()
                if depth(key) > _NESTING:
                    raise TooLarge("fewer keys inside each other", cursor.position)
        if key is not None:
            return key
        cursor.space()


def _begun(cursor: Cursor) -> _Group | None:
    """Read the beginning of a key that has keys inside."""
    if cursor.accept(b"("):
        return _Group(None)
    start = cursor.position
    named = cursor.match(_NAME)
    operator = OPERATORS.get(named[0].upper()) if named else None
    if operator is None or not cursor.accept(b" "):
        cursor.position = start
        return None
    return _Group(operator)


def _leaf(cursor: Cursor, charset: str) -> SearchKey:
    start = cursor.position
    if cursor.peek() in b"0123456789*$" and cursor.peek():
        return messages_key(cursor, by_uid=False)
    found = cursor.match(_NAME)
    parse = SEARCH_KEYS.get(found[0].upper()) if found else None
    if parse is None:
        raise BadSyntax("a search key", start)
    return parse(cursor, charset)
