"""What is done with the messages of the selected mailbox.

Source: RFC 3501 section 6.4.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain

from mailframe.errors import MessageGone, NoSuchMailbox, NotPermitted, ReadOnly
from mailframe.imap.command import SELECTED, Command
from mailframe.imap.cursor import Cursor
from mailframe.imap.fetch import FetchRequest, parse_fetch, run_fetch
from mailframe.imap.fetch_items import Modifier
from mailframe.imap.grammar import mailbox
from mailframe.imap.responses import try_create
from mailframe.imap.sequence import SequenceSet, sequence_set, set_in_order
from mailframe.imap.session import Session
from mailframe.imap.view import View
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
    expunged = UIDSet.EMPTY
    try:
        if not view.read_only:
            expunged = await view.mailbox.expunge()
    except (NoSuchMailbox, NotPermitted):
        # Deleted meanwhile, or not to be expunged by this user: left all the same
        # (RFC 4314 section 4).
        pass
    session.deselect(expunged)
    return b"CLOSE completed"


async def expunge(session: Session, _: None) -> bytes:
    """Remove what has ``\\Deleted``.  Source: RFC 3501 section 6.4.3."""
    await run_expunge(writable(session), None)
    return b"EXPUNGE completed"


async def run_expunge(view: View, uids: UIDSet | None) -> None:
    """Remove what has ``\\Deleted``.

    Args:
        view: The mailbox.
        uids: Only these, or ``None`` for all.

    Source: RFC 7162 sections 3.2.7 and 3.2.9.
    """
    if await view.mailbox.expunge(uids):
        view.owe_modseq()
    await view.refresh()


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
        MessageGone: Some are gone; what could be answered was. With too many
            messages that is a code of the OK.

    Source: RFC 3501 sections 6.4.5 and 6.4.8, RFC 2180 section 4.1, RFC 9738
    section 3.1.
    """
    view, request = session.selected, command.request
    uids = view.chosen(command.messages, by_uid)
    for name in request.enables:
        session.enable(name)
    for _, value in request.modifiers:
        if isinstance(value, Modifier):
            await value.begin(session, command.messages, request)
    before = view.listing
    uids = view.bounded(request.narrowed(before, uids))
    whole = await run_fetch(view, request, uids, by_uid)
    if view.listing is not before:
        view.forget_seen(before, uids)
    if not whole and not by_uid:
        if view.limited:
            return b"[EXPUNGEISSUED] FETCH completed"
        raise MessageGone
    return b"FETCH completed"


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
    session: Session,
    uids: UIDSet,
    destination: MailboxName,
    act: Callable[[UIDSet, MailboxName], Awaitable[Copied]],
) -> bytes | None:
    """Copy or move.

    Returns:
        The response code with a space, nothing for whom it is not to be told, or
        ``None`` when none of the messages was there.

    Raises:
        Refused: There is no ``destination``.

    Source: RFC 4315 section 3 (COPYUID), RFC 9051 sections 6.4.7 (whom it is not
    told) and 7.1 (TRYCREATE).
    """
    view = session.selected
    try:
        copied = await act(uids, destination)
    except NoSuchMailbox:
        # Either the destination is missing, or this mailbox is gone.
        await view.mailbox.changes(view.listing.highest_modseq)
        raise try_create() from None
    view.stale = True
    if not copied.uids:
        return None
    sources = UIDSet.of(copied.uids)
    listing = view.listing
    flags = chain.from_iterable(
        listing.flags[start:stop] for start, stop in sources.slices(listing.uids)
    )
    session.made(destination, dict(zip(copied.uids.values(), flags, strict=False)))
    if not copied.readable:
        return b""
    copies = set_in_order(copied.uids.values())
    return b"[COPYUID %d %b %b] " % (copied.uid_validity, str(sources).encode(), copies)


async def copy(by_uid: bool, session: Session, command: Transfer) -> bytes:
    """Copy messages to another mailbox.

    Raises:
        MessageGone: Some are gone; nothing was copied.

    Source: RFC 3501 section 6.4.7, RFC 2180 section 4.4.
    """
    view = session.selected
    uids = view.chosen(command.messages, by_uid)
    if view.stale:
        await view.refresh()
    if not by_uid and uids & view.ghosts:
        raise MessageGone
    code = await transfer(session, uids, command.destination, view.mailbox.copy)
    return (code or b"") + b"COPY completed"


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
    Command(b"COPY", SELECTED, partial(copy, False), parse_transfer),
    Command(b"UID COPY", SELECTED, partial(copy, True), parse_transfer, by_uid=True),
)
