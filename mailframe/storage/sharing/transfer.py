"""Copies into a mailbox of another account, or with fewer flags.

They are appended, since no store copies into another's account; what came of a
copy that then failed is taken back.

Source: RFC 9051 section 6.4.7, RFC 6851 section 3.3, RFC 4314 section 4 (COPY).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from mailframe.interfaces.mailbox import IMailbox, NewMessage
from mailframe.model.access import Rights, allowed_flags
from mailframe.model.flag import DELETED, FlagChange, FlagSet
from mailframe.model.mailbox import Copied, Listing
from mailframe.model.uid_set import UIDSet
from mailframe.storage.sharing.content import LaterContent
from mailframe.storage.sharing.target import Target

_OCTETS = 33_554_432
_MESSAGES = 500
"""How much is appended at once."""

_DELETED: FlagSet = frozenset((DELETED,))
_ALL_FLAGS: Rights = frozenset("stw")


@dataclass(frozen=True, slots=True)
class Source:
    """Where messages come from.

    Attributes:
        account: The account that has the mailbox.
        mailbox: The mailbox, as the account gave it.
    """

    account: Any
    mailbox: IMailbox


async def copy(source: Source, uids: UIDSet, target: Target, held: Rights) -> Copied:
    """Append copies, all or none.

    Args:
        source: Where the messages are.
        uids: Which they are.
        target: Where the copies go.
        held: What the user may do there, i among it.

    Raises:
        NoSuchMailbox: There is no such mailbox.
        MessageGone: One was expunged meanwhile; nothing was copied.
        OverQuota: They do not fit; nothing was copied.
    """
    if target.account is source.account and held >= _ALL_FLAGS:
        copied = await source.mailbox.copy(uids, target.name)
    else:
        copied = await _append(source.mailbox, uids, target, held)
    return replace(copied, readable="r" in held)


async def move(source: Source, uids: UIDSet, target: Target, held: Rights) -> Copied:
    """The same, and the originals are gone: in one step within an account.

    Between accounts, and with fewer flags, they go when the copies are durable, so
    that a crash leaves a message in both places rather than in none.
    """
    if target.account is source.account and held >= _ALL_FLAGS:
        copied = await source.mailbox.move(uids, target.name)
    else:
        copied = await _append(source.mailbox, uids, target, held)
        await remove(source.mailbox, UIDSet.of(copied.uids))
    return replace(copied, readable="r" in held)


async def remove(mailbox: IMailbox, uids: UIDSet) -> None:
    """Remove messages whether or not they have ``\\Deleted``."""
    await mailbox.store(uids, FlagChange.ADD, _DELETED)
    await mailbox.expunge(uids)


async def _append(
    mailbox: IMailbox, uids: UIDSet, target: Target, held: Rights
) -> Copied:
    listing = (await mailbox.changes(0)).listing
    status = await target.account.status(target.name)
    copied: dict[int, int] = {}
    try:
        for rows in _portions(listing, uids):
            messages = [
                NewMessage(
                    LaterContent(mailbox, listing.uids[row], listing.sizes[row]),
                    flags=allowed_flags(listing.flags[row], held),
                    date=listing.dates[row],
                )
                for row in rows
            ]
            try:
                done = await target.account.append(target.name, messages)
            finally:
                for message in messages:
                    message.content.close()
            sources = [listing.uids[row] for row in rows]
            copied.update(zip(sources, done.uids, strict=True))
    except BaseException:
        if copied:
            await _take_back(target, UIDSet.of(copied.values()))
        raise
    return Copied(status.uid_validity, copied)


async def _take_back(target: Target, uids: UIDSet) -> None:
    mailbox = await target.account.open(target.name)
    try:
        await remove(mailbox, uids)
    finally:
        mailbox.close()


def _portions(listing: Listing, uids: UIDSet) -> Iterator[list[int]]:
    """Yield rows of messages, as many as are appended at once."""
    rows: list[int] = []
    octets = 0
    for start, stop in uids.slices(listing.uids):
        for row in range(start, stop):
            if rows and (
                octets + listing.sizes[row] > _OCTETS or len(rows) >= _MESSAGES
            ):
                yield rows
                rows, octets = [], 0
            rows.append(row)
            octets += listing.sizes[row]
    if rows:
        yield rows
