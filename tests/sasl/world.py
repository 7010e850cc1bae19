"""A portal for every mechanism: one user, and what each mechanism needs of it."""

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.cred.credentials import (
    IAnonymous,
    IUsernameHashedPassword,
    IUsernamePassword,
)
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailframe.interfaces.auth import ICredentialsChecker, ILoginPortal
from mailframe.interfaces.connection import TLSInfo
from mailframe.interfaces.credentials import (
    IBearerToken,
    IClientCertificate,
    IKerberosName,
    IScramKeySource,
    IScramSHA1,
    IScramSHA256,
    ISecurityContext,
    ISecurityContextSource,
)
from mailframe.model.scram_keys import ScramKeys, derived
from mailframe.sasl.exchange import Exchange
from mailframe.sasl.mechanism import Question, Success
from mailframe.testing.transcript import FakeConnection

NAME = b"alice@example.org"
PASSWORD = "p\u00e4 ss,w=rd".encode()
TOKEN = b"vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="

Answer = bytes | Success | None


def connection(tls: bool = True, subject: str | None = None) -> FakeConnection:
    """Return a connection, with something to bind to if it has TLS."""
    info = TLSInfo("TLSv1.3", "any", 256, client_subject=subject)
    made = FakeConnection(tls=info if tls else None)
    if tls:
        made.bindings = {"tls-exporter": b"E" * 32, "tls-server-end-point": b"S" * 32}
    return made


@implementer(ISecurityContext)
class Context:
    """A security context whose tokens are plain words."""

    def __init__(self) -> None:
        self.complete = False
        self.initiator = "alice@EXAMPLE.ORG"

    async def step(self, token: bytes) -> bytes:
        """Want ``first``, then ``second``."""
        if token == b"first":
            return b"go on"
        if token != b"second":
            raise UnauthorizedLogin("not a token")
        self.complete = True
        return b"last"

    def wrap(self, message: bytes) -> bytes:
        """Put brackets round it."""
        return b"[" + message + b"]"

    def unwrap(self, message: bytes) -> bytes:
        """Take the brackets off."""
        if not (message.startswith(b"[") and message.endswith(b"]")):
            raise UnauthorizedLogin("not wrapped")
        return message[1:-1]


@implementer(ICredentialsChecker, IScramKeySource, ISecurityContextSource)
class Checker:
    """Knows alice."""

    credentialInterfaces = (
        IUsernamePassword,
        IUsernameHashedPassword,
        IScramSHA1,
        IScramSHA256,
        IBearerToken,
        IClientCertificate,
        IKerberosName,
        IAnonymous,
    )

    def __init__(self, password: bytes = PASSWORD, salt: bytes = b"salt" * 4) -> None:
        self.password = password
        self.salt = salt
        self.asked: list[Any] = []
        self.waiting: Deferred[None] | None = None

    async def scram_keys(self, username: bytes, digest: str) -> ScramKeys:
        """Return alice's keys, also for others, which they do not fit."""
        if self.waiting is not None:
            await self.waiting
        keys = derived(self.password, self.salt, 4096, digest).keys
        if username == NAME:
            return keys
        return ScramKeys(digest, 4096, self.salt, b"?" * 32, b"?" * 32, known=False)

    async def security_context(self) -> Context:
        """Begin."""
        return Context()

    def requestAvatarId(self, credentials: Any) -> Any:
        """Let alice in."""
        self.asked.append(credentials)
        return Deferred.fromCoroutine(self._check(credentials))

    async def _check(self, credentials: Any) -> bytes:
        if await self._is_alice(credentials):
            return NAME
        raise UnauthorizedLogin("not alice")

    async def _is_alice(self, one: Any) -> Any:
        if IUsernamePassword.providedBy(one):
            return (one.username, one.password) == (NAME, self.password)
        if IUsernameHashedPassword.providedBy(one):
            return one.username == NAME and one.checkPassword(self.password)
        if IBearerToken.providedBy(one):
            return one.token.reveal() == TOKEN
        if IClientCertificate.providedBy(one):
            return one.subject == "alice" and one.username in (None, NAME)
        if IKerberosName.providedBy(one):
            return one.principal == "alice@EXAMPLE.ORG"
        if IAnonymous.providedBy(one):
            return False
        return one.proven_by(await self.scram_keys(one.username, one.digest))


def portal(*checkers: Any) -> Any:
    """Return a portal with these checkers; without any, with one that does all."""
    realm: Any = None
    return Portal(realm, checkers or (Checker(),))


def settled(awaitable: Awaitable[Any]) -> Any:
    """Return what comes of something that does not wait; raise what it raises."""

    async def wait() -> Any:
        return await awaitable

    outcome: list[Any] = []
    Deferred.fromCoroutine(wait()).addBoth(outcome.append)
    assert outcome, "it waits"
    if hasattr(outcome[0], "raiseException"):
        outcome[0].raiseException()
    return outcome[0]


class Dialogue:
    """An exchange, its questions asked at once."""

    def __init__(
        self, name: str, door: ILoginPortal, carrier: FakeConnection | None = None
    ) -> None:
        self.exchange = Exchange(name, connection=carrier or connection())
        self._door = door

    def begin(self, initial: bytes | None = None) -> bytes | Success:
        """Begin, with an initial response in base64."""
        return self._asked(lambda: self.exchange.begin(initial))

    def feed(self, line: bytes) -> bytes | Success:
        """Go on."""
        return self._asked(lambda: self.exchange.feed(line))

    def _asked(self, turn: Callable[[], bytes | Success | Question]) -> bytes | Success:
        answer = turn()
        if isinstance(answer, Question):
            found: bytes | Success = settled(self.exchange.ask(answer, self._door))
            return found
        return answer


def let_in(door: Any, success: Success) -> bool:
    """Tell whether the portal's checker takes these credentials."""
    for interface, checker in door.checkers.items():
        if interface.providedBy(success.credentials):
            try:
                settled(checker.requestAvatarId(success.credentials))
            except UnauthorizedLogin:
                return False
            return True
    raise AssertionError("nobody takes them")
