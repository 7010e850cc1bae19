"""Tests of :mod:`mailframe.auth.directory_checker`."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.account_name import AccountName
from mailframe.auth.directory_checker import DirectoryChecker
from mailframe.interfaces.auth import UserEntry


class Everybody(DirectoryChecker):
    """Knows every address."""

    async def look_up(self, name: AccountName) -> UserEntry | None:
        """Return it."""
        return UserEntry(name.user)


class FindTests(SynchronousTestCase):
    """What a service is asked for."""

    def find(self, address: str) -> UserEntry | None:
        """Look an address up."""
        checker = Everybody("Example.ORG", Clock().seconds)
        return self.successResultOf(Deferred.fromCoroutine(checker.find(address)))

    def test_default_domain(self) -> None:
        """A name without a domain is one of the default domain."""
        self.assertEqual(self.find("alice"), UserEntry("alice@example.org"))

    def test_too_long(self) -> None:
        """Nobody has a name that is too long, however its domain is spelt."""
        label = ("漢" * 40).encode("idna").decode()
        self.assertEqual(self.find(f"a@{label}"), UserEntry(f"a@{'漢' * 40}"))
        self.assertIsNone(self.find("a@" + ".".join([label] * 4)))
