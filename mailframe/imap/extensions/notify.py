"""NOTIFY: a client says what it wants to be told, at any time.

Capability ``NOTIFY``, RFC 5465, after login, for an account that can be watched.
What is told, and when, is in :mod:`mailframe.imap.notification`; what the
selected mailbox tells is filtered in ``view.py``. There is no AnnotationChange,
for messages have no annotations.

Source: RFC 5465.
"""

from dataclasses import dataclass
from typing import Any

from mailframe.errors import BadSyntax, NotSupported, TooLarge
from mailframe.imap.command import LOGGED_IN, Command, Extension
from mailframe.imap.cursor import Cursor
from mailframe.imap.fetch_items import FetchRequest, fetch_atts
from mailframe.imap.grammar import atom
from mailframe.imap.mailbox_filter import SELECTED, MailboxFilter, mailbox_filter
from mailframe.imap.notification import (
    FLAG_CHANGE,
    MAILBOX_METADATA,
    MAILBOX_NAME,
    MESSAGE_EXPUNGE,
    MESSAGE_NEW,
    SERVER_METADATA,
    SUBSCRIPTION,
    Group,
    Notifying,
)
from mailframe.imap.responses import Refused
from mailframe.imap.session import Session
from mailframe.imap.unasked import Unasked
from mailframe.interfaces.mailbox import IAnnotatedAccount, IWatchedAccount

_GROUPS_MAX = 100
_EVENTS_MAX = 20
_DELAYED = b"SELECTED-DELAYED"
_KINDS = frozenset(
    (
        *(SELECTED, _DELAYED, b"INBOXES", b"PERSONAL"),
        *(b"SUBSCRIBED", b"SUBTREE", b"MAILBOXES"),
    )
)
_MESSAGE_EVENTS = frozenset(
    (MESSAGE_NEW, MESSAGE_EXPUNGE, FLAG_CHANGE, b"ANNOTATIONCHANGE")
)
_OTHER_EVENTS = frozenset(
    (MAILBOX_NAME, SUBSCRIPTION, MAILBOX_METADATA, SERVER_METADATA)
)
_SPELT = {
    MESSAGE_NEW: b"MessageNew",
    MESSAGE_EXPUNGE: b"MessageExpunge",
    FLAG_CHANGE: b"FlagChange",
    MAILBOX_NAME: b"MailboxName",
    SUBSCRIPTION: b"SubscriptionChange",
    MAILBOX_METADATA: b"MailboxMetadataChange",
    SERVER_METADATA: b"ServerMetadataChange",
}
_NOTHING = Unasked(messages=False, flags=False)


@dataclass(frozen=True, slots=True)
class Notify:
    """The arguments of NOTIFY.

    Attributes:
        status: Whether a STATUS of each mailbox is wanted.
        groups: What is wanted of other mailboxes.
        unasked: What is wanted of the selected one.
        events: All that are named, in capitals.
        setting: False for ``NOTIFY NONE``.
    """

    status: bool = False
    groups: tuple[Group, ...] = ()
    unasked: Unasked = _NOTHING
    events: frozenset[bytes] = frozenset()
    setting: bool = True


def parse(cursor: Cursor) -> Notify:
    """Read the arguments.

    ``notify = "NOTIFY" SP (notify-set / notify-none)``

    ``notify-set = "SET" [SP "STATUS"] SP event-group *(SP event-group)``

    Raises:
        BadSyntax: They are something else, or events do not go together.

    Source: RFC 5465 section 8.
    """
    cursor.space()
    start = cursor.position
    word = atom(cursor).upper()
    if word == b"NONE":
        cursor.end()
        return Notify(setting=False)
    if word != b"SET":
        cursor.position = start
        cursor.fail("SET or NONE")
    status = cursor.accept(b" STATUS")
    groups: list[Group] = []
    named: set[bytes] = set()
    unasked: Unasked | None = None
    while cursor.rest() or not (groups or unasked):
        if len(groups) >= _GROUPS_MAX:
            raise TooLarge("fewer groups", cursor.position)
        cursor.space()
        start = cursor.position
        where, events, request = _group(cursor)
        named |= events
        if where.kind not in (SELECTED, _DELAYED):
            groups.append(Group(where, events))
        elif unasked is not None:
            raise BadSyntax("one SELECTED or SELECTED-DELAYED", start)
        else:
            unasked = Unasked(
                messages=MESSAGE_NEW in events,
                flags=FLAG_CHANGE in events,
                at_once=bool(events),
                expunges_wait=where.kind == _DELAYED,
                request=request,
            )
    return Notify(status, tuple(groups), unasked or _NOTHING, frozenset(named))


