"""A small world for delivery tests: some users, and accounts that may refuse."""

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory, UserEntry
from mailframe.interfaces.delivery import IMailReceiver
from mailframe.interfaces.mailbox import IMailAccount, NewMessage
from mailframe.limits import SMTPLimits
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, Origin, ReversePath
from mailframe.model.mailbox import Appended, MailboxName
from mailframe.storage.content import MemoryIntake
from mailframe.storage.memory import MemoryAccount
from mailframe.storage.memory_realm import MemoryRealm

DOMAINS = ("example.org", "bücher.example")
NOW = 1_700_000_000.0
"""Tue, 14 Nov 2023 22:13:20 +0000."""


@implementer(IUserDirectory)
class Directory:
    """Knows alice (with an alias and a U-label one), bob and carol."""

    def __init__(self) -> None:
        """Begin in working order."""
        self.broken = False
        alice = UserEntry(
            "alice@example.org", ("info@example.org", "alice@bücher.example")
        )
        self._users = {
            address: user
            for user in (
                alice,
                UserEntry("bob@example.org"),
                UserEntry("carol@example.org"),
            )
            for address in (user.address, *user.aliases)
        }

    async def find(self, address: str) -> UserEntry | None:
        """Look it up as it is written."""
        if self.broken:
            raise TemporaryFailure("no directory today")
        return self._users.get(address)


class Account(MemoryAccount):
    """Refuses when told to."""

    refusal: Exception | None = None

    async def append(
        self, name: MailboxName, messages: Sequence[NewMessage]
    ) -> Appended:
        """Store, or raise."""
        if self.refusal is not None:
            raise self.refusal
        return await super().append(name, messages)


class World:
    """Receivers and the accounts they deliver to."""

    def __init__(self, kind: Any, **settings: Any) -> None:
        """Make a receiver.

        Args:
            kind: Its class.
            settings: More arguments for it.
        """
        self.clock = Clock()
        self.clock.advance(NOW)
        self.directory = Directory()
        self.realm = MemoryRealm(self.clock.seconds, lambda call: call())
        self.accounts: dict[str, Account] = {}
        self.receiver: IMailReceiver = kind(
            self.directory,
            domains=DOMAINS,
            account_for=self.account_for,
            now=self.clock.seconds,
            **{"intake": MemoryIntake(), **settings},
        )

    async def account_for(self, address: str) -> IMailAccount:
        """Return the account of a user."""
        return self.account(address)

    def account(self, address: str) -> Account:
        """Return the account of a user, made on first use."""
        if address not in self.accounts:
            self.accounts[address] = Account(address, now=self.clock.seconds)
        return self.accounts[address]

    def origin(self, **changes: Any) -> Origin:
        """Return an origin as SMTP gives it."""
        given = {
            "service": "smtp",
            "protocol": "ESMTPS",
            "helo": "client.example",
            "client_address": "192.0.2.1",
            "server_name": "mx.example.org",
            "tls": "TLSv1.3 TLS_AES_256_GCM_SHA384",
        }
        return Origin(**{**given, **changes})


class DeliveryTestCase(SynchronousTestCase):
    """Runs what never waits."""

    def run_now(self, coroutine: Any) -> Any:
        """Return the result of a coroutine."""
        done: Any = Deferred.fromCoroutine(coroutine)
        return self.successResultOf(done)

    def refused(self, coroutine: Any, kind: type) -> Exception:
        """Return what a coroutine raised, of this very kind."""
        done: Any = Deferred.fromCoroutine(coroutine)
        error: Exception = self.failureResultOf(done, kind).value
        return error

    def inbox(self, account: MemoryAccount) -> list[bytes]:
        """Return the messages of an account's INBOX."""
        found: list[bytes] = self.run_now(_inbox(account))
        return found

    def send(
        self,
        world: World,
        content: bytes,
        *recipients: Address,
        sender: Address | None = None,
        origin: Origin | None = None,
        piece: int = 7,
    ) -> Any:
        """Hand a message in, in small pieces; return the verdicts."""
        return self.run_now(send(world, content, recipients, sender, origin, piece))


async def _inbox(account: MemoryAccount, name: str = "INBOX") -> list[bytes]:
    mailbox = await account.open(MailboxName(name))
    listing = (await mailbox.changes(0)).listing
    return [(await mailbox.open_content(uid)).octets for uid in listing.uids]


async def send(
    world: World,
    content: bytes,
    recipients: Sequence[Address],
    sender: Address | None = None,
    origin: Origin | None = None,
    piece: int = 7,
) -> Any:
    """Hand a message in, in small pieces; return the verdicts."""
    transaction = await world.receiver.begin(
        origin or world.origin(), ReversePath(sender)
    )
    for recipient in recipients:
        await transaction.recipient(ForwardPath(recipient))
    for start in range(0, len(content), piece):
        waiting = transaction.write(content[start : start + piece])
        if waiting is not None:
            await waiting
    return await transaction.finish()


def limits(**changes: int) -> SMTPLimits:
    """Return limits that differ from the defaults in something."""
    return SMTPLimits(**changes)
