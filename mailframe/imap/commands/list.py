"""LIST and LSUB: names, and the levels above them.

A plain LIST tells everything that is known of a name: attributes of RFC 3348
(``\\HasChildren``) and RFC 6154 (``\\Sent``...). An extended one tells what its
options ask for; the options are in tables, see
:mod:`mailframe.imap.list_options`.

Source: RFC 3501 sections 6.3.8 and 6.3.9, RFC 5258 section 3.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mailframe.errors import BadMailboxName, TooLarge
from mailframe.imap.command import LOGGED_IN, Command
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import list_mailbox
from mailframe.imap.list_options import (
    RETURN_OPTIONS,
    SELECTION_OPTIONS,
    Entry,
    return_options,
    selection_options,
)
from mailframe.imap.mailbox_pattern import mailbox_matcher
from mailframe.imap.session import Session
from mailframe.model.mailbox import DELIMITER, MailboxInfo, MailboxName

_PATTERNS_MAX = 100


@dataclass(frozen=True, slots=True)
class ListRequest:
    """The arguments of LIST and LSUB, decoded.

    Attributes:
        reference: ``None`` when no name can begin so.
        patterns: Without those that no name could match.
        extended: Whether it is an extended LIST.
        selection: Names of the selection options.
        returns: Return options with their arguments.
    """

    reference: str | None
    patterns: tuple[str, ...]
    extended: bool = False
    selection: tuple[bytes, ...] = ()
    returns: dict[bytes, Any] = field(default_factory=dict)

    @property
    def for_root(self) -> bool:
        """Whether it asks for the delimiter, and for the root of the reference."""
        return self.patterns == ("",) and self.reference is not None

    def matcher(self) -> Callable[[str], bool]:
        """Return a function that tells whether a name matches a pattern.

        Raises:
            BadSyntax: A pattern is longer than any name.
        """
        reference = self.reference
        if reference is None:
            return lambda name: False
        # An empty pattern matches nothing (RFC 5258 section 3).
        tests = [mailbox_matcher(reference, one) for one in self.patterns if one]
        if len(tests) == 1:
            return tests[0]
        return lambda name: any(test(name) for test in tests)


def _pattern(cursor: Cursor) -> str | None:
    try:
        return list_mailbox(cursor)
    except BadMailboxName:
        return None


def _patterns(cursor: Cursor) -> tuple[str, ...]:
    """``patterns = "(" list-mailbox *(SP list-mailbox) ")"``."""
    found = [_pattern(cursor)]
    while cursor.accept(b" "):
        if len(found) >= _PATTERNS_MAX:
            raise TooLarge("fewer patterns", cursor.position)
        found.append(_pattern(cursor))
    cursor.expect(b")")
    return tuple(one for one in found if one is not None)


def parse_list(cursor: Cursor) -> ListRequest:
    """Read the arguments of LIST.

    ``list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat
    [SP list-return-opts]``

    Raises:
        BadSyntax: They are not that, or name an option that is not known.

    Source: RFC 5258 section 6.
    """
    cursor.space()
    selection: tuple[bytes, ...] = ()
    extended = cursor.peek() == b"("
    if extended:
        selection = selection_options(cursor)
        cursor.space()
    reference = _pattern(cursor)
    cursor.space()
    if cursor.accept(b"("):
        extended = True
        patterns = _patterns(cursor)
    else:
        one = _pattern(cursor)
        patterns = () if one is None else (one,)
    returns: dict[bytes, Any] = {}
    if cursor.accept(b" RETURN "):
        extended = True
        returns = return_options(cursor)
    cursor.end()
    for name in selection:
        implied = SELECTION_OPTIONS[name].implies
        if implied is not None:
            returns.setdefault(implied, None)
    return ListRequest(reference, patterns, extended, selection, returns)


def _parse_lsub(cursor: Cursor) -> ListRequest:
    """``lsub = "LSUB" SP mailbox SP list-mailbox``  (RFC 3501 section 9)."""
    cursor.space()
    reference = _pattern(cursor)
    cursor.space()
    pattern = _pattern(cursor)
    cursor.end()
    return ListRequest(reference, () if pattern is None else (pattern,))


def levels_above(name: str) -> Iterator[str]:
    """Yield the names of the levels a name lies in, the nearest first."""
    while DELIMITER in name:
        name = name.rpartition(DELIMITER)[0]
        yield name


def _all_levels(names: Iterable[str]) -> set[str]:
    """Return all levels that some names lie in."""
    parents: set[str] = set()
    for name in names:
        for level in levels_above(name):
            if level in parents:
                break
            parents.add(level)
    return parents


def entries(
    infos: Iterable[MailboxInfo], subscribed: frozenset[MailboxName] = frozenset()
) -> list[Entry]:
    """Return all names, levels that only hold others too, sorted.

    Args:
        infos: The mailboxes there are.
        subscribed: Subscribed names; those that do not exist are in the
            result with the levels above them.

    Source: RFC 3501 sections 6.3.3 and 7.2.2, RFC 3348 section 3.
    """
    found = {str(info.name): info for info in infos}
    parents = _all_levels(found)
    names = found.keys() | parents
    if subscribed:
        names |= subscribed | _all_levels(subscribed)
    return [
        Entry(name, found.get(name), name in parents, name in subscribed)
        for name in sorted(names)
    ]


def list_line(
    session: Session,
    kind: bytes,
    attributes: Iterable[str],
    name: str,
    items: bytes = b"",
) -> bytes:
    """Return a LIST or LSUB response.  Source: RFC 9051 section 7.3.1."""
    return b'* %b (%b) "/" %b%b\r\n' % (
        kind,
        " ".join(attributes).encode("ascii"),
        session.name_out(name),
        items,
    )


async def list_(session: Session, asked: ListRequest) -> bytes:
    """Tell the names that match.  Source: RFC 3501 section 6.3.8."""
    if asked.extended:
        await _list_extended(session, asked)
    elif asked.for_root:
        session.put(b'* LIST (\\Noselect) "/" ""\r\n')
    else:
        matches = asked.matcher()
        session.put(
            b"".join(
                list_line(session, b"LIST", everything(entry), entry.name)
                for entry in entries(await session.mail.list_mailboxes())
                if matches(entry.name)
            )
        )
    return b"LIST completed"


def everything(entry: Entry) -> list[str]:
    """Return all attributes of a name that a plain LIST tells."""
    attributes = [] if entry.selectable else ["\\Noselect"]
    attributes.append("\\HasChildren" if entry.has_children else "\\HasNoChildren")
    if entry.info is not None:
        attributes += sorted(entry.info.special_use)
    return attributes


async def _list_extended(session: Session, asked: ListRequest) -> None:
    """Tell what the options ask for.  Source: RFC 5258 sections 3 and 3.3."""
    selection = [SELECTION_OPTIONS[name] for name in asked.selection]
    returns = [(RETURN_OPTIONS[name], value) for name, value in asked.returns.items()]
    subscribed: frozenset[MailboxName] = frozenset()
    beyond = any(option.subscriptions for option in selection)
    if beyond or any(option.subscriptions for option, _ in returns):
        subscribed = await session.mail.subscriptions()
    chosen = _chosen(
        asked, entries(await session.mail.list_mailboxes(), subscribed), beyond
    )
    for entry in chosen:
        for option, _ in returns:
            if option.attributes is not None:
                entry.attributes += option.attributes(entry)
        after = [
            await option.more(session, entry, value)
            for option, value in returns
            if option.more is not None
        ]
        attributes = dict.fromkeys(entry.attributes)
        items = b" (%b)" % b" ".join(entry.items) if entry.items else b""
        line = list_line(session, b"LIST", attributes, entry.name, items)
        session.put(line + b"".join(after))
        waiting = session.pause()
        if waiting is not None:
            await waiting


def _chosen(asked: ListRequest, found: list[Entry], beyond: bool) -> list[Entry]:
    """Return the names to tell, with the attributes every LIST has.

    A name that is not selected itself is told for a selected one below it
    that does not match the patterns: with RECURSIVEMATCH, or when it is a
    level only and nothing but the patterns selects.

    Args:
        asked: The LIST.
        found: All names.
        beyond: Whether names that do not exist can be selected.

    Source: RFC 5258 sections 3.3 and 3.5.
    """
    options = [SELECTION_OPTIONS[name] for name in asked.selection]
    tests = [option.selects for option in options if option.selects is not None]
    recursive = any(option.modifies for option in options)
    bases = [name for name in asked.selection if SELECTION_OPTIONS[name].base]
    matches = asked.matcher()
    for entry in found:
        entry.selected = (beyond or entry.info is not None) and all(
            test(entry) for test in tests
        )
    selected = [entry.name for entry in found if entry.selected]
    above_selected = _all_levels(selected) if recursive else set()
    above_hidden = _all_levels(name for name in selected if not matches(name))
    child_info = b'"CHILDINFO" (%b)' % b" ".join(b'"%b"' % name for name in bases)
    chosen = []
    for entry in found:
        wanted = entry.selected or (
            entry.name in above_hidden
            and (recursive or (not tests and entry.info is None))
        )
        if not wanted or not matches(entry.name):
            continue
        if entry.info is None:
            entry.attributes.append("\\NonExistent")
            if entry.has_children:
                entry.attributes.append("\\HasChildren")
        elif not entry.info.selectable:
            entry.attributes.append("\\Noselect")
        if entry.name in above_selected:
            entry.items.append(child_info)
        chosen.append(entry)
    return chosen


async def lsub(session: Session, asked: ListRequest) -> bytes:
    """Tell the subscribed names that match.

    A level that matches and is not subscribed itself is told too, with
    ``\\Noselect``, when a subscribed name below it does not match.

    Source: RFC 3501 section 6.3.9.
    """
    if asked.for_root:
        session.put(b'* LSUB (\\Noselect) "/" ""\r\n')
        return b"LSUB completed"
    matches = asked.matcher()
    found: dict[str, tuple[str, ...]] = {}
    for name in await session.mail.subscriptions():
        if matches(name):
            found[name] = ()
            continue
        for level in levels_above(name):
            if matches(level):
                found.setdefault(level, ("\\Noselect",))
    session.put(
        b"".join(
            list_line(session, b"LSUB", found[name], name) for name in sorted(found)
        )
    )
    return b"LSUB completed"


COMMANDS = (
    Command(b"LIST", LOGGED_IN, list_, parse_list),
    Command(b"LSUB", LOGGED_IN, lsub, _parse_lsub),
)
