"""Copies and moves of messages into any mailbox a user sees.

Within an account they are one step of the store's. Between accounts, and with
fewer flags, a move is a copy that is durable and then a removal that is: a crash
leaves a message in both mailboxes rather than in none.

Source: RFC 9051 section 6.4.7, RFC 4314 section 4 (COPY), RFC 6851 section 3.3.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from mailframe.errors import NoSuchMailbox
from mailframe.model.access import Rights, allowed_flags
from mailframe.model.mailbox import Copied
from mailframe.model.uid_set import UIDSet
from mailframe.storage.sharing.target import Target

_ALL_FLAGS: Rights = frozenset("stw")


@dataclass(frozen=True, slots=True)
class Source:
    """Where messages come from.

    Attributes:
        account: The account that has the mailbox.
        mailbox: The mailbox, as the account gave it; provides IMailbox,
            IListedMailbox and IRemover.
    """

    account: Any
    mailbox: Any


async def copy(source: Source, uids: UIDSet, target: Target, held: Rights) -> Copied:
    """Append copies, all or none.

    Args:
        source: Where the messages are.
        uids: Which they are.
        target: Where the copies go.
        held: What the user may do there, i among it.

    Raises:
        NoSuchMailbox: There is no such mailbox.
        OverQuota: They do not fit; nothing was copied.
    """
    copied: Copied
    if target.account is source.account and held >= _ALL_FLAGS:
        copied = await source.mailbox.copy(uids, target.name)
    else:
        flags = partial(allowed_flags, held=held)
        copied = await source.mailbox.copy_into(
            uids, target.account, target.name, flags
        )
    return replace(copied, readable="r" in held)


async def move(source: Source, uids: UIDSet, target: Target, held: Rights) -> Copied:
    """The same, and the originals are gone: in one step within an account.

    Else each message is moved, or stays where it is and has no copy, unless there
    is a crash or the disk fails in between: then it is in both mailboxes. It is
    never marked as deleted.

    Raises:
        NoSuchMailbox: There is no such mailbox; nothing was moved.
        OverQuota: They do not fit; nothing was moved.
        TemporaryFailure: Messages may be in both.
    """
    if target.account is source.account and held >= _ALL_FLAGS:
        moved: Copied = await source.mailbox.move(uids, target.name)
        return replace(moved, readable="r" in held)
    copied = await copy(source, uids, target, held)
    gone = await remove(source, UIDSet.of(copied.uids))
    # What somebody else took meanwhile is not ours to have moved.
    late = [made for uid, made in copied.uids.items() if uid not in gone]
    if late:
        await _take_back(target, late)
    left = {uid: made for uid, made in copied.uids.items() if uid in gone}
    return replace(copied, uids=left)


async def remove(source: Source, uids: UIDSet) -> UIDSet:
    """Remove messages that are somewhere else now, marked or not.

    When that fails nobody knows yet whether the journal has it, so that what is
    somewhere else must stay there.

    Returns:
        Those that went now; all if their mailbox was deleted meanwhile.

    Raises:
        TemporaryFailure: They may be there as before.
    """
    if not uids:
        return uids
    try:
        gone: UIDSet = await source.mailbox.remove(uids)
    except NoSuchMailbox:
        return uids
    return gone


async def _take_back(target: Target, uids: Iterable[int]) -> None:
    mailbox = await target.account.open(target.name)
    try:
        await mailbox.remove(UIDSet.of(uids))
    finally:
        mailbox.close()
