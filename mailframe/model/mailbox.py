"""Mailboxes: their names, what lists them, and their messages as columns.

Source: RFC 9051 sections 2.3 and 5.1, RFC 7162 (mod-sequences).
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NewType

from mailframe.errors import BadMailboxName
from mailframe.model.flag import FlagSet
from mailframe.model.uid_set import UIDSet

MailboxName = NewType("MailboxName", str)
"""A mailbox name that :func:`mailbox_name` has passed."""

DELIMITER = "/"
"""Between the levels of a name, in every account and on every wire."""

INBOX = MailboxName("INBOX")


def mailbox_name(text: str) -> MailboxName:
    """Return ``text`` as the name of one mailbox, ``INBOX`` in capitals.

    Args:
        text: A decoded name, levels separated by ``/``.

    Raises:
        BadMailboxName: It is empty, has an empty level, a ``.`` or ``..``
            level, a control character or a lone surrogate, or is longer than
            1000 octets in UTF-8.

    Source: RFC 9051 section 5.1, RFC 5198 section 2 (control characters).
    """
    levels = text.split(DELIMITER)
    if levels[0].upper() == "INBOX":
        levels[0] = "INBOX"
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise BadMailboxName("not Unicode") from None
    if size > 1000:
        raise BadMailboxName("longer than 1000 octets")
    if any(level in ("", ".", "..") for level in levels):
        raise BadMailboxName("an empty or relative level")
    if any(not (" " <= character != "\x7f") for character in text) or any(
        "\x80" <= character <= "\x9f" or character in "\u2028\u2029"
        for character in text
    ):
        raise BadMailboxName("a control character")
    return MailboxName(DELIMITER.join(levels))


def levels_above(name: str, known: Container[str]) -> Iterator[MailboxName]:
    """Yield the mailboxes a name lies in, the nearest first.

    Args:
        name: The name.
        known: Which mailboxes there are.
    """
    while DELIMITER in name:
        name = name.rpartition(DELIMITER)[0]
        if name in known:
            yield MailboxName(name)


@dataclass(frozen=True, slots=True)
class Listing:
    """The messages of a mailbox at one moment, as parallel columns.

    Immutable and shared: a provider hands the same object to every session
    that asks at the same mod-sequence. Row *i* of each column is one message;
    rows ascend by UID, so row *i* is message sequence number *i + 1* for a
    session that was told of exactly these.

    Attributes:
        highest_modseq: The mod-sequence at which this was true.
        uid_next: The UID the next message will have, at least.
        uids: Ascending.
        flags: One interned :data:`FlagSet` a message.
        modseqs: When each message was last changed.
        dates: Internal dates, seconds since 1970, UTC.
        sizes: Octets as RFC822.SIZE has them (lines end in CRLF).
        saved: When each message came into this mailbox, seconds since 1970,
            UTC; empty when the store does not say (``ISaveDates``).
    """

    highest_modseq: int
    uid_next: int
    uids: Sequence[int] = ()
    flags: Sequence[FlagSet] = ()
    modseqs: Sequence[int] = ()
    dates: Sequence[int] = ()
    sizes: Sequence[int] = ()
    saved: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened in a mailbox after a mod-sequence.

    Attributes:
        listing: The mailbox as it is now; what the next call asks from is
            ``listing.highest_modseq``.
        new: Messages that came (and are still there).
        changed: Older messages whose flags changed; disjoint from ``new``.
        vanished: Messages that went, also those that came no earlier: a client
            may have been told of them without a mod-sequence (RFC 7162 section
            3.2.5.1). A provider that no longer knows exactly may name UIDs that
            never existed, never one that exists.
    """

    listing: Listing
    new: UIDSet = UIDSet.EMPTY
    changed: UIDSet = UIDSet.EMPTY
    vanished: UIDSet = UIDSet.EMPTY


@dataclass(frozen=True, slots=True)
class MailboxInfo:
    """One line of a LIST.

    Attributes:
        name: The name.
        selectable: False for a level that only holds others.
        special_use: Attributes of RFC 6154 such as ``\\Sent``.
        mailbox_id: What stays when it is renamed; ``""`` when this account does
            not say.
    """

    name: MailboxName
    selectable: bool = True
    special_use: frozenset[str] = frozenset()
    mailbox_id: str = ""


@dataclass(frozen=True, slots=True)
class MailboxStatus:
    """What STATUS tells of a mailbox without opening it.

    Attributes:
        deleted_size: Octets of the messages with ``\\Deleted``.

    Source: RFC 9051 section 6.3.11, RFC 7162 section 3.1.7, RFC 8438,
    RFC 8474 section 4.1, RFC 9208 section 4.1.4.
    """

    messages: int
    recent: int
    unseen: int
    deleted: int
    size: int
    uid_next: int
    uid_validity: int
    highest_modseq: int
    mailbox_id: str
    deleted_size: int = 0


@dataclass(frozen=True, slots=True)
class Appended:
    """Where appended messages are (APPENDUID, RFC 4315 section 3).

    Attributes:
        uid_validity: Of the mailbox.
        uids: In the order the messages were given, ascending.
        readable: Whether the user may read the mailbox, and so be told this.
    """

    uid_validity: int
    uids: Sequence[int]
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Copied:
    """Where copies are (COPYUID, RFC 4315 section 3).

    Attributes:
        uid_validity: Of the destination.
        uids: New UID by source UID, ascending by source; empty when none of
            the messages was there any more.
        readable: Whether the user may read the destination, and so be told this.
    """

    uid_validity: int
    uids: dict[int, int] = field(default_factory=dict)
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Stored:
    """What a STORE did.

    Attributes:
        changed: The messages that have the flags now, whether or not that
            was a change.
        modified: Those left alone because they changed after
            ``unchanged_since`` (MODIFIED, RFC 7162 section 3.1.3).
    """

    changed: UIDSet
    modified: UIDSet = UIDSet.EMPTY
