"""CONDSTORE: every message has a mod-sequence; flags change on condition.

Capability ``CONDSTORE``, RFC 7162, after login. Switched on by ENABLE and by
whatever asks for a mod-sequence; from then on each unasked FETCH response has
the UID and the mod-sequence (``view.py``). All metadata of a message share one
mod-sequence, so SEARCH passes over which flag it is asked for.

Source: RFC 7162 section 3.1.
"""

import re
from dataclasses import dataclass
from typing import ClassVar

from mailframe.imap.command import Extension
from mailframe.imap.commands.authenticated import STATUS_ITEMS, figure
from mailframe.imap.commands.select import SELECT_PARAMETERS, SelectParameter
from mailframe.imap.commands.store import STORE_MODIFIERS, UNCHANGED_SINCE
from mailframe.imap.commands.store import Modifier as StoreModifier
from mailframe.imap.criterion import ColumnKey, SearchKey, SearchRows
from mailframe.imap.cursor import Cursor
from mailframe.imap.fetch_items import (
    FETCH_ITEMS,
    FETCH_MODIFIERS,
    MODSEQ,
    ColumnItem,
    Narrowing,
)
from mailframe.imap.grammar import mod_sequence, number64
from mailframe.imap.search_keys import SEARCH_KEYS
from mailframe.imap.session import Session
from mailframe.model.mailbox import Listing
from mailframe.model.uid_set import UIDSet

_NAME = "CONDSTORE"

# entry-flag-name = DQUOTE "/flags/" attr-flag DQUOTE
# entry-type-req  = "priv" / "shared" / "all"
_ENTRY = re.compile(
    rb"\"/flags/(?:\\\\)?[^\x00-\x20\x7f-\xff(){%*\"\\\]]+\" (?:priv|shared|all) ",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ModSeq(ColumnKey):
    """Whether the mod-sequence of a message is a number or higher.

    Source: RFC 7162 section 3.1.5.
    """

    since: int
    tells_modseq: ClassVar[bool] = True

    def select(self, rows: SearchRows) -> list[int]:
        """Return the rows that have changed since."""
        modseqs = rows.take(rows.listing.modseqs)
        return [
            row
            for row, modseq in zip(rows.indices, modseqs, strict=True)
            if modseq >= self.since
        ]


def _modseq_key(cursor: Cursor, charset: str) -> SearchKey:
    """``"MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer``."""
    cursor.space()
    cursor.match(_ENTRY)
    return ModSeq(number64(cursor))


@dataclass(frozen=True, slots=True)
class ChangedSince(Narrowing):
    """FETCH answers only for messages that have changed, of a range of PARTIAL too.

    Source: RFC 7162 section 3.1.4.1, RFC 9394 section 3.4.
    """

    since: int
    turn: ClassVar[int] = 1
    items: ClassVar[tuple[ColumnItem, ...]] = (MODSEQ,)

    def narrow(self, listing: Listing, uids: UIDSet) -> UIDSet:
        """Return the messages with a higher mod-sequence."""
        since = self.since
        return UIDSet.of(
            uid
            for start, stop in uids.slices(listing.uids)
            for uid, modseq in zip(
                listing.uids[start:stop], listing.modseqs[start:stop], strict=True
            )
            if modseq > since
        )


def _changed_since(cursor: Cursor) -> ChangedSince:
    """``"CHANGEDSINCE" SP mod-sequence-value``  (RFC 7162 section 7)."""
    cursor.space()
    return ChangedSince(mod_sequence(cursor))


def _unchanged_since(cursor: Cursor) -> int:
    """``"UNCHANGEDSINCE" SP mod-sequence-valzer``  (RFC 7162 section 7)."""
    cursor.space()
    return number64(cursor)


def _switched_on(session: Session) -> None:
    """Tell from where on the client will know all changes."""
    if session.view is not None:
        session.view.tell_modseq()


FETCH_ITEMS[b"MODSEQ"] = lambda cursor: MODSEQ
FETCH_MODIFIERS[b"CHANGEDSINCE"] = _changed_since
STORE_MODIFIERS[UNCHANGED_SINCE] = StoreModifier(_unchanged_since, _NAME)
SEARCH_KEYS[b"MODSEQ"] = _modseq_key
STATUS_ITEMS[b"HIGHESTMODSEQ"] = figure("highest_modseq", enables=_NAME)
SELECT_PARAMETERS[b"CONDSTORE"] = SelectParameter(lambda cursor: None, enables=_NAME)

EXTENSION = Extension(b"CONDSTORE", can_be_enabled=True, switched_on=_switched_on)
