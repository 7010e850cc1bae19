"""CONTEXT=SEARCH: a client is told when what it searched for changes.

Capability ``CONTEXT=SEARCH``, RFC 5267, after login. The hint CONTEXT is taken
and nothing is done about it: columns are quick enough. PARTIAL, the third
option of the RFC, is in ``partial.py``.

Source: RFC 5267 section 4.
"""

from functools import partial

from mailframe.errors import BadSyntax
from mailframe.imap.command import SELECTED, Command, Extension
from mailframe.imap.cursor import Cursor
from mailframe.imap.fetch_items import FetchRequest, fetch_atts
from mailframe.imap.grammar import string
from mailframe.imap.search_context import UpdateContext
from mailframe.imap.search_return import (
    RETURN_OPTIONS,
    ReturnOption,
    SearchResult,
    correlator,
)
from mailframe.imap.searching import Search
from mailframe.imap.session import Session

_CONTEXTS_MAX = 20
"""Contexts of one session."""
_TAGS_MAX = 100


def _check(session: Session, search: Search) -> None:
    """Refuse the tag of another context, and a context of no mailbox.

    Source: RFC 5267 section 4.3, RFC 7377 section 2.2.
    """
    if session.view is None:
        raise BadSyntax("a selected mailbox")
    if session.tag in session.view.followers:
        raise BadSyntax("a tag that no context has")


def _begin(
    request: FetchRequest | None,
    session: Session,
    search: Search,
    by_uid: bool,
    result: SearchResult,
) -> None:
    view = session.selected
    if len(view.followers) >= _CONTEXTS_MAX:
        session.say(b'* NO [NOUPDATE "%b"] Too many contexts\r\n' % session.tag)
        return
    view.followers[session.tag] = context = UpdateContext(
        view,
        search.request,
        correlator=search.correlator or correlator(session.tag),
        by_uid=by_uid,
        arrange=search.arrange,
        told=result.uids,
    )
    if request is not None:
        view.wishes[session.tag] = request, lambda: context.told


_CONTEXT = ReturnOption(b"CONTEXT")


def _update(cursor: Cursor) -> ReturnOption:
    """``modifier-update = "UPDATE" [ "(" fetch-att *(SP fetch-att) ")" ]``.

    Lenient: the example of RFC 5465 section 7 has a space before it.

    Source: RFC 5465 sections 7 and 8.
    """
    if cursor.peek() == b"(" or cursor.rest().startswith(b" ("):
        cursor.accept(b" ")
        request = fetch_atts(cursor)
        return ReturnOption(b"UPDATE", check=_check, begin=partial(_begin, request))
    return ReturnOption(b"UPDATE", check=_check, begin=partial(_begin, None))


RETURN_OPTIONS.update({b"CONTEXT": lambda cursor: _CONTEXT, b"UPDATE": _update})


def parse(cursor: Cursor) -> list[bytes]:
    """``"CANCELUPDATE" 1*(SP quoted)``  (RFC 5267 section 5)."""
    tags: list[bytes] = []
    while not tags or cursor.rest():
        cursor.space()
        if len(tags) >= _TAGS_MAX:
            cursor.fail("fewer tags")
        tags.append(string(cursor))
    return tags


def run(session: Session, tags: list[bytes]) -> bytes:
    """End contexts, all or none.

    Raises:
        BadSyntax: There is no context of such a tag.

    Source: RFC 5267 section 4.3.5.
    """
    followers = session.selected.followers
    if not followers.keys() >= set(tags):
        raise BadSyntax("tags of contexts")
    for tag in set(tags):
        del followers[tag]
        session.selected.wishes.pop(tag, None)
    return b"CANCELUPDATE completed"


EXTENSION = Extension(
    b"CONTEXT=SEARCH", (Command(b"CANCELUPDATE", SELECTED, run, parse),)
)
