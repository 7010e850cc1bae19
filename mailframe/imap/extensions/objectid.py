"""OBJECTID: identifiers of mailboxes, messages and threads that stay.

Capability ``OBJECTID``, RFC 8474, after login. An EMAILID is made from the
content and the internal date of a message, so a copy has the same one. A
THREADID is made from the first message that the message refers to, or from its
own Message-ID, so that it never changes and is the same in every mailbox.

Source: RFC 8474 sections 4 to 6.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from mailframe.imap.command import Extension
from mailframe.imap.commands.authenticated import (
    CREATE_CODES,
    STATUS_ITEMS,
    StatusItem,
)
from mailframe.imap.commands.select import SELECT_RESPONSES, Select
from mailframe.imap.criterion import Binding, SearchKey, UIDs, UnboundKey
from mailframe.imap.cursor import Cursor
from mailframe.imap.fetch_items import FETCH_ITEMS, ColumnItem, Rows
from mailframe.imap.search_keys import SEARCH_KEYS, KeyParser
from mailframe.imap.session import Session
from mailframe.imap.view import View
from mailframe.interfaces.mailbox import SummaryField
from mailframe.model.mailbox import MailboxName, MailboxStatus
from mailframe.model.uid_set import UIDSet

# objectid = 1*255(ALPHA / DIGIT / "_" / "-")
_OBJECTID = re.compile(rb"[A-Za-z0-9_-]{1,255}")
_DIGITS = 40
_ROWS = 2000
"""Messages asked for at once."""

_EMAILID: tuple[SummaryField, ...] = ("content_hash",)
_THREADID: tuple[SummaryField, ...] = ("content_hash", "message_id", "references")


def email_id(content_hash: str, date: int) -> str:
    """Return the EMAILID of a message.

    Args:
        content_hash: Of its content.
        date: Its internal date: all that never changes must be the same where
            the EMAILID is (RFC 8474 section 5.1).
    """
    return "M" + sha256(b"%b %d" % (content_hash.encode(), date)).hexdigest()[:_DIGITS]


def thread_id(content_hash: str, message_id: str, references: Sequence[str]) -> str:
    """Return the THREADID of a message.

    Source: RFC 8474 section 5.2.
    """
    root = references[0] if references else message_id or content_hash
    octets = root.encode("utf-8", "surrogatepass")
    return "T" + sha256(octets).hexdigest()[:_DIGITS]


def _email_ids(rows: Rows) -> Iterable[bytes]:
    dates = rows.take(rows.listing.dates)
    return (
        email_id(*one).encode()
        for one in zip(rows.kept["content_hash"], dates, strict=True)
    )


def _thread_ids(rows: Rows) -> Iterable[bytes]:
    columns = [rows.kept[field] for field in _THREADID]
    return (thread_id(*one).encode() for one in zip(*columns, strict=True))


EMAILID = ColumnItem(b"EMAILID", b"EMAILID (%b)", _email_ids, _EMAILID, constant=True)
THREADID = ColumnItem(
    b"THREADID", b"THREADID (%b)", _thread_ids, _THREADID, constant=True
)


@dataclass(frozen=True, slots=True)
class ObjectID(UnboundKey):
    """Whether a message, or its thread, has an identifier.

    Attributes:
        wanted: The identifier.
        item: What makes those of the messages.

    Source: RFC 8474 section 6.
    """

    wanted: bytes
    item: ColumnItem

    async def bind(self, binding: Binding) -> SearchKey:
        """Return the messages that have it."""
        context = binding.context
        listing, item = context.listing, self.item
        found: list[int] = []
        for start in range(0, len(listing.uids), _ROWS):
            uids = UIDSet.of(listing.uids[start : start + _ROWS])
            there, *columns = await context.mailbox.summaries(uids, item.fields)
            rows = Rows(listing, context.recent, _rows_of(there, listing.uids))
            kept: dict[SummaryField, Sequence[Any]] = dict(
                zip(item.fields, columns, strict=True)
            )
            rows.kept = kept
            identifiers = zip(rows.uids, item.column(rows), strict=True)
            found += [uid for uid, one in identifiers if one == self.wanted]
        return UIDs(UIDSet.of(found))


def _rows_of(uids: Sequence[int], column: Sequence[int]) -> list[int]:
    slices = UIDSet.of(uids).slices(column)
    return [row for start, stop in slices for row in range(start, stop)]


def _key(item: ColumnItem) -> KeyParser:
    def parse(cursor: Cursor, charset: str) -> SearchKey:
        cursor.space()
        found = cursor.match(_OBJECTID)
        if found is None:
            cursor.fail("an object identifier")
        return ObjectID(found[0], item)

    return parse


def _written(mailbox_id: str) -> bytes:
    return b"MAILBOXID (%b)" % mailbox_id.encode("ascii")


async def _at_select(session: Session, view: View, command: Select) -> bytes:
    """Return the response code of SELECT.  Source: RFC 8474 section 4.2."""
    line = b"* OK [%b] Mailbox\r\n" % _written(view.mailbox.mailbox_id)
    return session.language.said(line)


async def _at_create(session: Session, name: MailboxName) -> bytes:
    """Return the response code of CREATE.  Source: RFC 8474 section 4.1."""
    return _written((await session.mail.status(name)).mailbox_id)


def _status(session: Session, found: MailboxStatus) -> bytes:
    """Return the value of the status item.  Source: RFC 8474 section 4.3."""
    return b"(%b)" % found.mailbox_id.encode("ascii")


FETCH_ITEMS[b"EMAILID"] = lambda cursor: EMAILID
FETCH_ITEMS[b"THREADID"] = lambda cursor: THREADID
SEARCH_KEYS[b"EMAILID"] = _key(EMAILID)
SEARCH_KEYS[b"THREADID"] = _key(THREADID)
STATUS_ITEMS[b"MAILBOXID"] = StatusItem(_status)
SELECT_RESPONSES["OBJECTID"] = _at_select
CREATE_CODES["OBJECTID"] = _at_create

EXTENSION = Extension(b"OBJECTID")
