"""Tests of :mod:`mailframe.auth.chain`: what is not a password."""

from typing import Any

from twisted.cred.credentials import (
    IAnonymous,
    ICredentials,
    IUsernameHashedPassword,
    IUsernamePassword,
)
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailframe.auth.chain import CheckerChain
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.credentials import (
    IBearerToken,
    IKerberosName,
    IScramKeySource,
    IScramSHA1,
    IScramSHA256,
    ISecurityContextSource,
    ISelectiveChecker,
)
from mailframe.model.scram_keys import ScramKeys

SCRAM = (IUsernamePassword, IScramSHA256)


class Plain:
    """Names what it serves, and can be asked nothing."""

    def __init__(self, *interfaces: Any) -> None:
        self.credentialInterfaces = interfaces


@implementer(IScramKeySource, ISelectiveChecker)
class Source(Plain):
    """Has keys of one user, and of nobody."""

    def __init__(self, user: bytes, *interfaces: Any, serving: bool = True) -> None:
        super().__init__(*interfaces)
        self.user = user
        self.serving = serving
        self.unsure = False

    def serves(self, interface: Any) -> bool:
        return self.serving or interface is IUsernamePassword

    async def scram_keys(self, username: bytes, digest: str) -> ScramKeys:
        if self.unsure:
            raise TemporaryFailure("away")
        known = username == self.user
        return ScramKeys(digest, 4096, self.user, b"", b"", known=known)


@implementer(ISecurityContextSource)
class Contexts(Plain):
    """Has security contexts."""

    async def security_context(self) -> Any:
        return "context"


class ChainTests(SynchronousTestCase):
    """Several checkers are asked as one."""

    def keys(self, name: bytes, *checkers: Any) -> Deferred[Any]:
        """Ask a chain for keys."""
        chain = CheckerChain(checkers, "example.org")
        return Deferred.fromCoroutine(chain.scram_keys(name, "sha256"))

    def test_interfaces(self) -> None:
        """It provides what it says."""
        chain = CheckerChain([], "example.org")
        for interface in (ISelectiveChecker, IScramKeySource, ISecurityContextSource):
            verifyObject(interface, chain)

    def test_serves(self) -> None:
        """Another way to show a password is there if it is for all passwords."""
        scram, other = Source(b"a", *SCRAM), Source(b"b", *SCRAM)
        for checkers, interface, served in (
            ((scram,), IScramSHA256, True),
            ((scram, other), IScramSHA256, True),
            ((scram,), IScramSHA1, False),
            ((scram, Plain(IUsernamePassword)), IScramSHA256, False),
            ((scram, Plain(IBearerToken)), IScramSHA256, True),
            ((scram, Plain(IBearerToken)), IBearerToken, True),
            ((scram, Source(b"b", *SCRAM, serving=False)), IScramSHA256, False),
            ((Plain(*SCRAM),), IScramSHA256, False),
            ((scram, Plain(IUsernamePassword)), IUsernamePassword, True),
            ((Plain(IUsernamePassword),), IUsernameHashedPassword, False),
            ((Plain(ICredentials),), IAnonymous, True),
            ((Contexts(IKerberosName),), IKerberosName, True),
            ((Plain(IKerberosName),), IKerberosName, False),
            ((), IUsernamePassword, False),
        ):
            chain = CheckerChain(checkers, "example.org")  # type: ignore[arg-type]
            self.assertEqual(chain.serves(interface), served)

    def test_keys(self) -> None:
        """Whoever knows the user has the keys; of nobody, the first has some."""
        checkers = (Plain(IBearerToken), Source(b"a", *SCRAM), Source(b"b", *SCRAM))
        for name, salt, known in (
            (b"a", b"a", True),
            (b"b", b"b", True),
            (b"c", b"a", False),
        ):
            found = self.successResultOf(self.keys(name, *checkers))
            self.assertEqual((found.salt, found.known), (salt, known))

    def test_unsure(self) -> None:
        """One that cannot tell makes nobody unknown, and hides nobody."""
        checkers = (Source(b"a", *SCRAM), Source(b"b", *SCRAM))
        checkers[0].unsure = True
        self.assertTrue(self.successResultOf(self.keys(b"b", *checkers)).known)
        self.failureResultOf(self.keys(b"c", *checkers), TemporaryFailure)
        self.failureResultOf(self.keys(b"c"), TemporaryFailure)

    def test_security_context(self) -> None:
        """The first that has them begins."""
        chain = CheckerChain(
            [Plain(IKerberosName), Contexts(IKerberosName)], "example.org"
        )
        found = Deferred.fromCoroutine(chain.security_context())
        self.assertEqual(self.successResultOf(found), "context")
        found = Deferred.fromCoroutine(
            CheckerChain([], "example.org").security_context()
        )
        self.failureResultOf(found, TemporaryFailure)
