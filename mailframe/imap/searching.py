"""What SEARCH, SORT and their like have in common: from arguments to answer.

Source: RFC 9051 section 6.4.4, RFC 5267 section 3.
"""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mailframe.errors import BadSyntax, MailError
from mailframe.imap.criterion import (
    And,
    Binding,
    Messages,
    SearchKey,
    SearchRows,
    UIDs,
    all_of,
    leaves,
    none_of,
)
from mailframe.imap.cursor import Cursor
from mailframe.imap.search import SearchRequest, parse_search
from mailframe.imap.search_return import (
    ALL,
    Returns,
    SearchResult,
    correlator,
    esearch,
    highest_modseq,
    parse_returns,
)
from mailframe.imap.search_run import Found, run_scored
from mailframe.imap.session import Session
from mailframe.imap.view import View, message_numbers
from mailframe.model.uid_set import UID_MAX, UIDSet

_ALL = Returns((ALL,))

Arrange = Callable[[View, Found], Coroutine[Any, Any, list[int]]]
"""Returns the UIDs of what was found, in order; leaves out what is gone."""


@dataclass(frozen=True, slots=True)
class Search:
    """The arguments of a searching command.

    Attributes:
        request: What to look for.
        returns: What to tell in an ESEARCH response; ``None`` for a response
            of the old form.
        arrange: Puts what was found in order; ``None`` for the mailbox's.
        refusal: Why the search program is refused, if it is: what SAVE does is
            done even then (RFC 5182 section 2.1).
        correlator: What responses are marked with; empty for the tag alone.
    """

    request: SearchRequest
    returns: Returns | None = None
    arrange: Arrange | None = None
    refusal: MailError | None = None
    correlator: bytes = b""


NOTHING = SearchRequest(none_of(all_of(())))


def read_program(
    cursor: Cursor, returns: Returns | None, charset: bytes | None = None
) -> Search:
    """Read the search program, which ends the command.

    Args:
        cursor: Where it begins.
        returns: What was read before.
        charset: Named before, as SORT and THREAD do.

    Raises:
        BadSyntax: It is not in the grammar.
        MailError: It is refused and nothing has to be done about it.
    """
    try:
        return Search(parse_search(cursor, charset), returns)
    except MailError as error:
        if returns is None or not returns.save:
            raise
        return Search(NOTHING, returns, refusal=error)


def parse_search_command(cursor: Cursor) -> Search:
    """Read ``[SP search-return-opts] SP search-program``.

    Source: RFC 9051 section 9 (search).
    """
    cursor.space()
    return read_program(cursor, parse_returns(cursor))


async def run_searching(
    kind: bytes, by_uid: bool, session: Session, search: Search
) -> bytes:
    """Carry out a searching command on the selected mailbox.

    Args:
        kind: How the response of the old form is called.
        by_uid: Whether the client is told UIDs.
        session: Whose command it is.
        search: Its arguments.

    Raises:
        BadSyntax: The arguments do not go together.
        MailError: What was searched for cannot be found out.

    Source: RFC 9051 section 6.4.4, RFC 5256 section 3.
    """
    view = session.selected
    returns = search.returns
    if returns is None and kind == b"SEARCH" and "IMAP4REV2" in session.enabled:
        returns = _ALL
    try:
        bound, found = await find(session, view, search, by_uid)
        arrange = search.arrange
        uids = list(found.uids) if arrange is None else await arrange(view, found)
    except BadSyntax:
        raise
    except BaseException:
        if returns is not None and returns.save:
            view.saved = UIDSet.EMPTY
        raise
    if by_uid:
        numbers: Sequence[int] = uids
    elif arrange is None:
        numbers = message_numbers(found.uids, view.uids)
    else:
        numbers = numbers_in_order(uids, view)
    result = SearchResult(uids, numbers, found.scores)
    told = uids if returns is None else returns.told(uids)
    modseq = highest_modseq(bound, UIDSet.of(told), view.listing)
    if returns is None:
        session.put(_old_form(kind, result, modseq))
        return kind + b" completed"
    if returns.save:
        view.saved = UIDSet.of(told)
    if not returns.silent:
        session.put(esearch(correlator(session.tag), by_uid, returns, result, modseq))
    for option in returns.options:
        if option.begin is not None:
            option.begin(session, replace(search, request=bound), by_uid, result)
    return kind + b" completed"


async def find(
    session: Session, view: View, search: Search, by_uid: bool
) -> tuple[SearchRequest, Found]:
    """Search a view, and tell what is new in it before the answer is.

    Returns:
        The request as it was bound, and what was found: nothing that is gone, nor
        what the client does not want to be told of (RFC 5465 section 5).

    Raises:
        BadSyntax: The arguments do not go together.
        MailError: It was refused, or what was searched for cannot be found out.
    """
    if search.refusal is not None:
        raise search.refusal
    if view.stale:
        # What others were told is done can be found.
        await view.refresh()
    if search.returns is not None:
        for option in search.returns.options:
            if option.check is not None:
                option.check(session, search)
    bound = await search.request.bound(Binding(view, session.mail))
    # A UID command too may not tell of expunges then (RFC 7162 section 3.2.10.2).
    view.holding = names_numbers(bound)
    if bound.tells_modseq:
        session.enable("CONDSTORE")
    among = view.bounded(candidates(bound.key, view)) if view.limit else None
    found = await run_scored(view, bound, among)
    view.announce(expunges=False, with_uid=by_uid)
    uids = found.uids - view.ghosts
    if len(view.uids) < len(view.listing.uids):
        uids &= UIDSet.of(view.uids)
    return bound, Found(uids, found.scores)


def names_numbers(request: SearchRequest) -> bool:
    """Tell whether there are message numbers among the criteria."""
    return any(
        isinstance(leaf, Messages) and not leaf.by_uid for leaf in leaves(request.key)
    )


def candidates(key: SearchKey, view: View) -> UIDSet:
    """Return the messages that a search looks at: those its sets of messages name.

    Source: RFC 9738 section 3.1.
    """
    listing = view.listing
    uids = UIDSet([(1, UID_MAX)])
    for one in key.keys if isinstance(key, And) else (key,):
        if isinstance(one, Messages | UIDs):
            rows = SearchRows(listing, view.recent, range(len(listing.uids)))
            uids &= UIDSet.of(listing.uids[row] for row in one.select(rows))
    return uids


def numbers_in_order(uids: Sequence[int], view: View) -> list[int]:
    """Return the message numbers of messages the client was told of, in order."""
    number = {uid: row for row, uid in enumerate(view.uids, 1)}
    return [number[uid] for uid in uids]


def _old_form(kind: bytes, result: SearchResult, modseq: int | None) -> bytes:
    """Return a SEARCH or SORT response.

    Source: RFC 3501 section 7.2.5, RFC 5256 section 4, RFC 7162 section 3.1.6.
    """
    told = b"".join(map(b" %d".__mod__, result.numbers))
    end = b"" if modseq is None else b" (MODSEQ %d)" % modseq
    return b"* %b%b%b\r\n" % (kind, told, end)
