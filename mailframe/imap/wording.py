"""How a client is told what happens in its mailbox, unasked.

The same news has several forms; which one a client understands follows from what
it has switched on.

Source: RFC 9051 section 7.5, RFC 7162 sections 3.1 and 3.2.10, RFC 9586
sections 3.3 and 3.6.
"""

from bisect import bisect_left
from collections.abc import Sequence, Set

from mailframe.imap.serialize import flag_list_out
from mailframe.model.mailbox import Listing
from mailframe.model.uid_set import UIDSet


def tells_recent(enabled: Set[str]) -> bool:
    """Tell whether the client hears of ``\\Recent``.

    Source: RFC 9051 appendix E.
    """
    return "IMAP4REV2" not in enabled


def tells_modseq(enabled: Set[str]) -> bool:
    """Tell whether changes come with mod-sequences, and UIDs.

    Source: RFC 7162 sections 3.1 and 3.2.4.
    """
    return "CONDSTORE" in enabled


def tells_uid(enabled: Set[str]) -> bool:
    """Tell whether changes always come with the UID as an item.

    Source: RFC 9051 appendix E, RFC 7162 section 3.2.4.
    """
    return not uid_only(enabled) and ("IMAP4REV2" in enabled or tells_modseq(enabled))


def uid_only(enabled: Set[str]) -> bool:
    """Tell whether message numbers are not used at all.

    Source: RFC 9586 section 3.
    """
    return "UIDONLY" in enabled


def opening(enabled: Set[str]) -> bytes:
    """Return how FETCH responses begin, with one ``%d``: see :func:`heads`.

    Source: RFC 9051 section 7.5.2, RFC 9586 section 3.3.
    """
    return b"* %d UIDFETCH (" if uid_only(enabled) else b"* %d FETCH ("


def heads(enabled: Set[str], listing: Listing, rows: Sequence[int]) -> Sequence[int]:
    """Return what FETCH responses name messages by: their numbers, or UIDs."""
    if not uid_only(enabled):
        if isinstance(rows, range):
            return range(rows.start + 1, rows.stop + 1)
        return [row + 1 for row in rows]
    column = listing.uids
    return [column[row] for row in rows]


def expunges(enabled: Set[str], gone: UIDSet, uids: Sequence[int]) -> bytes:
    """Return responses that tell of messages that are gone.

    Args:
        enabled: What the client has switched on.
        gone: The messages.
        uids: The UIDs of those that are left; each number of an EXPUNGE is
            that of its moment.

    Source: RFC 9051 section 7.5.1, RFC 7162 section 3.2.10, RFC 9586
    section 3.6.
    """
    if uid_only(enabled) or "QRESYNC" in enabled:
        return b"* VANISHED %b\r\n" % str(gone).encode()
    place = 0
    lines = []
    for uid in gone:
        place = bisect_left(uids, uid, place)
        lines.append(b"* %d EXPUNGE\r\n" % (place + 1))
    return b"".join(lines)


def changes(
    enabled: Set[str],
    listing: Listing,
    recent: UIDSet,
    changed: UIDSet,
    touched: UIDSet,
    with_uid: bool,
) -> bytes:
    """Return FETCH responses that tell what has changed.

    Args:
        enabled: What the client has switched on.
        listing: The view.
        recent: The messages that are recent in it.
        changed: The messages whose flags are told.
        touched: The messages of which the mod-sequence is told at least, to a
            client that wants it.
        with_uid: Whether the UID comes with it in any case.
    """
    with_uid = tells_uid(enabled) or (with_uid and not uid_only(enabled))
    with_modseq = tells_modseq(enabled)
    start_of = opening(enabled)
    told = changed | touched if with_modseq else changed
    rows = [
        row for start, stop in told.slices(listing.uids) for row in range(start, stop)
    ]
    responses = []
    for row, head in zip(rows, heads(enabled, listing, rows), strict=True):
        uid = listing.uids[row]
        items = []
        if with_uid:
            items.append(b"UID %d" % uid)
        if uid in changed:
            flags = flag_list_out(listing.flags[row], uid in recent)
            items.append(b"FLAGS " + flags)
        if with_modseq:
            items.append(b"MODSEQ (%d)" % listing.modseqs[row])
        responses.append(b"%b%b)\r\n" % (start_of % head, b" ".join(items)))
    return b"".join(responses)
