"""STORE and UID STORE: flags change, on condition or without.

What may stand in parentheses before the flags is a table that extensions add to.

Source: RFC 9051 section 6.4.6, RFC 4466 section 2.5.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mailframe.errors import MessageGone
from mailframe.imap.command import SELECTED, Command
from mailframe.imap.commands.selected import writable
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import flag_list, flags
from mailframe.imap.parameters import parameters
from mailframe.imap.responses import Refused
from mailframe.imap.sequence import SequenceSet, sequence_set
from mailframe.imap.session import Session
from mailframe.imap.view import View, message_numbers
from mailframe.model.flag import FlagChange, FlagSet
from mailframe.model.mailbox import Listing, Stored
from mailframe.model.uid_set import UIDSet


@dataclass(frozen=True, slots=True)
class Modifier:
    """A word in the parentheses of STORE.

    Attributes:
        parse: Reads its argument, with the space before.
        enables: What using it switches on.
    """

    parse: Callable[[Cursor], Any]
    enables: str | None = None


UNCHANGED_SINCE = b"UNCHANGEDSINCE"
"""The modifier that :func:`store` knows (RFC 7162 section 3.1.3)."""

STORE_MODIFIERS: dict[bytes, Modifier] = {}
"""By name in capitals."""


@dataclass(frozen=True, slots=True)
class Store:
    """The arguments of STORE."""

    messages: SequenceSet
    change: FlagChange
    silent: bool
    flags: FlagSet
    modifiers: dict[bytes, Any] = field(default_factory=dict)


_CHANGES = {b"": FlagChange.REPLACE, b"+": FlagChange.ADD, b"-": FlagChange.REMOVE}


def parse_store(cursor: Cursor) -> Store:
    """Read a set of messages and what to do with which flags.

    ``store = "STORE" SP sequence-set [store-modifiers] SP store-att-flags``

    ``store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP
    (flag-list / (flag *(SP flag)))``

    Source: RFC 4466 section 3, RFC 9051 section 9.
    """
    cursor.space()
    messages = sequence_set(cursor)
    modifiers = parameters(cursor, STORE_MODIFIERS, "a modifier of STORE")
    cursor.space()
    sign = next((sign for sign in (b"+", b"-") if cursor.accept(sign)), b"")
    cursor.expect(b"FLAGS")
    silent = cursor.accept(b".SILENT")
    cursor.space()
    named = flag_list(cursor) if cursor.peek() == b"(" else flags(cursor)
    cursor.end()
    return Store(messages, _CHANGES[sign], silent, named, modifiers)


async def store(by_uid: bool, session: Session, command: Store) -> bytes:
    """Change flags, and tell the new ones unless asked not to.

    What another session changed is told even then.

    Raises:
        MessageGone: Some are gone; the others were changed. With too many
            messages that is a code of the OK.

    Source: RFC 3501 section 6.4.6, RFC 2180 section 4.2, RFC 7162 section 3.1.3,
    RFC 9738 section 3.1.
    """
    view = writable(session)
    uids = view.chosen(command.messages, by_uid)
    for name in command.modifiers:
        enables = STORE_MODIFIERS[name].enables
        if enables is not None:
            session.enable(enables)
    uids = view.bounded(uids)
    told, untold = view.listing, view.pending
    if view.stale:
        await view.refresh()
    since = command.modifiers.get(UNCHANGED_SINCE)
    done = await view.mailbox.store(uids, command.change, command.flags, since)
    await view.refresh()
    if since is not None and done.modified:
        done = await _again(view, command, done, told, since)
    if command.silent:
        view.forget_changes(
            _expected(view, command, done.changed & (uids - untold), told)
        )
    else:
        view.own_changes(done.changed)
    if since is not None:
        view.own_modseqs(done.changed)
        view.own_changes(done.modified)
    code = b""
    if done.modified:
        code = b"[MODIFIED %b] " % _set_out(view, done.modified, by_uid)
    if not by_uid and uids & view.ghosts:
        view.announce(expunges=False)
        if view.limited:
            return (code or b"[EXPUNGEISSUED] ") + b"STORE completed"
        if code:
            raise Refused(code + b"Some of the messages no longer exist")
        raise MessageGone
    return code + b"STORE completed"


def _set_out(view: View, uids: UIDSet, by_uid: bool) -> bytes:
    if not by_uid:
        # Sequence numbers are numbers in ascending order, as UIDs are.
        uids = UIDSet.of(message_numbers(uids, view.uids))
    return str(uids).encode()


async def _again(
    view: View, command: Store, done: Stored, told: Listing, since: int
) -> Stored:
    """Change what was left alone only because of other flags than the named ones.

    That can be known where the client knew the message as it was at ``since``
    and the flags it names are still as it knew them. At 0 there were no keywords,
    while system flags always exist.

    Args:
        view: The mailbox, refreshed.
        command: The arguments.
        done: What came of it.
        told: The view before the command: what the client knows.
        since: The condition.

    Source: RFC 7162 sections 3.1.3 and 3.1.12.
    """
    if command.change is FlagChange.REPLACE:
        return done
    now = view.listing
    left = [
        (uid, now.flags[row] & command.flags)
        for start, stop in done.modified.slices(now.uids)
        for row, uid in enumerate(now.uids[start:stop], start)
    ]
    if since:
        known = {
            uid: told.flags[row] & command.flags
            for start, stop in done.modified.slices(told.uids)
            for row, uid in enumerate(told.uids[start:stop], start)
            if told.modseqs[row] <= since
        }
        same = UIDSet.of(uid for uid, flags in left if known.get(uid) == flags)
    elif any(flag.startswith("\\") for flag in command.flags):
        return done
    else:
        same = UIDSet.of(uid for uid, flags in left if not flags)
    if not same - view.ghosts:
        return done
    more = await view.mailbox.store(
        same, command.change, command.flags, now.highest_modseq
    )
    await view.refresh()
    # What another session did to them has to be told.
    view.own_changes(more.changed)
    return Stored(done.changed | more.changed, done.modified - more.changed)


def _expected(view: View, command: Store, uids: UIDSet, told: Listing) -> UIDSet:
    """Return those of ``uids`` whose flags are what the client thinks they are.

    Args:
        view: The mailbox, refreshed.
        command: The arguments.
        uids: The messages that were changed.
        told: The view before the command: what the client knows.
    """
    results: dict[FlagSet, FlagSet] = {}
    expected = {}
    for start, stop in uids.slices(told.uids):
        for uid, flags_told in zip(
            told.uids[start:stop], told.flags[start:stop], strict=True
        ):
            if flags_told not in results:
                results[flags_told] = _changed(command, flags_told)
            expected[uid] = results[flags_told]
    now = view.listing
    return UIDSet.of(
        uid
        for start, stop in uids.slices(now.uids)
        for uid, flags_now in zip(
            now.uids[start:stop], now.flags[start:stop], strict=True
        )
        if expected.get(uid) == flags_now
    )


def _changed(command: Store, before: FlagSet) -> FlagSet:
    if command.change is FlagChange.REPLACE:
        return command.flags
    if command.change is FlagChange.ADD:
        return before | command.flags
    return before - command.flags


COMMANDS = (
    Command(
        b"STORE",
        SELECTED,
        partial(store, False),
        parse_store,
        uses_sequence_numbers=True,
    ),
    Command(b"UID STORE", SELECTED, partial(store, True), parse_store, by_uid=True),
)
