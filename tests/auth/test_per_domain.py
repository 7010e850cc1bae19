"""Tests of :mod:`mailframe.auth.per_domain`."""

from typing import Any

from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mailframe.auth.chain import CheckerChain
from mailframe.auth.per_domain import DirectoryPerDomain, PerDomain
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import UserEntry
from mailframe.interfaces.credentials import (
    BearerToken,
    IBearerToken,
    IKerberosName,
    IScramKeySource,
    IScramSHA256,
    ISecurityContextSource,
    ISelectiveChecker,
)
from mailframe.model.secret import Secret
from tests.auth.at_once import LoginCase
from tests.auth.doubles import Backend, Directory
from tests.auth.test_chain_challenges import SCRAM, Contexts, Plain, Source


def chain(*checkers: Any, domain: str = "example.org") -> CheckerChain:
    """Return the checkers of a domain."""
    return CheckerChain(checkers, domain)


class PerDomainTests(LoginCase):
    """A name is checked by the checkers of its domain."""

    def setUp(self) -> None:
        super().setUp()
        self.one = Backend({"u": "1", "u@a.example": "1", "u@A.example": "1"})
        self.two = Backend({"u@bücher.example": "2", "u@a.example": "2"})
        self.rest = Backend({"u": "3", "u@c.example": "3"})
        self.checker = PerDomain(
            {
                "A.example": chain(self.one, domain="a.example"),
                "xn--bcher-kva.example": chain(self.two, domain="x"),
            },
            "example.org",
            chain(self.rest),
        )

    def test_routes(self) -> None:
        """By the domain, in whatever spelling; without one, by the default."""
        self.assert_in("u@a.example", "1", b"u@a.example")
        self.assert_in("u@A.example", "1", b"u@a.example")
        self.assert_in("u@bücher.example", "2", "u@bücher.example".encode())
        self.assert_in("u@c.example", "3", b"u@c.example")
        self.assert_in("u", "3", b"u@example.org")
        self.assert_out("u", "1")
        self.assert_out("u@a.example", "2")

    def test_default_domain_of_its_own(self) -> None:
        """The default domain can be one with checkers of its own."""
        self.checker = PerDomain(
            {"a.example": chain(self.one, domain="a.example")}, "a.example"
        )
        self.assert_in("u", "1", b"u@a.example")

    def test_no_rest(self) -> None:
        """Nobody is let in in a domain without checkers."""
        self.checker = PerDomain({"a.example": chain(self.one)}, "example.org")
        self.assert_out("u@c.example", "3")
        self.assert_out("u", "3")
        self.assertEqual(self.one.asked, [])

    def test_unsure(self) -> None:
        """A domain whose backend is away, and the others are not concerned."""
        self.one.away = True
        self.assert_unsure("u@a.example", "1")
        self.assert_in("u@c.example", "3", b"u@c.example")

    def test_only_its_own(self) -> None:
        """Nobody's checker lets in users of another domain."""
        self.patch(self.two, "requestAvatarId", lambda credentials: b"u@a.example")
        self.assert_out("u@bücher.example", "2")

    def test_without_a_name(self) -> None:
        """What has no name is shown to all, and each answers for its domain."""
        for answers, found in (
            ((b"u@b.example", b"u@c.example"), b"u@c.example"),
            ((b"u@a.example", b"u@c.example"), b"u@a.example"),
            ((TemporaryFailure(), b"u@c.example"), b"u@c.example"),
            ((TemporaryFailure(), UnauthorizedLogin()), TemporaryFailure),
            ((UnauthorizedLogin(), UnauthorizedLogin()), UnauthorizedLogin),
        ):
            tokens = [Answering(answer) for answer in answers]
            checker = PerDomain(
                {"a.example": chain(tokens[0])}, "example.org", chain(tokens[1])
            )
            asked = checker.requestAvatarId(BearerToken(Secret(b"t")))
            if isinstance(found, bytes):
                self.assertEqual(self.successResultOf(asked), found)
            else:
                self.failureResultOf(asked, found)


class Answering:
    """Answers always the same to a token."""

    credentialInterfaces = (IBearerToken,)

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def requestAvatarId(self, credentials: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class ChallengeTests(SynchronousTestCase):
    """Mechanisms that ask before the login."""

    def test_interfaces(self) -> None:
        """It provides what it says."""
        checker = PerDomain({"a.example": chain()}, "example.org")
        for interface in (ISelectiveChecker, IScramKeySource, ISecurityContextSource):
            verifyObject(interface, checker)
        self.assertFalse(PerDomain({}, "example.org").serves(IUsernamePassword))

    def test_serves(self) -> None:
        """Offered is what works for the users of every domain."""
        scram, plain = chain(Source(b"a", *SCRAM)), chain(Plain(IUsernamePassword))
        for rest, served in ((plain, False), (scram, True), (None, True)):
            checker = PerDomain({"a.example": scram}, "example.org", rest)
            self.assertEqual(checker.serves(IScramSHA256), served)
            self.assertTrue(checker.serves(IUsernamePassword))

    def test_keys(self) -> None:
        """The domain's checkers have the keys; of no domain, the first's."""
        checker = PerDomain(
            {
                "a.example": chain(Source(b"u@a.example", *SCRAM)),
                "b.example": chain(Source(b"u@b.example", *SCRAM)),
            },
            "example.org",
        )
        for name, salt, known in (
            (b"u@a.example", b"u@a.example", True),
            (b"u@b.example", b"u@b.example", True),
            (b"x@b.example", b"u@b.example", False),
            (b"u@c.example", b"u@a.example", False),
        ):
            found = Deferred.fromCoroutine(checker.scram_keys(name, "sha256"))
            keys = self.successResultOf(found)
            self.assertEqual((keys.salt, keys.known), (salt, known))

    def test_security_context(self) -> None:
        """The first that has them begins."""
        some = chain(Contexts(IKerberosName))
        for domains, served in (
            ({"a.example": chain(), "b.example": some}, True),
            ({"a.example": chain()}, False),
        ):
            checker = PerDomain(domains, "example.org")
            found = Deferred.fromCoroutine(checker.security_context())
            if served:
                self.assertEqual(self.successResultOf(found), "context")
            else:
                self.failureResultOf(found, TemporaryFailure)


class DirectoryTests(SynchronousTestCase):
    """An address is looked up where its domain is."""

    def test_find(self) -> None:
        """By the domain; in one nobody knows, there is nobody."""
        one = Directory(UserEntry("u@a.example"), UserEntry("u@b.example"))
        rest = Directory(UserEntry("u@c.example"), UserEntry("u@a.example", quota=1))
        directory = DirectoryPerDomain({"A.example": one, "d.example": None}, rest)
        for address, found in (
            ("u@a.example", UserEntry("u@a.example")),
            ("u@b.example", None),
            ("u@c.example", UserEntry("u@c.example")),
            ("u@d.example", None),
        ):
            entry = Deferred.fromCoroutine(directory.find(address))
            self.assertEqual(self.successResultOf(entry), found)
        one.away = True
        away = Deferred.fromCoroutine(directory.find("u@a.example"))
        self.failureResultOf(away, TemporaryFailure)
