"""Tests of :mod:`mailframe.auth.chain`."""

from typing import Any

from twisted.cred.credentials import IAnonymous, IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import CancelledError, Deferred, execute, succeed
from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth import trouble
from mailframe.auth.chain import CheckerChain, DirectoryChain, chained
from mailframe.auth.refusal import RefusedLogin
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import UserEntry


class FakeChecker:
    """Gives or raises what it is told to, at once or in a Deferred."""

    def __init__(self, answer: Any, *, interface: Any = IUsernamePassword) -> None:
        self.credentialInterfaces = (interface,)
        self.answer = answer
        self.asked = 0

    def requestAvatarId(self, credentials: Any) -> Any:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class FakeDirectory:
    """Says of everybody the same."""

    def __init__(self, answer: UserEntry | Exception | None) -> None:
        self.answer = answer

    async def find(self, address: str) -> UserEntry | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def fails(error: Exception) -> Deferred[Any]:
    """Return a Deferred that has failed."""

    def fail() -> None:
        raise error

    return execute(fail)


class CheckerChainTests(SynchronousTestCase):
    """One checker that knows the password is enough."""

    def ask(self, *checkers: Any) -> Deferred[Any]:
        """Ask the chain of these checkers."""
        chain = CheckerChain(checkers, "example.org")
        return chain.requestAvatarId(UsernamePassword(b"alice", b"secret"))

    def test_interfaces(self) -> None:
        """The chain serves what one of its checkers serves, each once."""
        chain = CheckerChain(
            [
                FakeChecker(b"a"),
                FakeChecker(b"b", interface=IAnonymous),
                FakeChecker(b"c"),
            ],
            "example.org",
        )
        self.assertEqual(chain.credentialInterfaces, (IUsernamePassword, IAnonymous))

    def test_canonical(self) -> None:
        """The avatar ID is an address with the domain in lower case."""
        for answer, avatar_id in (
            (b"alice", b"alice@example.org"),
            ("Alice@Example.NET", b"Alice@example.net"),
            (succeed("jürgen"), "jürgen@example.org".encode()),
        ):
            found = self.successResultOf(self.ask(FakeChecker(answer)))
            self.assertEqual(found, avatar_id)

    def test_first_that_knows(self) -> None:
        """A refusal passes on to the next; who was not needed is not asked."""
        last = FakeChecker(b"last")
        for refusal in (UnauthorizedLogin(), fails(UnauthorizedLogin())):
            found = self.ask(FakeChecker(refusal), FakeChecker(b"second"), last)
            self.assertEqual(self.successResultOf(found), b"second@example.org")
        self.assertEqual(last.asked, 0)

    def test_other_credentials(self) -> None:
        """A checker for other credentials is not asked."""
        other = FakeChecker(b"other", interface=IAnonymous)
        self.failureResultOf(self.ask(other), UnauthorizedLogin)
        self.assertEqual(other.asked, 0)

    def test_all_refuse(self) -> None:
        """When all refuse, or there is none, nobody comes in."""
        refuses = FakeChecker(UnauthorizedLogin())
        self.failureResultOf(self.ask(), UnauthorizedLogin)
        self.failureResultOf(self.ask(refuses, refuses), UnauthorizedLogin)

    def test_nobody(self) -> None:
        """Anonymous access is no address."""
        for nobody in ((), b"", "", None):
            self.failureResultOf(self.ask(FakeChecker(nobody)), UnauthorizedLogin)

    def test_unsure(self) -> None:
        """Who cannot tell makes a refusal unsure, and keeps nobody out."""
        unsure = FakeChecker(TemporaryFailure())
        refuses = FakeChecker(UnauthorizedLogin())
        self.failureResultOf(self.ask(unsure, refuses), TemporaryFailure)
        self.failureResultOf(self.ask(refuses, unsure), TemporaryFailure)
        found = self.successResultOf(self.ask(unsure, FakeChecker(b"bob")))
        self.assertEqual(found, b"bob@example.org")

    def test_broken(self) -> None:
        """A broken checker is reported, not what it says, and counts as unsure."""
        said: list[str] = []

        class Log:
            def critical(self, text: str, **fields: str) -> None:
                said.append(text.format(**fields))

        self.patch(trouble, "_log", Log())
        broken = FakeChecker(KeyError("secret"))
        self.failureResultOf(self.ask(broken), TemporaryFailure)
        found = self.ask(broken, FakeChecker(b"bob"))
        self.assertEqual(self.successResultOf(found), b"bob@example.org")
        self.assertEqual(len(said), 2)
        for text in said:
            self.assertIn("FakeChecker failed: KeyError at", text)
            self.assertIn("in _check", text)
            self.assertNotIn("secret", text)

    def test_no_names(self) -> None:
        """What nobody can be called lets nobody in."""
        for name in (b"a\r\nb", b"a\0@x", b"\xff", "a\u2028b", b"@x\x7f"):
            self.failureResultOf(self.ask(FakeChecker(name)), UnauthorizedLogin)

    def test_gone(self) -> None:
        """When whoever asked has gone nobody else is asked, and nothing is wrong."""
        last = FakeChecker(b"last")
        found = self.ask(FakeChecker(Deferred()), last)
        found.cancel()
        self.failureResultOf(found, CancelledError)
        self.assertEqual(last.asked, 0)

    def test_reason(self) -> None:
        """A checker that can say why is heard, if nobody else lets the user in."""
        said = FakeChecker(RefusedLogin("expired"))
        refuses = FakeChecker(UnauthorizedLogin())
        error = self.failureResultOf(self.ask(said, refuses), RefusedLogin).value
        self.assertEqual(error.reason, "expired")
        self.successResultOf(self.ask(said, FakeChecker(b"bob")))


class DirectoryChainTests(SynchronousTestCase):
    """One directory that knows the address is enough."""

    def find(self, *answers: UserEntry | Exception | None) -> Deferred[Any]:
        """Ask directories that answer so."""
        chain = DirectoryChain([FakeDirectory(answer) for answer in answers])
        return Deferred.fromCoroutine(chain.find("alice@example.org"))

    def test_first_that_knows(self) -> None:
        """The first answer counts, and none is no answer."""
        one, other = UserEntry("a@b"), UserEntry("c@d")
        self.assertEqual(self.successResultOf(self.find(None, one, other)), one)
        self.assertIsNone(self.successResultOf(self.find(None, None)))
        self.assertIsNone(self.successResultOf(self.find()))

    def test_one(self) -> None:
        """One directory stands for itself."""
        one = FakeDirectory(None)
        self.assertIs(chained([one]), one)
        self.assertIsInstance(chained([]), DirectoryChain)
        self.assertIsInstance(chained([one, one]), DirectoryChain)

    def test_unsure(self) -> None:
        """Nobody is unknown while a directory cannot be asked."""
        one = UserEntry("a@b")
        self.failureResultOf(self.find(TemporaryFailure(), None), TemporaryFailure)
        self.assertEqual(self.successResultOf(self.find(TemporaryFailure(), one)), one)
