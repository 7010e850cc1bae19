"""LIST and LSUB: names, and the levels above them.

Attributes of RFC 3348 (``\\HasChildren``) and RFC 6154 (``\\Sent``...) come
with every LIST.

Source: RFC 3501 sections 6.3.8 and 6.3.9.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailframe.errors import BadMailboxName
from mailframe.imap.command import LOGGED_IN, Command
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import list_mailbox
from mailframe.imap.mailbox_pattern import mailbox_matcher
from mailframe.imap.serialize import mailbox_out
from mailframe.imap.session import Session
from mailframe.model.mailbox import DELIMITER, MailboxInfo


@dataclass(frozen=True, slots=True)
class Pattern:
    """The arguments of LIST and LSUB, decoded."""

    reference: str
    pattern: str


def parse_list(cursor: Cursor) -> Pattern | None:
    """``list = "LIST" SP mailbox SP list-mailbox``  (RFC 3501 section 9).

    Returns:
        ``None`` when no name could match.
    """
    cursor.space()
    try:
        reference = list_mailbox(cursor)
        cursor.space()
        found = Pattern(reference, list_mailbox(cursor))
    except BadMailboxName:
        return None
    cursor.end()
    return found


def levels_above(name: str) -> Iterator[str]:
    """Yield the names of the levels a name lies in, the nearest first."""
    while DELIMITER in name:
        name = name.rpartition(DELIMITER)[0]
        yield name


def with_levels(infos: Iterable[MailboxInfo]) -> list[tuple[str, tuple[str, ...]]]:
    """Return all names with their attributes, levels that only hold others too.

    Returns:
        Names and attributes, sorted by name.

    Source: RFC 3501 sections 6.3.3 and 7.2.2, RFC 3348 section 3.
    """
    found = {str(info.name): info for info in infos}
    parents: set[str] = set()
    for name in found:
        for level in levels_above(name):
            if level in parents:
                break
            parents.add(level)
    listed = []
    for name in sorted(found.keys() | parents):
        info = found.get(name)
        attributes = [] if info is not None and info.selectable else ["\\Noselect"]
        attributes.append("\\HasChildren" if name in parents else "\\HasNoChildren")
        if info is not None:
            attributes += sorted(info.special_use)
        listed.append((name, tuple(attributes)))
    return listed


def _line(kind: bytes, attributes: Iterable[str], name: str) -> bytes:
    return b'* %b (%b) "/" %b\r\n' % (
        kind,
        " ".join(attributes).encode("ascii"),
        mailbox_out(name),
    )


async def list_(session: Session, asked: Pattern | None) -> bytes:
    """Tell the names that match.  Source: RFC 3501 section 6.3.8."""
    if asked is not None and not asked.pattern:
        # A question for the delimiter, and for the root of the reference.
        session.put(b'* LIST (\\Noselect) "/" ""\r\n')
    elif asked is not None:
        matches = mailbox_matcher(asked.reference, asked.pattern)
        session.put(
            b"".join(
                _line(b"LIST", attributes, name)
                for name, attributes in with_levels(await session.mail.list_mailboxes())
                if matches(name)
            )
        )
    return b"LIST completed"


async def lsub(session: Session, asked: Pattern | None) -> bytes:
    """Tell the subscribed names that match.

    A level that matches and is not subscribed itself is told too, with
    ``\\Noselect``, when a subscribed name below it does not match.

    Source: RFC 3501 section 6.3.9.
    """
    if asked is not None:
        matches = mailbox_matcher(asked.reference, asked.pattern)
        found: dict[str, tuple[str, ...]] = {}
        for name in await session.mail.subscriptions():
            if matches(name):
                found[name] = ()
                continue
            for level in levels_above(name):
                if matches(level):
                    found.setdefault(level, ("\\Noselect",))
        session.put(
            b"".join(_line(b"LSUB", found[name], name) for name in sorted(found))
        )
    return b"LSUB completed"


COMMANDS = (
    Command(b"LIST", LOGGED_IN, list_, parse_list),
    Command(b"LSUB", LOGGED_IN, lsub, parse_list),
)
