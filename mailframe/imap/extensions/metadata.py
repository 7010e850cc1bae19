"""METADATA: notes on mailboxes and on the account.

Capability ``METADATA``, RFC 5464, after login, when the account keeps notes
(``IAnnotatedAccount``). ENABLE has a client told unasked what others change, until
NOTIFY says what it is told. Shared notes on the server as a whole cannot be set.
``/private/specialuse`` is what LIST tells; it can be set when the account can
change it (``ISpecialUseKeeper``), and is then taken from the mailbox that had it.

Source: RFC 5464 sections 3 and 4, RFC 6154 section 4.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mailframe.errors import LimitExceeded, NoSuchMailbox, TooLarge
from mailframe.imap.annotation import (
    ENTRIES_MAX,
    ENTRY_CHECKS,
    SPECIAL_USE,
    annotated_account,
    entries,
    entry,
    keeps_annotations,
    metadata_response,
    notes_on,
)
from mailframe.imap.command import LOGGED_IN, Command, Extension
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import atom, mailbox, number
from mailframe.imap.literal8 import nstring8
from mailframe.imap.mailbox_filter import EVERY, MailboxFilter
from mailframe.imap.notification import (
    MAILBOX_METADATA,
    SERVER_METADATA,
    Group,
    Notifying,
)
from mailframe.imap.responses import Refused
from mailframe.imap.session import Session
from mailframe.imap.special_uses import known_use, refuse_unknown
from mailframe.interfaces.mailbox import ISpecialUseKeeper, IWatchedAccount
from mailframe.model.mailbox import MailboxName

_OPTIONS_AHEAD = re.compile(rb"(?=\([A-Z])", re.IGNORECASE)
_DEPTHS: Mapping[bytes, int | None] = {b"0": 0, b"1": 1, b"INFINITY": None}


@dataclass(frozen=True, slots=True)
class _Get:
    name: MailboxName | None
    entries: tuple[str, ...]
    max_size: int | None = None
    depth: int | None = 0


def _mailbox(cursor: Cursor) -> MailboxName | None:
    """Read a mailbox name; the empty one is the server."""
    return None if cursor.accept(b'""') else mailbox(cursor)


def _options(cursor: Cursor) -> dict[bytes, int | None]:
    """``"(" getmetadata-option *(SP getmetadata-option) ")"``."""
    cursor.expect(b"(")
    found: dict[bytes, int | None] = {}
    while True:
        start = cursor.position
        name = atom(cursor).upper()
        if name in found or name not in (b"MAXSIZE", b"DEPTH"):
            cursor.position = start
            cursor.fail("MAXSIZE or DEPTH, each once")
        cursor.space()
        if name == b"MAXSIZE":
            found[name] = number(cursor)
        else:
            start = cursor.position
            depth = atom(cursor).upper()
            if depth not in _DEPTHS:
                cursor.position = start
                cursor.fail("0, 1 or infinity")
            found[name] = _DEPTHS[depth]
        if not cursor.accept(b" "):
            break
    cursor.expect(b")")
    return found


def _parse_get(cursor: Cursor) -> _Get:
    """Read the arguments of GETMETADATA.

    ``getmetadata = "GETMETADATA" [SP getmetadata-options] SP mailbox SP entries``

    The options may stand behind the mailbox too, as the examples have them.

    Source: RFC 5464 sections 4.2.1 and 5.
    """
    cursor.space()
    options: dict[bytes, int | None] = {}
    if cursor.peek() == b"(":
        options = _options(cursor)
        cursor.space()
    name = _mailbox(cursor)
    cursor.space()
    # Lenient: the examples of RFC 5464 section 4.2.1 contradict its grammar.
    if not options and cursor.match(_OPTIONS_AHEAD):
        options = _options(cursor)
        cursor.space()
    depth = options.get(b"DEPTH", 0)
    asked = entries(cursor, above=depth != 0)
    cursor.end()
    return _Get(name, asked, options.get(b"MAXSIZE"), depth)


def _below(found: str, asked: str, depth: int | None) -> bool:
    """Tell whether an entry lies below another, not too deep."""
    if not found.startswith(asked + "/"):
        return False
    return depth is None or found.count("/") - asked.count("/") <= depth


async def _notes(session: Session, name: MailboxName | None) -> Mapping[str, bytes]:
    if name is None:
        return await annotated_account(session).annotations(None)
    for info in await session.mail.list_mailboxes():
        if info.name == name:
            return await notes_on(session, info)
    raise NoSuchMailbox(name)


async def get(session: Session, asked: _Get) -> bytes:
    """Tell notes.

    An entry that was asked for by its name and has no value is told as NIL; when
    there is nothing below it either, with DEPTH too, for a response is required.

    Raises:
        NoSuchMailbox: It is not there.

    Source: RFC 5464 section 4.2.
    """
    notes = await _notes(session, asked.name)
    told = dict.fromkeys(asked.entries)
    if asked.depth != 0:
        told = (
            dict.fromkeys(
                found
                for one in asked.entries
                for found in sorted(notes)
                if found == one or _below(found, one, asked.depth)
            )
            or told
        )
    longest = 0
    if asked.max_size is not None:
        for name in list(told):
            size = len(notes.get(name, b""))
            if size > asked.max_size:
                longest = max(longest, size)
                del told[name]
    if told:
        session.put(metadata_response(session, asked.name, notes, list(told)))
    code = b"[METADATA LONGENTRIES %d] " % longest if longest else b""
    return code + b"GETMETADATA completed"


@dataclass(frozen=True, slots=True)
class _Set:
    name: MailboxName | None
    values: Mapping[str, bytes | None]


def _parse_set(cursor: Cursor) -> _Set:
    """Read the arguments of SETMETADATA.

    ``setmetadata = "SETMETADATA" SP mailbox SP "(" entry SP value
    *(SP entry SP value) ")"``

    Source: RFC 5464 section 5.
    """
    cursor.space()
    name = _mailbox(cursor)
    cursor.space()
    cursor.expect(b"(")
    values: dict[str, bytes | None] = {}
    while True:
        one = entry(cursor)
        cursor.space()
        values[one] = nstring8(cursor)
        if len(values) > ENTRIES_MAX:
            raise TooLarge("fewer entries", cursor.position)
        if not cursor.accept(b" "):
            break
    cursor.expect(b")")
    cursor.end()
    return _Set(name, values)


async def set_(session: Session, command: _Set) -> bytes:
    """Set notes, all or none.

    Raises:
        Refused: One is too large, there are too many, or one cannot be set.
        NoSuchMailbox: It is not there.

    Source: RFC 5464 section 4.3.
    """
    account = annotated_account(session)
    most = session.limits.annotation_size
    for one, value in command.values.items():
        if value is not None and len(value) > most:
            raise Refused(b"[METADATA MAXSIZE %d] The value is too large" % most)
        if command.name is None and one.startswith("/shared/"):
            raise Refused(b"[NOPERM] The server's entries cannot be changed")
        for start, check in ENTRY_CHECKS.items():
            if command.name is None and value is not None and one.startswith(start):
                check(value)
    use = _special_use(session, command)
    values = {one: command.values[one] for one in command.values if one != SPECIAL_USE}
    try:
        await account.annotate(command.name, values)
    except LimitExceeded:
        raise Refused(b"[METADATA TOOMANY] That is too many annotations") from None
    if use is not None:
        await _assign(session, *use)
    return b"SETMETADATA completed"


_Use = tuple[ISpecialUseKeeper, MailboxName, frozenset[str]]


def _special_use(session: Session, command: _Set) -> _Use | None:
    """Return which special uses a mailbox is to be given, ``None`` for no change.

    Raises:
        Refused: They cannot be given.
    """
    if SPECIAL_USE not in command.values:
        return None
    account = ISpecialUseKeeper(session.mail, None)
    if account is None or command.name is None:
        raise Refused(b"[CANNOT] The special use cannot be changed")
    words = (command.values[SPECIAL_USE] or b"").decode("latin-1").split()
    uses = frozenset(map(known_use, words))
    refuse_unknown(uses)
    return account, command.name, uses


async def _assign(
    session: Session,
    account: ISpecialUseKeeper,
    name: MailboxName,
    uses: frozenset[str],
) -> None:
    """Give a mailbox special uses; tell of those that lose one.

    Source: RFC 6154 sections 4 and 5.4.
    """
    for info in await session.mail.list_mailboxes():
        if info.name != name and info.special_use & uses:
            left = info.special_use - uses
            await account.set_special_use(info.name, left)
            value = " ".join(sorted(left)).encode("ascii")
            notes = {SPECIAL_USE: value} if left else {}
            session.put(metadata_response(session, info.name, notes, [SPECIAL_USE]))
    await account.set_special_use(name, uses)


def _switched_on(session: Session) -> None:
    """Tell from now on what others change.  Source: RFC 5464 section 4.4."""
    watched = IWatchedAccount.providedBy(session.account)
    if watched and session.notification is None:
        events = frozenset((MAILBOX_METADATA, SERVER_METADATA))
        telling = Notifying(session, (Group(MailboxFilter(EVERY), events),))
        telling.watch_notes()
        session.notification = telling


EXTENSION = Extension(
    b"METADATA",
    (
        Command(b"GETMETADATA", LOGGED_IN, get, _parse_get),
        Command(b"SETMETADATA", LOGGED_IN, set_, _parse_set),
    ),
    announced=keeps_annotations,
    can_be_enabled=True,
    switched_on=_switched_on,
)
