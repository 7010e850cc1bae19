"""One message into one account: INBOX, or Junk when it is suspect."""

from collections.abc import Awaitable, Callable

from mailframe.busy_logger import BusyLogger
from mailframe.errors import (
    MailboxExists,
    MailError,
    NoSuchMailbox,
    NotSupported,
    TemporaryFailure,
)
from mailframe.interfaces.content import IContent
from mailframe.interfaces.mailbox import IMailAccount, NewMessage
from mailframe.model.mailbox import INBOX, MailboxName

_log = BusyLogger()

JUNK = MailboxName("Junk")
"""Where suspect mail goes."""

# Source: RFC 6154 section 2.
_JUNK_USE = frozenset({"\\Junk"})

AccountFor = Callable[[str], Awaitable[IMailAccount]]
"""Given a user's canonical address, returns the account."""


async def put_into_account(
    account_for: AccountFor,
    user: str,
    content: IContent,
    header: bytes,
    *,
    message_id: str,
    suspect: bool = False,
) -> MailError | None:
    """Give a user a message; return why not, or ``None``.

    Args:
        account_for: Gives the account.
        user: Whose, a canonical address.
        content: The message.
        header: Fields to put before it.
        message_id: For the log.
        suspect: Whether it goes to Junk, which is made if need be.
    """
    try:
        account = await account_for(user)
        messages = [NewMessage(content, header)]
        if suspect:
            await _append_to_junk(account, messages)
        else:
            await account.append(INBOX, messages)
    except MailError as refusal:
        _log.info(
            "{id} not delivered to {user}: {refusal!r}",
            id=message_id,
            user=user,
            refusal=refusal,
        )
        return refusal
    except Exception:
        # One broken account is no reason to ask for the others' mail again.
        _log.failure("{id} not delivered to {user}", id=message_id, user=user)
        return TemporaryFailure("a bug of ours")
    _log.info(
        "{id} delivered to {user}{where}",
        id=message_id,
        user=user,
        where=", into Junk" if suspect else "",
    )
    return None


async def _append_to_junk(account: IMailAccount, messages: list[NewMessage]) -> None:
    try:
        await account.append(JUNK, messages)
    except NoSuchMailbox:
        try:
            await account.create(JUNK, _JUNK_USE)
        except NotSupported:
            await account.create(JUNK)
        except MailboxExists:
            # Another message made it meanwhile.
            pass
        await account.append(JUNK, messages)
