"""Tests of :mod:`mailframe.auth.networks`."""

from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.networks import NetworkGuard, NetworkRule, Networks, rule_of
from mailframe.auth.refusal import RefusedLogin
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import UserEntry
from tests.auth.doubles import Directory, mind


class NetworksTests(SynchronousTestCase):
    """Which addresses are in which networks."""

    def test_contain(self) -> None:
        """Addresses of both kinds, and what is none."""
        networks = Networks(["192.0.2.0/24", "2001:db8::/32", "203.0.113.7"])
        for address, inside in (
            ("192.0.2.255", True),
            ("192.0.3.0", False),
            ("::ffff:192.0.2.1", True),
            ("2001:db8::1", True),
            ("2001:db8::1%eth0", True),
            ("2001:db9::1", False),
            ("203.0.113.7", True),
            ("203.0.113.8", False),
            ("mail.example", False),
            ("", False),
        ):
            self.assertEqual(networks.contain(address), inside, address)

    def test_bad(self) -> None:
        """What is no network is named."""
        for text in ("192.0.2.1/24", "example.org", "", "1.2.3.4/33"):
            with self.assertRaises(ValueError) as caught:
                Networks([text])
            self.assertIn(repr(text), str(caught.exception))


class RuleTests(SynchronousTestCase):
    """What one rule lets through."""

    def assert_reason(self, rule: NetworkRule, where: object, reason: str) -> None:
        """Make sure a login is refused for this reason."""
        with self.assertRaises(RefusedLogin) as caught:
            rule.check(where)  # type: ignore[arg-type]
        self.assertEqual(caught.exception.reason, reason)

    def test_allow_and_deny(self) -> None:
        """Only from what is allowed, and not from what of it is denied."""
        rule = NetworkRule(Networks(["192.0.2.0/24"]), Networks(["192.0.2.128/25"]))
        rule.check(mind(address="192.0.2.1"))
        self.assert_reason(rule, mind(address="192.0.2.129"), "network")
        self.assert_reason(rule, mind(address="198.51.100.1"), "network")
        self.assert_reason(rule, mind(address="no address"), "network")

    def test_deny_only(self) -> None:
        """From everywhere else."""
        rule = NetworkRule(deny=Networks(["192.0.2.0/24"]))
        rule.check(mind(address="198.51.100.1"))
        self.assert_reason(rule, mind(), "network")

    def test_local(self) -> None:
        """A Unix socket is in no network, and kept out by none."""
        rule = NetworkRule(Networks(["192.0.2.0/24"]))
        rule.check(mind(address=None))
        rule.check(None)

    def test_services(self) -> None:
        """Only the services that are named, wherever from."""
        rule = NetworkRule(services=frozenset({"imap"}))
        rule.check(mind("imap"))
        self.assert_reason(rule, mind("pop3"), "service")
        self.assert_reason(rule, mind("pop3", None), "service")

    def test_of_a_source(self) -> None:
        """A source writes lists with commas or blanks."""
        rule = rule_of(
            {
                "allow_nets": "192.0.2.0/24,local, 2001:db8::/32",
                "deny_nets": "192.0.2.7",
                "services": "imap pop3",
            }
        )
        rule.check(mind("imap", "2001:db8::5"))
        self.assert_reason(rule, mind("imap", "192.0.2.7"), "network")
        self.assert_reason(rule, mind("submission"), "service")

    def test_allowed_from_nowhere(self) -> None:
        """An empty list is not the same as none."""
        for text in ("", "local", " , "):
            rule = rule_of({"allow_nets": text})
            rule.check(mind(address=None))
            self.assert_reason(rule, mind(), "network")


class GuardTests(SynchronousTestCase):
    """Rules of services, of the configuration for users, and of directories."""

    def check(self, guard: NetworkGuard, address: str, where: object) -> Deferred[None]:
        """Ask for a user."""
        return Deferred.fromCoroutine(
            guard.check_user(address, where)  # type: ignore[arg-type]
        )

    def test_services(self) -> None:
        """Each service has its rule; those without one are open."""
        guard = NetworkGuard(
            {"submission": NetworkRule(Networks(["192.0.2.0/24"]))}, {}
        )
        guard.check_service(mind("submission"))
        guard.check_service(mind("imap", "198.51.100.1"))
        guard.check_service(None)
        with self.assertRaises(RefusedLogin):
            guard.check_service(mind("submission", "198.51.100.1"))

    def test_users(self) -> None:
        """A user's rule holds whatever the case of the address."""
        guard = NetworkGuard(
            {}, {"Alice@Example.org": NetworkRule(services=frozenset({"imap"}))}
        )
        self.successResultOf(self.check(guard, "bob@example.org", mind("pop3")))
        self.successResultOf(self.check(guard, "alice@example.org", mind("imap")))
        self.failureResultOf(
            self.check(guard, "alice@example.org", mind("pop3")), UnauthorizedLogin
        )

    def test_directory(self) -> None:
        """What the directory says holds, too; of nobody it says nothing."""
        directory = Directory(
            UserEntry("a@b.example", extra={"allow_nets": "192.0.2.0/24"}),
            UserEntry("c@b.example", extra={"nologin": "yes"}),
            UserEntry("d@b.example", extra={"nologin": ""}),
            UserEntry("e@b.example", extra={"nologin": "no"}),
            UserEntry("f@b.example", extra={"deny_nets": "rubbish"}),
        )
        guard = NetworkGuard({}, {}, directory)
        away = mind(address="198.51.100.1")
        for address, where, reason in (
            ("a@b.example", mind(), None),
            ("a@b.example", away, "network"),
            ("c@b.example", mind(), "closed"),
            ("c@b.example", None, "closed"),
            ("d@b.example", mind(), "closed"),
            ("e@b.example", mind(), None),
            ("f@b.example", mind(), "network"),
            ("x@b.example", away, None),
        ):
            found = self.check(guard, address, where)
            if reason is None:
                self.successResultOf(found)
            else:
                error = self.failureResultOf(found, RefusedLogin).value
                self.assertEqual(error.reason, reason, address)

    def test_directory_away(self) -> None:
        """While it cannot be asked, nobody is let in past it, and nobody refused."""
        directory = Directory()
        directory.away = True
        guard = NetworkGuard({}, {}, directory)
        self.failureResultOf(self.check(guard, "a@b", mind()), TemporaryFailure)
