"""Tests of :mod:`mailframe.sasl.mechanisms`."""

from typing import Any

from twisted.cred.checkers import AllowAnonymousAccess
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse as InMemory
from twisted.cred.credentials import ICredentials, IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mailframe.errors import BadSyntax
from mailframe.interfaces.credentials import IScramSHA256, ISelectiveChecker
from mailframe.sasl import exchange
from mailframe.sasl.exchange import Exchange
from mailframe.sasl.mechanisms import MECHANISMS, offered, served, source_for
from mailframe.sasl.plain import Plain
from mailframe.sasl.scram_sha_256 import ScramSHA256
from mailframe.testing.transcript import FakeConnection
from tests.sasl.world import Checker, connection, portal


class FakeChecker:
    """Serves ``ICredentials``, and so all that extend it."""

    credentialInterfaces = (ICredentials,)

    def requestAvatarId(self, credentials: Any) -> bytes:
        return b""


@implementer(ISelectiveChecker)
class Selective(Checker):
    """Serves passwords, and proofs by SHA-256."""

    def serves(self, interface: Any) -> bool:
        return interface in (IUsernamePassword, IScramSHA256)


PASSWORDS = ("PLAIN", "LOGIN", "CRAM-MD5")


class OfferedTests(SynchronousTestCase):
    """A mechanism is offered only if it can work, and its secret is safe."""

    def test_protected(self) -> None:
        """With TLS or on a trusted connection passwords may be sent."""
        for one in (connection(), FakeConnection(trusted=True)):
            self.assertEqual(offered(portal(InMemory()), one), PASSWORDS)

    def test_bare(self) -> None:
        """Without either there is nothing; but it is known what TLS would bring."""
        bare = FakeConnection()
        self.assertEqual(offered(portal(InMemory()), bare), ())
        self.assertEqual(served(portal(InMemory())), PASSWORDS)

    def test_everything(self) -> None:
        """A checker for all of it brings all of it, best first."""
        self.assertEqual(
            offered(portal(), connection(subject="alice")),
            tuple(one.name for one in MECHANISMS),
        )

    def test_everything_bare(self) -> None:
        """Without TLS only what shows no secret is left, and nothing is bound."""
        self.assertEqual(
            offered(portal(), FakeConnection()),
            ("GSSAPI", "SCRAM-SHA-256", "SCRAM-SHA-1", "ANONYMOUS"),
        )

    def test_binding(self) -> None:
        """-PLUS needs a session with something to bind to."""
        carrier = connection()
        self.assertIn("SCRAM-SHA-256-PLUS", offered(portal(), carrier))
        carrier.bindings.clear()
        self.assertNotIn("SCRAM-SHA-256-PLUS", offered(portal(), carrier))

    def test_certificate(self) -> None:
        """EXTERNAL needs a certificate with a name in it."""
        self.assertNotIn("EXTERNAL", offered(portal(), connection()))
        self.assertNotIn("EXTERNAL", offered(portal(), connection(subject="")))

    def test_selective(self) -> None:
        """A checker may serve some of its interfaces only."""
        self.assertEqual(
            offered(portal(Selective()), FakeConnection(trusted=True)),
            ("SCRAM-SHA-256", "PLAIN", "LOGIN"),
        )

    def test_nobody_serves(self) -> None:
        """A portal without a checker for passwords offers no password mechanism."""
        trusted = FakeConnection(trusted=True)
        self.assertEqual(offered(Portal(None), trusted), ())  # type: ignore[arg-type]
        found = offered(portal(AllowAnonymousAccess()), trusted)
        self.assertEqual(found, ("ANONYMOUS",))

    def test_base_interface(self) -> None:
        """A checker for a base interface serves what extends it, as the portal does.

        Not what asks a checker first, though, for it cannot be asked.
        """
        self.assertEqual(
            served(portal(FakeChecker())),
            ("EXTERNAL", "OAUTHBEARER", "XOAUTH2", *PASSWORDS, "ANONYMOUS"),
        )

    def test_portal_without_checkers(self) -> None:
        """A portal that shows no checkers serves what asks them nothing."""

        class Door:
            def listCredentialsInterfaces(self) -> list[Any]:
                return [IUsernamePassword, IScramSHA256]

        door: Any = Door()
        self.assertEqual(served(door), ("PLAIN", "LOGIN"))
        self.assertRaises(UnauthorizedLogin, source_for, door, ScramSHA256)

    def test_all_can_begin(self) -> None:
        """Every mechanism in the list can be named, and begins."""
        for mechanism in MECHANISMS:
            exchange = Exchange(mechanism.name, connection=connection())
            self.assertIsInstance(exchange.begin(), bytes)

    def test_initial_response_refused(self) -> None:
        """A mechanism in which the server speaks first takes no initial response.

        Source: RFC 4959 section 3.
        """

        class ServerFirst(Plain):
            name = "X-SERVER-FIRST"
            takes_initial_response = False

        self.patch(exchange, "MECHANISMS", (ServerFirst,))
        self.assertRaises(BadSyntax, Exchange("X-SERVER-FIRST").begin, b"AAAA")
