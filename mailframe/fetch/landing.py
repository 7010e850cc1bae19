"""A message into the local account: never lost, and once.

The order is: *begun* is remembered, with a token nobody else has; the message is
appended durably with the token in its Received field; *had* is remembered; only
then is it deleted there. What was begun and not had when a pass begins is looked
for by its token, first where it was put, then in every other mailbox of the
account. Found, it is had; not found, it is collected again.

So a message is never lost, and there are never two of it, with one exception: a
message that was appended just before a crash, and expunged by its owner before
the next pass, comes once more.
"""

from collections.abc import Awaitable, Callable

from mailframe.errors import MessageGone, NoSuchMailbox
from mailframe.fetch.memory import Begun, FetchMemory
from mailframe.fetch.options import FetchAccount
from mailframe.interfaces.content import IContent
from mailframe.interfaces.mailbox import IMailAccount, IMailbox, NewMessage
from mailframe.mime.date import date_header
from mailframe.model.mailbox import MailboxName
from mailframe.model.uid_set import UIDSet

AccountFor = Callable[[str], Awaitable[IMailAccount]]
"""Given a user's canonical address, returns the account."""

HEADERS = 500
"""Headers looked at in one call."""


class Landing:
    """Where the messages of all sources come down."""

    def __init__(
        self,
        memory: FetchMemory,
        account_for: AccountFor,
        *,
        hostname: str,
        now: Callable[[], float],
        make_token: Callable[[], str],
    ) -> None:
        """Prepare.

        Args:
            memory: What was collected already.
            account_for: Gives local accounts.
            hostname: Our name.
            now: Seconds since 1970.
            make_token: Makes a word nobody can foresee, letters and digits.
        """
        self._memory = memory
        self._account_for = account_for
        self._hostname = hostname
        self._now = now
        self._make_token = make_token

    async def had(self, source: str, epoch: str, job: FetchAccount) -> set[str]:
        """Return the names of messages that are ours, after finding out.

        Args:
            source: Which mailbox there.
            epoch: Its UIDVALIDITY.
            job: Whose it is.

        Raises:
            MailError: The local account cannot be asked.
        """
        remembered = await self._memory.recall(source, epoch)
        had = set(remembered.had)
        for begun in remembered.begun:
            if await self._is_there(job, begun):
                await self._memory.have(source, epoch, begun.name)
                had.add(begun.name)
            else:
                await self._memory.forget(source, epoch, [begun.name])
        return had

    async def put(
        self,
        source: str,
        epoch: str,
        name: str,
        job: FetchAccount,
        content: IContent,
        date: int | None = None,
    ) -> None:
        """Give the local account a message, and remember it.

        Args:
            source: Where it comes from.
            epoch: UIDVALIDITY there.
            name: UID or UIDL there; not one that was begun in this pass.
            job: Whose it is.
            content: The message.
            date: Its internal date, seconds since 1970; ``None`` for now.

        Raises:
            MailError: The local account did not take it. Whether it did all the
                same is found out by ``had``.
        """
        account = await self._account_for(job.to)
        now = int(self._now())
        begun = Begun(name, self._make_token(), now if date is None else date)
        await self._memory.begin(source, epoch, begun)
        header = self._received(job, begun.token, now)
        await account.append(
            job.mailbox, [NewMessage(content, header, date=begun.date)]
        )
        await self._memory.have(source, epoch, name)

    async def gone(self, source: str, epoch: str, names: set[str]) -> None:
        """Forget messages that are no longer there."""
        if names:
            await self._memory.forget(source, epoch, names)

    def _received(self, job: FetchAccount, token: str, now: int) -> bytes:
        """Return the trace field, by which the message is known again.

        Source: RFC 5321 section 4.4 (id).
        """
        return (
            f"Received: from {job.host} by {self._hostname}\r\n"
            f"\twith {job.protocol.upper()} id {token}\r\n"
            f"\tfor <{job.to}>; {date_header(now).decode()}\r\n"
        ).encode()

    async def _is_there(self, job: FetchAccount, begun: Begun) -> bool:
        account = await self._account_for(job.to)
        names: list[MailboxName] = [job.mailbox]
        for info in await account.list_mailboxes():
            if info.selectable and info.name != job.mailbox:
                names.append(info.name)
        for name in names:
            try:
                mailbox = await account.open(name)
            except NoSuchMailbox:
                continue
            try:
                if await _has(mailbox, begun):
                    return True
            except (NoSuchMailbox, MessageGone):
                continue
            finally:
                mailbox.close()
        return False


async def _has(mailbox: IMailbox, begun: Begun) -> bool:
    """Tell whether a mailbox has the message; copies keep the internal date."""
    listing = (await mailbox.changes(0)).listing
    uids = [
        uid
        for uid, date in zip(listing.uids, listing.dates, strict=True)
        if abs(date - begun.date) <= 1
    ]
    mark = b" id %b" % begun.token.encode()
    for start in range(0, len(uids), HEADERS):
        asked = UIDSet.of(uids[start : start + HEADERS])
        _, headers = await mailbox.headers(asked)
        if any(mark in header for header in headers):
            return True
    return False
