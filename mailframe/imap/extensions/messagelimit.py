"""MESSAGELIMIT and SAVELIMIT: how many messages one command works on.

Capabilities ``MESSAGELIMIT=n`` or ``SAVELIMIT=n``, RFC 9738, after login when
``IMAPLimits`` has such a bound. Commands that can be done in part work on the
messages with the highest UIDs and say how far they got (``View.bounded``); those
that cannot are refused here.

Source: RFC 9738 section 3.
"""

from typing import Any

from mailframe.imap.command import Command, Extension
from mailframe.imap.commands.selected import Transfer
from mailframe.imap.criterion import SearchKey, UIDs
from mailframe.imap.cursor import Cursor
from mailframe.imap.fetch_items import FetchRequest, Narrowing
from mailframe.imap.grammar import nz_number
from mailframe.imap.responses import Refused
from mailframe.imap.search_keys import SEARCH_KEYS
from mailframe.imap.searching import Search, candidates
from mailframe.imap.session import Session
from mailframe.model.uid_set import UID_MAX, UIDSet

_COPYING = (b"COPY", b"UID COPY")
_SORTING = (b"SORT", b"UID SORT", b"THREAD", b"UID THREAD")


def _limited(session: Session) -> bool:
    return session.account is not None and bool(session.limits.messages)


def _only_saving(session: Session) -> bool:
    limits = session.limits
    return session.account is not None and bool(
        limits.saved_messages and not limits.messages
    )


def _refusal(limit: int, lowest: int = 0) -> Refused:
    where = b" %d" % lowest if lowest else b""
    return Refused(b"[MESSAGELIMIT %d%b] Too many messages" % (limit, where))


def _check_copy(session: Session, command: Command, arguments: Any) -> None:
    """Refuse to copy too many: a COPY is done whole, or not at all."""
    if command.name in _COPYING and isinstance(arguments, Transfer):
        view, limits = session.selected, session.limits
        limit = limits.messages or limits.saved_messages
        lowest = view.over_limit(view.chosen(arguments.messages, command.by_uid), limit)
        if lowest:
            raise _refusal(limit, lowest)


def _check(session: Session, command: Command, arguments: Any) -> None:
    """Refuse what cannot be done in part.  Source: RFC 9738 sections 3.1 and 3.3."""
    _check_copy(session, command, arguments)
    limit = session.limits.messages
    search = getattr(arguments, "search", arguments)
    if command.name in _SORTING and isinstance(search, Search):
        view = session.selected
        if view.over_limit(candidates(search.request.key, view)):
            raise _refusal(limit)
    request = getattr(arguments, "request", None)
    if isinstance(request, FetchRequest):
        for _, value in request.modifiers:
            if isinstance(value, Narrowing) and value.most > limit:
                raise _refusal(limit)


def _after(cursor: Cursor, charset: str) -> SearchKey:
    """``"UIDAFTER" SP uniqueid``  (RFC 9738 section 3.2)."""
    cursor.space()
    return _uids(nz_number(cursor) + 1, UID_MAX)


def _before(cursor: Cursor, charset: str) -> SearchKey:
    """``"UIDBEFORE" SP uniqueid``  (RFC 9738 section 3.2)."""
    cursor.space()
    return _uids(1, nz_number(cursor) - 1)


def _uids(low: int, high: int) -> SearchKey:
    ranges = ((low, high),) if low <= high else ()
    return UIDs(UIDSet(ranges))


SEARCH_KEYS[b"UIDAFTER"] = _after
SEARCH_KEYS[b"UIDBEFORE"] = _before

EXTENSION = Extension(
    b"MESSAGELIMIT",
    announced=_limited,
    told=lambda session: b"MESSAGELIMIT=%d" % session.limits.messages,
    check=_check,
)
SAVELIMIT = Extension(
    b"SAVELIMIT",
    announced=_only_saving,
    told=lambda session: b"SAVELIMIT=%d" % session.limits.saved_messages,
    check=_check_copy,
)
