"""A mailbox that is as the example of an RFC finds it.

A transcript's header says it, beside ``given: stated``::

    inbox: UIDVALIDITY 3857529045 UIDNEXT 4392 HIGHESTMODSEQ 715194045007 RECENT 1
    messages: 1:11 (\\Seen); 12; 13:172 (\\Seen $Junk) MODSEQ 715194045007 SIZE 700
    vanished: 173:180 MODSEQ 6
    sender: eric
    mailboxes: foo foo/bar
    subscribed: foo
    others: foo UIDNEXT 9 MESSAGES 7; foo/bar UIDVALIDITY 4
    note: /shared/comment What is noted on the server
    notes: 10

What is not said is as in a new mailbox; messages have the lowest mod-sequence.
``DAY`` is a day of February 1994, on which a message was written and came (or
days after January 1994, for when it came), ``SAVED`` is in seconds since 1970;
``sender`` wrote them all. ``notes`` is how many there are on INBOX; ``others``
states more mailboxes, the messages of one all alike.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mailframe.imap.cursor import Cursor
from mailframe.imap.sequence import sequence_set
from mailframe.model.flag import FlagSet
from mailframe.model.mailbox import INBOX, mailbox_name
from mailframe.storage.memory import MemoryAccount
from mailframe.storage.memory_box import MemoryBox, Message
from mailframe.testing.mailbox_contract import message

_DAY = 86_400
# 31 January 1994.
_FIRST = 759_974_400
_MESSAGES = re.compile(r"([0-9:,]+)(?: \(([^)]*)\))?((?: [A-Z]+ [0-9]+)*)\Z")


def set_up(account: MemoryAccount, header: Mapping[str, str]) -> None:
    """Make the mailboxes of an account what the header says."""
    for name in header.get("mailboxes", "").split():
        account._boxes[mailbox_name(name)] = account._new_box()
    for name in header.get("subscribed", "").split():
        account._subscribed.add(mailbox_name(name))
    inbox = account._boxes[INBOX]
    for uids, flags, figures in _rows(header.get("messages", "")):
        for uid in uids:
            _put(inbox, uid, flags, figures, header.get("sender", "sender"))
    inbox.messages = dict(sorted(inbox.messages.items()))
    _state(inbox, _figures(header.get("inbox", "")))
    for uids, _, figures in _rows(header.get("vanished", "")):
        inbox.vanished += [(figures.get("MODSEQ", 1), uid) for uid in uids]
    for number in range(int(header.get("notes", "0"))):
        inbox.notes[f"/shared/vendor/x/{number}"] = b""
    if "note" in header:
        entry, _, value = header["note"].partition(" ")
        account.notes(None)[entry] = value.encode()
    for row in filter(None, header.get("others", "").split("; ")):
        name, _, rest = row.partition(" ")
        _other(account._boxes[mailbox_name(name)], _figures(rest))


def _other(box: MemoryBox, figures: Mapping[str, int]) -> None:
    for uid in range(1, figures.get("MESSAGES", 0) + 1):
        _put(box, uid, frozenset(), {}, "sender")
    _state(box, figures)


def _state(box: MemoryBox, figures: Mapping[str, int]) -> None:
    box.uid_validity = figures.get("UIDVALIDITY", box.uid_validity)
    box.uid_next = figures.get("UIDNEXT", max(box.messages, default=0) + 1)
    box.modseq = figures.get("HIGHESTMODSEQ", box.modseq)
    held = list(box.messages)
    recent = figures.get("RECENT", 0)
    box.first_recent = held[-recent] if recent else box.uid_next


def _put(
    box: MemoryBox, uid: int, flags: FlagSet, figures: Mapping[str, int], sender: str
) -> None:
    day = figures.get("DAY", 7)
    octets = message(uid).replace(b"Mon, 7 Feb", b"%d Feb" % day)
    octets = octets.replace(b"sender", sender.encode())
    size = figures.get("SIZE", len(octets))
    octets = octets[:size].ljust(size, b".")
    date = _FIRST + day * _DAY
    modseq = figures.get("MODSEQ", 1)
    box.modseq = max(box.modseq, modseq)
    arrived, saved = figures.get("ARRIVED", 1), figures.get("SAVED", 0)
    box.messages[uid] = Message(octets, box.spelt(flags), date, modseq, arrived, saved)


def _rows(written: str) -> Iterator[tuple[list[int], FlagSet, dict[str, int]]]:
    for row in filter(None, written.split("; ")):
        parts = _MESSAGES.match(row)
        assert parts is not None, row
        ranges: Any = sequence_set(Cursor(parts[1].encode())).ranges
        uids = [uid for low, high in ranges for uid in range(low, high + 1)]
        yield uids, frozenset((parts[2] or "").split()), _figures(parts[3])


def _figures(written: str) -> dict[str, int]:
    words = written.split()
    return {
        name: int(value) for name, value in zip(words[::2], words[1::2], strict=True)
    }
