"""What FETCH can be asked for, and how its arguments are read.

There are two kinds of items. A column item is answered from the columns of
the view and the kept summaries, a whole slice of messages at a time. A content
item needs octets of the message.

:data:`FETCH_ITEMS` and :data:`FETCH_MODIFIERS` are tables, so that an extension
adds a row when it is imported and nothing here changes.

Source: RFC 3501 section 6.4.5, RFC 9051 section 6.4.5, RFC 4466 section 2.4.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from mailframe.errors import BadSyntax, TooLarge
from mailframe.imap.cursor import Cursor
from mailframe.imap.global_part import without_global
from mailframe.imap.remembered import remembered
from mailframe.imap.section import (
    Partial,
    Parts,
    Section,
    SectionText,
    partial,
    section,
)
from mailframe.imap.sequence import SequenceSet
from mailframe.imap.serialize import (
    flag_list_of,
    flag_list_out,
    internal_date,
    without_nul,
)
from mailframe.interfaces.mailbox import SummaryField
from mailframe.model.mailbox import Listing
from mailframe.model.uid_set import UIDSet

if TYPE_CHECKING:
    from mailframe.imap.session import Session

_Value = TypeVar("_Value")

_NAME = re.compile(rb"[A-Z0-9.\-]+", re.IGNORECASE)
_ITEMS_MAX = 1000
_WHOLE = Section()


@dataclass(slots=True)
class Rows:
    """Some messages of a view, to be written together.

    Attributes:
        listing: The view.
        recent: The messages that are recent in this session.
        indices: Their rows, ascending; a ``range`` when they are adjacent.
        kept: Columns of summaries, beside ``indices``.
    """

    listing: Listing
    recent: UIDSet
    indices: Sequence[int]
    kept: dict[SummaryField, Sequence[Any]] = field(default_factory=dict)

    def take(self, column: Sequence[_Value]) -> Sequence[_Value]:
        """Return the values of these messages, of a column of the view."""
        rows = self.indices
        if isinstance(rows, range):
            return column[rows.start : rows.stop]
        return [column[row] for row in rows]

    @property
    def uids(self) -> Sequence[int]:
        """Their UIDs, ascending."""
        return self.take(self.listing.uids)

    def only(self, uids: Iterable[int]) -> "Rows":
        """Return those of these messages that have one of ``uids``."""
        wanted = set(uids)
        column = self.listing.uids
        return Rows(
            self.listing,
            self.recent,
            [row for row in self.indices if column[row] in wanted],
        )


@dataclass(frozen=True, slots=True)
class ColumnItem:
    """An item whose values come as a column.

    Attributes:
        name: In capitals.
        template: How item and value are written, with one ``%d`` or ``%b``.
        column: Makes the values for some messages.
        fields: Which kept answers it needs, if any.
        enables: What asking for it switches on (RFC 7162 section 3.1).
        constant: Whether the value never changes while the message is there.
    """

    name: bytes
    template: bytes
    column: Callable[[Rows], Iterable[int | bytes]]
    fields: tuple[SummaryField, ...] = ()
    enables: str | None = None
    constant: bool = False


@dataclass(frozen=True, slots=True)
class ContentItem:
    """An item that is cut out of the message's octets.

    Attributes:
        name: As the response has it, ``BODY[1]<0>``.
        section: What it is of the message.
        partial: Which of the section's octets; ``None`` for all.
        peek: Whether it leaves ``\\Seen`` as it is.
    """

    name: bytes
    section: Section
    partial: Partial | None = None
    peek: bool = False

    @property
    def whole(self) -> bool:
        """Whether it is the message as it is."""
        return (
            type(self) is ContentItem
            and self.section == _WHOLE
            and self.partial is None
        )

    @property
    def streamed(self) -> bool:
        """Whether a large message may answer it in pieces, by offsets.

        False for an item that must see all its octets before it is written.
        """
        return not self.section.names

    def pieces(self, parts: Parts, octets: bytes) -> tuple[bytes, ...]:
        """Return name and value in pieces, to be sent one after another.

        Args:
            parts: What is known of the message.
            octets: The message; or its header alone when the section is in
                that.
        """
        extent = self.section.extent(parts)
        if extent is None:
            return (self.name, b" NIL")
        start, stop = extent
        if self.section.names:
            octets = self.section.filtered(octets[start:stop])
            start, stop = 0, len(octets)
        if self.partial is not None:
            start, stop = self.partial.of(start, stop)
        if start >= stop:
            return (self.name, b' ""')
        opening = b"%b {%d}\r\n" % (self.name, stop - start)
        return (opening, without_nul(octets[start:stop]))


Item = ColumnItem | ContentItem


class Modifier:
    """A word in the parentheses that may end a FETCH, with its argument.

    Attributes:
        uid_only: Whether it goes with ``UID FETCH`` only.
        items: What it asks for by itself.

    Source: RFC 4466 section 2.4.
    """

    __slots__ = ()
    uid_only: ClassVar[bool] = False
    items: ClassVar[tuple[ColumnItem, ...]] = ()

    def check(self, names: Collection[bytes]) -> None:
        """Check that it goes together with the others.

        Args:
            names: All modifiers of the command.

        Raises:
            BadSyntax: It does not.
        """

    async def begin(
        self, session: "Session", messages: SequenceSet, request: "FetchRequest"
    ) -> None:
        """Do what comes before the answers.

        Args:
            session: Whose command it is.
            messages: As the client wrote them.
            request: The request it is part of.

        Raises:
            BadSyntax: It may not be used now.
        """


class Narrowing(Modifier):
    """A modifier of FETCH that leaves messages out.

    Attributes:
        turn: Those with lower numbers choose first.
    """

    __slots__ = ()
    turn: ClassVar[int] = 0

    @property
    def most(self) -> int:
        """How many messages it lets through at most, 0 if that is not known."""
        return 0

    def narrow(self, listing: Listing, uids: UIDSet) -> UIDSet:
        """Return those of ``uids`` that are fetched."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """What one FETCH asks for.

    Attributes:
        columns: Items answered from columns, UID first if it is asked for
            because of ``UID FETCH``.
        contents: Items cut out of messages.
        modifiers: Name and argument of each modifier (RFC 4466 section 2.4).
        asks_uid: Whether the client names UID among the items.
    """

    columns: tuple[ColumnItem, ...]
    contents: tuple[ContentItem, ...] = ()
    modifiers: tuple[tuple[bytes, Any], ...] = ()
    asks_uid: bool = False

    @property
    def enables(self) -> Iterable[str]:
        """What it switches on."""
        return (item.enables for item in self.columns if item.enables)

    @property
    def marks_seen(self) -> bool:
        """Whether the messages are to be marked ``\\Seen``."""
        return not all(item.peek for item in self.contents)

    @property
    def in_header(self) -> bool:
        """Whether headers are enough to answer everything."""
        return all(item.section.in_header for item in self.contents)

    def narrowed(self, listing: Listing, uids: UIDSet) -> UIDSet:
        """Return those of ``uids`` that no modifier leaves out."""
        chosen = [value for _, value in self.modifiers if isinstance(value, Narrowing)]
        for modifier in sorted(chosen, key=lambda modifier: modifier.turn):
            uids = modifier.narrow(listing, uids)
        return uids


def _flags(rows: Rows) -> Iterable[bytes]:
    flags = rows.take(rows.listing.flags)
    if not rows.recent or not rows.recent.slices(uids := rows.uids):
        return map(flag_list_of, flags)
    recent = rows.recent
    return [
        flag_list_out(those, uid in recent)
        for those, uid in zip(flags, uids, strict=True)
    ]


def _kept(name: SummaryField) -> Callable[[Rows], Iterable[bytes]]:
    def column(rows: Rows) -> Iterable[bytes]:
        return rows.kept[name]

    return column


UID = ColumnItem(b"UID", b"UID %d", lambda rows: rows.uids, constant=True)
FLAGS = ColumnItem(b"FLAGS", b"FLAGS %b", _flags)
MODSEQ = ColumnItem(
    b"MODSEQ",
    b"MODSEQ (%d)",
    lambda rows: rows.take(rows.listing.modseqs),
    enables="CONDSTORE",
)
_INTERNALDATE = ColumnItem(
    b"INTERNALDATE",
    b"INTERNALDATE %b",
    lambda rows: map(internal_date, rows.take(rows.listing.dates)),
    constant=True,
)
_SIZE = ColumnItem(
    b"RFC822.SIZE",
    b"RFC822.SIZE %d",
    lambda rows: rows.take(rows.listing.sizes),
    constant=True,
)


def _summary(name: bytes, field: SummaryField) -> ColumnItem:
    return ColumnItem(name, name + b" %b", _kept(field), (field,), constant=True)


def _without_global(item: ColumnItem) -> ColumnItem:
    def column(rows: Rows) -> Iterable[bytes]:
        return [without_global(one) for one in rows.kept[item.fields[0]]]

    return replace(item, column=column)


_ENVELOPE = _summary(b"ENVELOPE", "envelope")
_BODYSTRUCTURE = _summary(b"BODYSTRUCTURE", "body_structure")
_BODY = _summary(b"BODY", "body")
IN_REV1: Mapping[ColumnItem, ColumnItem] = {
    item: _without_global(item) for item in (_BODYSTRUCTURE, _BODY)
}
"""What is told in the place of items, to a client of IMAP4rev1."""
_RFC822 = ContentItem(b"RFC822", Section())
_RFC822_HEADER = ContentItem(
    b"RFC822.HEADER", Section(text=SectionText.HEADER), peek=True
)
_RFC822_TEXT = ContentItem(b"RFC822.TEXT", Section(text=SectionText.TEXT))

_FAST = (FLAGS, _INTERNALDATE, _SIZE)
_MACROS: Mapping[bytes, tuple[ColumnItem, ...]] = {
    b"ALL": (*_FAST, _ENVELOPE),
    b"FAST": _FAST,
    b"FULL": (*_FAST, _ENVELOPE, _BODY),
}


def _body(cursor: Cursor) -> Item:
    """``"BODY" [section [partial]]``  (RFC 9051 section 9)."""
    return _body_section(cursor, peek=False) if cursor.peek() == b"[" else _BODY


def _body_section(cursor: Cursor, peek: bool) -> ContentItem:
    found = section(cursor)
    piece = partial(cursor)
    origin = b"" if piece is None else b"<%d>" % piece.first
    return ContentItem(b"BODY%b%b" % (bytes(found), origin), found, piece, peek)


FETCH_ITEMS: dict[bytes, Callable[[Cursor], Item]] = {
    b"UID": lambda cursor: UID,
    b"FLAGS": lambda cursor: FLAGS,
    b"INTERNALDATE": lambda cursor: _INTERNALDATE,
    b"RFC822.SIZE": lambda cursor: _SIZE,
    b"ENVELOPE": lambda cursor: _ENVELOPE,
    b"BODYSTRUCTURE": lambda cursor: _BODYSTRUCTURE,
    b"BODY": _body,
    b"BODY.PEEK": lambda cursor: _body_section(cursor, peek=True),
    b"RFC822": lambda cursor: _RFC822,
    b"RFC822.HEADER": lambda cursor: _RFC822_HEADER,
    b"RFC822.TEXT": lambda cursor: _RFC822_TEXT,
}
"""By name in capitals: what reads the rest of an item, its name being read."""

FETCH_MODIFIERS: dict[bytes, Callable[[Cursor], Any]] = {}
"""By name in capitals: what reads a modifier's argument (with the space before)
and returns a hashable value, a :class:`Modifier` if it does something."""


def parse_fetch(cursor: Cursor, by_uid: bool) -> FetchRequest:
    """Read what is asked for, up to the end of the command.

    Args:
        cursor: Behind the space after the sequence-set.
        by_uid: Whether it is ``UID FETCH``, which always answers UID.

    Raises:
        BadSyntax: It is not in the grammar, or names an unknown item.

    Source: RFC 9051 section 9 (fetch), RFC 4466 section 2.4.
    """
    return _read(cursor, by_uid)


@remembered
def _read(cursor: Cursor, by_uid: bool) -> FetchRequest:
    start = cursor.position
    items: Iterable[Item]
    if cursor.accept(b"("):
        items = _items(cursor)
    else:
        found = cursor.match(_NAME)
        macro = _MACROS.get(found[0].upper()) if found else None
        if macro is None:
            cursor.position = start
        items = macro or (_item(cursor),)
    modifiers = _modifiers(cursor, by_uid)
    cursor.end()
    return _request(items, by_uid, modifiers)


def fetch_atts(cursor: Cursor) -> FetchRequest:
    """Read ``"(" fetch-att *(SP fetch-att) ")"``; nothing will be marked ``\\Seen``.

    Raises:
        BadSyntax: It is something else.

    Source: RFC 5465 section 8.
    """
    cursor.expect(b"(")
    request = _request(_items(cursor), False, ())
    unseen = tuple(replace(item, peek=True) for item in request.contents)
    return replace(request, contents=unseen)


def _request(
    items: Iterable[Item], by_uid: bool, modifiers: tuple[tuple[bytes, Any], ...]
) -> FetchRequest:
    implied = [
        item
        for _, value in modifiers
        if isinstance(value, Modifier)
        for item in value.items
    ]
    items = list(items)
    distinct: dict[bytes, Item] = {}
    for item in (*((UID,) if by_uid else ()), *items, *implied):
        # Of BODY[] and BODY.PEEK[], the one that sets \Seen stays.
        if item.name not in distinct or not getattr(item, "peek", True):
            distinct[item.name] = item
    return FetchRequest(
        tuple(item for item in distinct.values() if isinstance(item, ColumnItem)),
        tuple(item for item in distinct.values() if isinstance(item, ContentItem)),
        modifiers,
        UID in items,
    )


def _items(cursor: Cursor) -> list[Item]:
    items = [_item(cursor)]
    while cursor.accept(b" "):
        if len(items) >= _ITEMS_MAX:
            raise TooLarge("fewer items", cursor.position)
        items.append(_item(cursor))
    cursor.expect(b")")
    return items


def _item(cursor: Cursor) -> Item:
    start = cursor.position
    found = cursor.match(_NAME)
    parse = FETCH_ITEMS.get(found[0].upper()) if found else None
    if parse is None:
        raise BadSyntax("something that can be fetched", start)
    return parse(cursor)


def _modifiers(cursor: Cursor, by_uid: bool) -> tuple[tuple[bytes, Any], ...]:
    """``fetch-modifiers = SP "(" fetch-modifier *(SP fetch-modifier) ")"``."""
    if not FETCH_MODIFIERS or not cursor.accept(b" ("):
        return ()
    found: dict[bytes, Any] = {}
    while True:
        start = cursor.position
        named = cursor.match(_NAME)
        name = named[0].upper() if named else b""
        if name not in FETCH_MODIFIERS or name in found:
            raise BadSyntax("a modifier of FETCH", start)
        found[name] = value = FETCH_MODIFIERS[name](cursor)
        if isinstance(value, Modifier) and value.uid_only and not by_uid:
            raise BadSyntax("a modifier of FETCH that is not for UID FETCH only", start)
        if not cursor.accept(b" "):
            break
    cursor.expect(b")")
    for value in found.values():
        if isinstance(value, Modifier):
            value.check(found.keys())
    return tuple(found.items())