_Events = tuple[frozenset[bytes], FetchRequest | None]


def _group(cursor: Cursor) -> tuple[MailboxFilter, frozenset[bytes], Any]:
    """``event-group = "(" filter-mailboxes SP events ")"``."""
    cursor.expect(b"(")
    where = mailbox_filter(cursor, _KINDS)
    selected = where.kind in (SELECTED, _DELAYED)
    cursor.space()
    if cursor.accept(b"NONE"):
        events, request = frozenset[bytes](), None
    else:
        events, request = _events(cursor, selected)
    cursor.expect(b")")
    return where, events, request


def _events(cursor: Cursor, selected: bool) -> _Events:
    """``"(" event *(SP event) ")"``, those that have to go together together.

    Source: RFC 5465 sections 5 and 8.
    """
    start = cursor.position
    cursor.expect(b"(")
    events: set[bytes] = set()
    request = None
    while True:
        place = cursor.position
        event = atom(cursor).upper()
        events.add(event)
        if len(events) > _EVENTS_MAX:
            raise TooLarge("fewer events", place)
        if selected and event in _OTHER_EVENTS:
            raise BadSyntax("an event of messages", place)
        if event == MESSAGE_NEW and cursor.rest().startswith(b" ("):
            if not selected:
                cursor.fail("no items but for the selected mailbox")
            cursor.space()
            request = fetch_atts(cursor)
        if not cursor.accept(b" "):
            break
    cursor.expect(b")")
    both = {MESSAGE_NEW, MESSAGE_EXPUNGE}
    if events & _MESSAGE_EVENTS and not both <= events:
        raise BadSyntax("both MessageNew and MessageExpunge", start)
    return frozenset(events), request


async def run(session: Session, command: Notify) -> bytes:
    """Tell from now on what is asked for, and nothing else.

    Raises:
        NotSupported: The account cannot be watched.
        Refused: An event cannot be told of, or there are too many mailboxes;
            then everything is as before.

    Source: RFC 5465 section 3.1.
    """
    if not _announced(session):
        raise NotSupported
    supported = [
        event
        for event in _SPELT
        if event not in (MAILBOX_METADATA, SERVER_METADATA)
        or IAnnotatedAccount.providedBy(session.account)
    ]
    if not command.events <= set(supported):
        names = b" ".join(_SPELT[event] for event in supported)
        raise Refused(b"[BADEVENT (%b)] An event that is not known here" % names)
    wanted = Notifying(session, command.groups)
    try:
        await wanted.begin(command.status)
        if session.view is not None and command.setting:
            # An implicit NOOP, as if nothing had been asked for before.
            session.view.unasked = Unasked()
            session.view.stale = True
            await session.announce(expunges=True)
    except BaseException:
        wanted.close()
        if session.view is not None:
            session.view.unasked = session.unasked
        raise
    _reset(session)
    _use(session, command.unasked)
    session.notification = wanted
    return b"NOTIFY completed"


def _use(session: Session, unasked: Unasked) -> None:
    request = unasked.request
    for name in () if request is None else request.enables:
        session.enable(name)
    session.unasked = unasked
    if session.view is not None:
        session.view.unasked = unasked


def _reset(session: Session) -> None:
    """Watch nothing any more, and tell what any client is told.

    Source: RFC 8437 section 4.1.
    """
    before, session.notification = session.notification, None
    if isinstance(before, Notifying):
        before.close()
    session.unasked = Unasked()


def _check(session: Session, command: Command, arguments: Any) -> None:
    """Note what the client does itself: it is not told of that.

    Source: RFC 5465 section 5.
    """
    if isinstance(session.notification, Notifying):
        session.notification.note(command.name, arguments)


def _announced(session: Session) -> bool:
    return IWatchedAccount.providedBy(session.account)


EXTENSION = Extension(
    b"NOTIFY",
    (Command(b"NOTIFY", LOGGED_IN, run, parse),),
    announced=_announced,
    check=_check,
    reset=_reset,
)
