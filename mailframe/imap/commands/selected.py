"""What is done with the messages of the selected mailbox.

Source: RFC 3501 section 6.4.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from mailframe.errors import MessageGone, NoSuchMailbox, ReadOnly
from mailframe.imap.command import SELECTED, Command
from mailframe.imap.cursor import Cursor
from mailframe.imap.fetch import FetchRequest, parse_fetch, run_fetch
from mailframe.imap.grammar import flag_list, flags, mailbox
from mailframe.imap.responses import try_create
from mailframe.imap.search import SearchRequest, parse_search, run_search
from mailframe.imap.sequence import SequenceSet, sequence_set
from mailframe.imap.session import Session
from mailframe.imap.view import View, message_numbers
from mailframe.model.flag import FlagChange, FlagSet
from mailframe.model.mailbox import Copied, MailboxName
from mailframe.model.uid_set import UIDSet


def writable(session: Session) -> View:
    """Return the selected mailbox for changing it.

    Raises:
        ReadOnly: It was opened with EXAMINE, or cannot be changed.
    """
    view = session.selected
    if view.read_only:
        raise ReadOnly(view.mailbox.name)
    return view


def check(session: Session, _: None) -> bytes:
    """Ask the mailbox whether it changed; there is nothing else to check.

    Source: RFC 3501 section 6.4.1.
    """
    session.selected.stale = True
    return b"CHECK completed"


async def close(session: Session, _: None) -> bytes:
    """Expunge without telling, and leave the mailbox.

    Source: RFC 3501 section 6.4.2.
    """
    view = session.selected
    try:
        if not view.read_only:
            await view.mailbox.expunge()
    except NoSuchMailbox:
        # Deleted meanwhile: left all the same.
        pass
    session.deselect()
    return b"CLOSE completed"


async def expunge(session: Session, _: None) -> bytes:
    """Remove what has ``\\Deleted``.  Source: RFC 3501 section 6.4.3."""
    view = writable(session)
    await view.mailbox.expunge()
    await view.refresh()
    return b"EXPUNGE completed"


@dataclass(frozen=True, slots=True)
class _Fetch:
    messages: SequenceSet
    request: FetchRequest


def parse_fetch_command(by_uid: bool, cursor: Cursor) -> _Fetch:
    """Read a set of messages and what to answer (RFC 3501 section 9, fetch)."""
    cursor.space()
    messages = sequence_set(cursor)
    cursor.space()
    return _Fetch(messages, parse_fetch(cursor, by_uid))


async def fetch(by_uid: bool, session: Session, command: _Fetch) -> bytes:
    """Answer questions about messages.

    Raises:
        MessageGone: Some are gone; what could be answered was.

    Source: RFC 3501 sections 6.4.5 and 6.4.8, RFC 2180 section 4.1.
    """
    view = session.selected
    uids = command.messages.to_uids(view.uids, by_uid)
    before = view.listing
    whole = await run_fetch(view, command.request, uids, by_uid)
    if view.listing is not before:
        view.forget_seen(before, uids)
    if not whole and not by_uid:
        raise MessageGone
    return b"FETCH completed"


@dataclass(frozen=True, slots=True)
class _Store:
    messages: SequenceSet
    change: FlagChange
    silent: bool
    flags: FlagSet


_CHANGES = {b"": FlagChange.REPLACE, b"+": FlagChange.ADD, b"-": FlagChange.REMOVE}


def parse_store(cursor: Cursor) -> _Store:
    """Read a set of messages and what to do with which flags.

    ``store = "STORE" SP sequence-set SP store-att-flags``

    ``store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP
    (flag-list / (flag *(SP flag)))``

    Source: RFC 3501 section 9.
    """
    cursor.space()
    messages = sequence_set(cursor)
    cursor.space()
    sign = next((sign for sign in (b"+", b"-") if cursor.accept(sign)), b"")
    cursor.expect(b"FLAGS")
    silent = cursor.accept(b".SILENT")
    cursor.space()
    named = flag_list(cursor) if cursor.peek() == b"(" else flags(cursor)
    cursor.end()
    return _Store(messages, _CHANGES[sign], silent, named)


async def store(by_uid: bool, session: Session, command: _Store) -> bytes:
    """Change flags, and tell the new ones unless asked not to.

    What another session changed is told even then.

    Raises:
        MessageGone: Some are gone; the others were changed.

    Source: RFC 3501 section 6.4.6, RFC 2180 section 4.2.
    """
    view = writable(session)
    uids = command.messages.to_uids(view.uids, by_uid)
    if view.stale:
        await view.refresh()
    done = await view.mailbox.store(uids, command.change, command.flags)
    await view.refresh()
    if command.silent:
        view.forget_changes(done.changed)
    else:
        view.own_changes(done.changed)
    if not by_uid and uids & view.ghosts:
        view.announce(expunges=False)
        raise MessageGone
    return b"STORE completed"


def parse_search_command(cursor: Cursor) -> SearchRequest:
    """Read ``SP search-program``  (RFC 9051 section 9, search)."""
    cursor.space()
    return parse_search(cursor)


async def search(by_uid: bool, session: Session, request: SearchRequest) -> bytes:
    """Tell which messages match.  Source: RFC 3501 section 6.4.4."""
    view = session.selected
    found = await run_search(view, request) - view.ghosts
    # New messages are told of before their numbers are.
    view.announce(expunges=False)
    numbers = found if by_uid else message_numbers(found, view.uids)
    session.put(b"* SEARCH%b\r\n" % b"".join(map(b" %d".__mod__, numbers)))
    return b"SEARCH completed"


@dataclass(frozen=True, slots=True)
class Transfer:
    """The arguments of COPY and MOVE."""

    messages: SequenceSet
    destination: MailboxName


def parse_transfer(cursor: Cursor) -> Transfer:
    """``copy = "COPY" SP sequence-set SP mailbox``  (RFC 3501 section 9)."""
    cursor.space()
    messages = sequence_set(cursor)
    cursor.space()
    destination = mailbox(cursor)
    cursor.end()
    return Transfer(messages, destination)


async def transfer(
    view: View,
    uids: UIDSet,
    destination: MailboxName,
    act: Callable[[UIDSet, MailboxName], Awaitable[Copied]],
) -> bytes:
    """Copy or move, and return the response code with a space, or nothing.

    Raises:
        Refused: There is no ``destination``.

    Source: RFC 4315 section 3 (COPYUID), RFC 3501 section 7.1 (TRYCREATE).
    """
    try:
        copied = await act(uids, destination)
    except NoSuchMailbox:
        # Either the destination is missing, or this mailbox is gone.
        await view.mailbox.changes(view.listing.highest_modseq)
        raise try_create() from None
    view.stale = True
    if not copied.uids:
        return b""
    sources = UIDSet.of(copied.uids)
    copies = ranges_in_order(list(copied.uids.values()))
    return b"[COPYUID %d %b %b] " % (copied.uid_validity, str(sources).encode(), copies)


def ranges_in_order(uids: list[int]) -> bytes:
    """Return UIDs as a ``uid-set`` that keeps their order.

    Source: RFC 4315 section 4 (uid-set).
    """
    found: list[tuple[int, int]] = []
    for uid in uids:
        if found and uid == found[-1][1] + 1:
            found[-1] = (found[-1][0], uid)
        else:
            found.append((uid, uid))
    return b",".join(
        b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in found
    )


async def copy(by_uid: bool, session: Session, command: Transfer) -> bytes:
    """Copy messages to another mailbox.

    Raises:
        MessageGone: Some are gone; nothing was copied.

    Source: RFC 3501 section 6.4.7, RFC 2180 section 4.4.
    """
    view = session.selected
    uids = command.messages.to_uids(view.uids, by_uid)
    if view.stale:
        await view.refresh()
    if not by_uid and uids & view.ghosts:
        raise MessageGone
    code = await transfer(view, uids, command.destination, view.mailbox.copy)
    return code + b"COPY completed"


COMMANDS = (
    Command(b"CHECK", SELECTED, check),
    Command(b"CLOSE", SELECTED, close),
    Command(b"EXPUNGE", SELECTED, expunge),
    Command(
        b"FETCH",
        SELECTED,
        partial(fetch, False),
        partial(parse_fetch_command, False),
        uses_sequence_numbers=True,
    ),
    Command(
        b"UID FETCH",
        SELECTED,
        partial(fetch, True),
        partial(parse_fetch_command, True),
        by_uid=True,
    ),
    Command(
        b"STORE",
        SELECTED,
        partial(store, False),
        parse_store,
        uses_sequence_numbers=True,
    ),
    Command(b"UID STORE", SELECTED, partial(store, True), parse_store, by_uid=True),
    Command(
        b"SEARCH",
        SELECTED,
        partial(search, False),
        parse_search_command,
        uses_sequence_numbers=True,
    ),
    Command(
        b"UID SEARCH",
        SELECTED,
        partial(search, True),
        parse_search_command,
        by_uid=True,
    ),
    Command(b"COPY", SELECTED, partial(copy, False), parse_transfer),
    Command(b"UID COPY", SELECTED, partial(copy, True), parse_transfer),
)
