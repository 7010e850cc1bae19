"""Tests of :mod:`mailframe.sasl.mechanisms`."""

from types import SimpleNamespace
from typing import Any

from twisted.cred.checkers import AllowAnonymousAccess
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse as InMemory
from twisted.cred.credentials import ICredentials
from twisted.cred.portal import Portal
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax
from mailframe.interfaces.connection import TLSInfo
from mailframe.sasl import exchange
from mailframe.sasl.exchange import Exchange
from mailframe.sasl.mechanisms import MECHANISMS, offered, served
from mailframe.sasl.plain import Plain


def connection(tls: bool = False, trusted: bool = False) -> Any:
    """Return as much of a connection as is looked at."""
    return SimpleNamespace(
        tls=TLSInfo("TLSv1.3", "any", 256) if tls else None, trusted=trusted
    )


class FakeChecker:
    """Serves ``ICredentials``, and so all that extend it."""

    credentialInterfaces = (ICredentials,)

    def requestAvatarId(self, credentials: Any) -> bytes:
        return b""


def portal(*checkers: Any) -> Any:
    """Return a portal with these checkers."""
    realm: Any = None
    return Portal(realm, checkers)


class OfferedTests(SynchronousTestCase):
    """A mechanism is offered only if it can work, and its secret is safe."""

    def test_protected(self) -> None:
        """With TLS or on a trusted connection passwords may be sent."""
        for one in (connection(tls=True), connection(trusted=True)):
            self.assertEqual(offered(portal(InMemory()), one), ("PLAIN", "LOGIN"))

    def test_bare(self) -> None:
        """Without either there is nothing; but it is known what TLS would bring."""
        self.assertEqual(offered(portal(InMemory()), connection()), ())
        self.assertEqual(served(portal(InMemory())), ("PLAIN", "LOGIN"))

    def test_nobody_serves(self) -> None:
        """A portal without a checker for passwords offers no password mechanism."""
        for one in (portal(), portal(AllowAnonymousAccess())):
            self.assertEqual(offered(one, connection(trusted=True)), ())

    def test_base_interface(self) -> None:
        """A checker for a base interface serves what extends it, as the portal does."""
        self.assertEqual(served(portal(FakeChecker())), ("PLAIN", "LOGIN"))

    def test_all_can_begin(self) -> None:
        """Every mechanism in the list can be named, and begins."""
        for mechanism in MECHANISMS:
            self.assertIsInstance(Exchange(mechanism.name).begin(), bytes)

    def test_initial_response_refused(self) -> None:
        """A mechanism in which the server speaks first takes no initial response.

        Source: RFC 4959 section 3.
        """

        class ServerFirst(Plain):
            name = "X-SERVER-FIRST"
            takes_initial_response = False

        self.patch(exchange, "MECHANISMS", (ServerFirst,))
        self.assertRaises(BadSyntax, Exchange("X-SERVER-FIRST").begin, b"AAAA")
