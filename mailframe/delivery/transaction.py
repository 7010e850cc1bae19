"""One message for users of ours: into the intake, then into each INBOX.

Nobody is told the message is there before every account it is for has said
so. When some have and others have not, each recipient has its own verdict;
what a protocol with one reply for all makes of that is its matter. Nothing is
taken back: an account that has the message keeps it, and a client that comes
again gives it a second copy, never none.

Source: RFC 5321 section 4.1.1.4, RFC 2033 section 4.2.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger
from zope.interface import implementer

from mailframe.delivery import trace
from mailframe.delivery.local_users import LocalUsers
from mailframe.errors import LimitExceeded, MailError, TemporaryFailure
from mailframe.interfaces.content import IContent, IContentWriter, IIntake
from mailframe.interfaces.delivery import IMailTransaction
from mailframe.interfaces.mailbox import IMailAccount, NewMessage
from mailframe.mime.received import received_count
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, Origin, ReversePath
from mailframe.model.mailbox import INBOX

_log = Logger()

AT_ONCE = 16
"""Accounts that are given one message at the same time; each may be reading it."""

HEAD = 262_144
"""Octets from the beginning in which Received fields are counted."""

AccountFor = Callable[[str], Awaitable[IMailAccount]]
"""Given a user's canonical address, returns the account."""


class Filter(Protocol):
    """Changes content on its way through."""

    def feed(self, octets: bytes) -> bytes:
        """Return what can be passed on; may raise MailError."""

    def finish(self) -> bytes:
        """Return what is left."""


class NoFilter:
    """Leaves content as it is."""

    def feed(self, octets: bytes) -> bytes:
        """Return the same."""
        return octets

    def finish(self) -> bytes:
        """Return nothing more."""
        return b""


@implementer(IMailTransaction)
class LocalTransaction:
    """A message on its way to local accounts."""

    def __init__(
        self,
        message_id: str,
        origin: Origin,
        reverse_path: ReversePath,
        *,
        users: LocalUsers,
        account_for: AccountFor,
        intake: IIntake,
        max_received: int,
        now: Callable[[], float],
        content_filter: Filter,
    ) -> None:
        """Begin without recipients.

        Args:
            message_id: For the trace field, the log and the reply.
            origin: How the message comes.
            reverse_path: Who it is from.
            users: Decides who it can be for.
            account_for: Gives the accounts of those.
            intake: Where it rests meanwhile.
            max_received: Received fields before it counts as looping.
            now: Seconds since 1970.
            content_filter: Changes the content on its way to the intake.
        """
        self.id = message_id
        self._origin = origin
        self._reverse_path = reverse_path
        self._users = users
        self._account_for = account_for
        self._intake = intake
        self._max_received = max_received
        self._now = now
        self._filter = content_filter
        self._recipients: list[tuple[Address, str]] = []
        self._writer: IContentWriter | None = None

    async def recipient(self, forward_path: ForwardPath) -> None:
        """Take a user of ours."""
        address = forward_path.address
        self._recipients.append((address, await self._users.find(address)))

    def write(self, octets: bytes) -> Awaitable[None] | None:
        """Put content into the intake."""
        return self._put(self._filter.feed(octets))

    async def finish(self) -> Sequence[MailError | None]:
        """Append the message to the INBOX of each user, once.

        Raises:
            LimitExceeded: It has been through too many hosts already.
            InsufficientStorage: The intake is full.
        """
        waiting = self._put(self._filter.finish())
        if waiting is not None:
            await waiting
        assert self._writer is not None
        content = await self._writer.finish()
        self._writer = None
        try:
            hops = received_count(await content.read(0, HEAD))
            if hops > self._max_received:
                raise LimitExceeded(f"{hops} Received fields")
            verdicts = await self._deliver(content)
        finally:
            content.close()
        return [verdicts[user] for _, user in self._recipients]

    def abort(self) -> None:
        """Forget the content."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.discard()

    def _put(self, octets: bytes) -> Awaitable[None] | None:
        if self._writer is None:
            self._writer = self._intake.begin()
        waiting: Awaitable[None] | None = self._writer.write(octets)
        return waiting

    async def _deliver(self, content: IContent) -> dict[str, MailError | None]:
        """Return the verdict of each user."""
        users = list(dict.fromkeys(user for _, user in self._recipients))
        alone = self._recipients[0][0] if len(self._recipients) == 1 else None
        received = trace.received(self._origin, self.id, self._now(), alone)
        verdicts: dict[str, MailError | None] = {}
        for start in range(0, len(users), AT_ONCE):
            batch = users[start : start + AT_ONCE]
            found = await gatherResults(
                Deferred.fromCoroutine(self._append(user, received, content))
                for user in batch
            )
            verdicts.update(zip(batch, found, strict=True))
        return verdicts

    async def _append(
        self, user: str, received: bytes, content: IContent
    ) -> MailError | None:
        sender = trace.return_path(self._reverse_path.address)
        header = sender + trace.delivered_to(user) + received
        try:
            account = await self._account_for(user)
            await account.append(INBOX, [NewMessage(content, header)])
        except MailError as refusal:
            _log.info(
                "{id} not delivered to {user}: {refusal!r}",
                id=self.id,
                user=user,
                refusal=refusal,
            )
            return refusal
        except Exception:
            # One broken account is no reason to ask for the others' mail again.
            _log.failure("{id} not delivered to {user}", id=self.id, user=user)
            return TemporaryFailure("a bug of ours")
        _log.info("{id} delivered to {user}", id=self.id, user=user)
        return None
