"""MULTISEARCH: one search over many mailboxes.

Capability ``MULTISEARCH``, RFC 7377, after login. Mailboxes are searched one
after another, each opened only meanwhile.

Source: RFC 7377 section 2.
"""

from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass, replace

from mailframe.errors import BadSyntax, LimitExceeded, NoSuchMailbox, NotPermitted
from mailframe.imap.command import LOGGED_IN, Command, Extension
from mailframe.imap.criterion import Binding
from mailframe.imap.cursor import Cursor
from mailframe.imap.mailbox_filter import (
    SELECTED,
    MailboxFilter,
    mailbox_filter,
    mailboxes_meant,
)
from mailframe.imap.search_return import (
    ALL,
    Returns,
    SearchResult,
    esearch,
    highest_modseq,
    parse_returns,
)
from mailframe.imap.search_run import run_scored
from mailframe.imap.searching import Search, find, read_program
from mailframe.imap.session import Session
from mailframe.interfaces.mailbox import IMailbox
from mailframe.model.mailbox import Listing, MailboxName
from mailframe.model.uid_set import UIDSet

_MAILBOXES_MAX = 1000
"""Mailboxes that one command may search (RFC 7377 section 2.4)."""
_FILTERS_MAX = 100
_KINDS = (
    *(SELECTED, b"INBOXES", b"PERSONAL", b"SUBSCRIBED"),
    *(b"MAILBOXES", b"SUBTREE", b"SUBTREE-ONE"),
)


@dataclass(frozen=True, slots=True)
class MultiSearch:
    """The arguments of ESEARCH.

    Attributes:
        sources: Which mailboxes.
        search: What to look for, and what to tell.
    """

    sources: tuple[MailboxFilter, ...]
    search: Search

    @property
    def selected(self) -> bool:
        """Whether the selected mailbox is searched as such."""
        return any(source.kind == SELECTED for source in self.sources)


@dataclass(slots=True)
class _Opened:
    """A mailbox that is not selected, as a search sees it."""

    mailbox: IMailbox
    listing: Listing
    enabled: Set[str]
    now: Callable[[], float]
    put: Callable[[bytes], None]
    pause: Callable[[], Awaitable[None] | None]
    progress: Callable[[int, int], None]
    recent: UIDSet = UIDSet.EMPTY
    saved: UIDSet = UIDSet.EMPTY
    read_only: bool = True

    async def refresh(self) -> None:
        """Stay with what was there when it was opened."""


def parse(cursor: Cursor) -> MultiSearch:
    """Read ``[SP esearch-source-opts] [SP search-return-opts] SP search-program``.

    Source: RFC 7377 section 4.
    """
    cursor.space()
    sources: tuple[MailboxFilter, ...] = (MailboxFilter(SELECTED),)
    if cursor.accept(b"IN ("):
        sources = _sources(cursor)
    returns = parse_returns(cursor) or Returns((ALL,))
    return MultiSearch(sources, read_program(cursor, returns))


def _sources(cursor: Cursor) -> tuple[MailboxFilter, ...]:
    """``source-mbox [SP "(" scope-options ")"] ")" SP``; no scope is defined."""
    found = [mailbox_filter(cursor, _KINDS)]
    while cursor.accept(b" "):
        if len(found) >= _FILTERS_MAX:
            cursor.fail("fewer sources")
        found.append(mailbox_filter(cursor, _KINDS))
    cursor.expect(b")")
    cursor.space()
    return tuple(found)


async def run(session: Session, command: MultiSearch) -> bytes:
    """Search, and tell of each mailbox in which something was found.

    Raises:
        BadSyntax: There is no selected mailbox to search, or an option goes
            with that one only.
        LimitExceeded: That would be too many mailboxes.

    Source: RFC 7377 sections 2.1 and 2.2.
    """
    search, returns = command.search, command.search.returns
    assert returns is not None
    others = [source for source in command.sources if source.kind != SELECTED]
    if command.selected and session.view is None:
        raise BadSyntax("a selected mailbox")
    if returns.save and others:
        raise BadSyntax("SAVE with the selected mailbox alone")
    names: list[MailboxName] = []
    if others:
        for option in returns.options:
            if option.check is not None:
                option.check(session, search)
        names = await mailboxes_meant(session.mail, others)
    if len(names) > _MAILBOXES_MAX:
        raise LimitExceeded("too many mailboxes")
    if command.selected:
        try:
            await _search_selected(session, search, returns)
        except BadSyntax:
            raise
        except BaseException:
            if returns.save:
                session.selected.saved = UIDSet.EMPTY
            raise
        names = [name for name in names if name != session.selected.mailbox.name]
    elif search.refusal is not None:
        raise search.refusal
    for name in names:
        try:
            await _search_other(session, name, search, returns)
        except (NoSuchMailbox, NotPermitted):
            # It is not there, or not for this user to read.
            continue
    return b"ESEARCH completed"


async def _search_selected(session: Session, search: Search, returns: Returns) -> None:
    view = session.selected
    mailbox = view.mailbox
    bound, found = await find(session, view, search, False)
    uids = list(found.uids)
    result = SearchResult(uids, uids, found.scores)
    told = returns.told(uids)
    correlator = _correlator(session, mailbox)
    if returns.save:
        view.saved = UIDSet.of(told)
    if uids and not returns.silent:
        modseq = highest_modseq(bound, UIDSet.of(told), view.listing)
        session.put(esearch(correlator, True, returns, result, modseq))
    for option in returns.options:
        if option.begin is not None:
            wanted = replace(search, request=bound, correlator=correlator)
            option.begin(session, wanted, True, result)


async def _search_other(
    session: Session, name: MailboxName, search: Search, returns: Returns
) -> None:
    mailbox = await session.mail.open(name)
    try:
        listing = (await mailbox.changes(0)).listing
        opened = _Opened(
            mailbox,
            listing,
            enabled=session.enabled,
            now=session.now,
            put=session.put,
            pause=session.pause,
            progress=session.progress,
            recent=await mailbox.recent(False),
        )
        bound = await search.request.bound(Binding(opened, session.mail))
        found = await run_scored(opened, bound)
    finally:
        mailbox.close()
    if found.uids:
        uids = list(found.uids)
        modseq = highest_modseq(bound, UIDSet.of(returns.told(uids)), listing)
        session.put(
            esearch(
                _correlator(session, mailbox),
                True,
                returns,
                SearchResult(uids, uids, found.scores),
                modseq,
            )
        )


def _correlator(session: Session, mailbox: IMailbox) -> bytes:
    """Return the correlators of one mailbox's response.

    Source: RFC 7377 section 4 (search-correlator).
    """
    return b' (TAG "%b" MAILBOX %b UIDVALIDITY %d)' % (
        session.tag,
        session.name_out(mailbox.name),
        mailbox.uid_validity,
    )


EXTENSION = Extension(
    b"MULTISEARCH",
    (
        Command(b"ESEARCH", LOGGED_IN, run, parse),
        # Lenient: section 2 has it in examples, though not the grammar.
        Command(b"UID ESEARCH", LOGGED_IN, run, parse, by_uid=True),
    ),
)
