"""Quotas of a directory reach accounts."""

from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailframe.auth.granting import FRESH, GrantingRealm, accounts_of
from mailframe.errors import NoSuchUser, TemporaryFailure
from mailframe.interfaces.auth import IAwaitedRealm, IUserDirectory, UserEntry
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.storage.memory_realm import MemoryRealm


@implementer(IUserDirectory)
class Directory:
    """Says one thing, or has trouble."""

    quota: int | None = 1000
    away = False
    asked = 0

    async def find(self, address: str) -> UserEntry | None:
        """Say it."""
        self.asked += 1
        if self.away:
            raise TemporaryFailure("away")
        return UserEntry(address, quota=self.quota)


class GrantingTests(SynchronousTestCase):
    """An account keeps to what its user is granted."""

    def setUp(self) -> None:
        """Make a realm."""
        self.now = 0.0
        self.directory = Directory()
        self.inner: Any = MemoryRealm(lambda: 0.0, lambda call: call())
        self.realm = GrantingRealm(self.inner, self.directory, lambda: self.now)

    def account(self) -> Any:
        """Log in."""
        found: Deferred[Any] = self.realm.requestAvatar(b"a@x", None, IMailAccount)
        interface, account, _ = self.successResultOf(found)
        self.assertIs(interface, IMailAccount)
        return account

    def test_granted(self) -> None:
        """The quota is told, and told anew when it may have changed."""
        self.assertEqual(self.account().granted, 1000)
        self.directory.quota = None
        self.assertEqual(self.account().granted, 1000)
        self.assertEqual(self.directory.asked, 1)
        self.now += FRESH
        self.assertIsNone(self.account().granted)

    def test_away(self) -> None:
        """A directory that is away keeps nobody out, and changes nothing."""
        self.account()
        self.now += FRESH
        self.directory.away = True
        self.assertEqual(self.account().granted, 1000)
        self.directory.away = False
        self.directory.quota = 5
        self.assertEqual(self.account().granted, 5)

    def test_delivery(self) -> None:
        """Deliveries get the same accounts, and what they hold is told as well."""
        verifyObject(IAwaitedRealm, self.realm)
        for _ in "12":
            found = Deferred.fromCoroutine(self.realm.account("a@x"))
            account = self.successResultOf(found)
            self.assertEqual(account.granted, 1000)
        self.assertIs(account, self.account())
        self.assertEqual(self.directory.asked, 1)

    def test_other_realms(self) -> None:
        """A realm that knows of no such thing is asked as for a login."""

        async def asked() -> Any:
            return await accounts_of(self.inner)("a@x")

        found = self.successResultOf(Deferred.fromCoroutine(asked()))
        self.assertEqual(found.address, "a@x")

    def test_refusal(self) -> None:
        """What the realm refuses is refused."""
        self.patch(
            self.inner, "requestAvatar", lambda *ignored: fail(NoSuchUser("none"))
        )
        found: Deferred[Any] = self.realm.requestAvatar(b"a@x", None, IMailAccount)
        self.failureResultOf(found, NoSuchUser)
