"""Answers that never come, and checkers that break."""

from typing import Any

from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mailframe.auth import trouble
from mailframe.auth.in_time import LOGIN_SECONDS, DirectoryInTime, InTime
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory
from mailframe.interfaces.credentials import IScramKeySource, ISecurityContextSource


@implementer(IScramKeySource, ISecurityContextSource, IUserDirectory)
class Answering:
    """Answers everything with the same."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def requestAvatarId(self, credentials: Any) -> Any:
        """Answer."""
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def scram_keys(self, username: bytes, digest: str) -> Any:
        """Answer."""
        return await self._answer()

    async def security_context(self) -> Any:
        """Answer."""
        return await self._answer()

    async def find(self, address: str) -> Any:
        """Answer."""
        return await self._answer()

    async def _answer(self) -> Any:
        found = self.requestAvatarId(None)
        return await found if isinstance(found, Deferred) else found


class InTimeTests(SynchronousTestCase):
    """Whatever a checker does, there is an answer."""

    def setUp(self) -> None:
        """Make a clock, and catch what is logged."""
        self.clock = Clock()
        self.said: list[dict[str, str]] = []
        self.patch(trouble, "_log", self)

    def critical(self, text: str, **fields: str) -> None:
        """Note it."""
        self.said.append(fields)

    def asked(self, answer: Any) -> list["Deferred[Any]"]:
        """Ask for everything there is."""
        checker: Any = InTime(Answering(answer), self.clock)
        self.assertTrue(IScramKeySource.providedBy(checker))
        directory = DirectoryInTime(Answering(answer), self.clock)
        return [
            checker.requestAvatarId(UsernamePassword(b"a", b"secret")),
            Deferred.fromCoroutine(checker.scram_keys(b"a", "sha1")),
            Deferred.fromCoroutine(checker.security_context()),
            Deferred.fromCoroutine(directory.find("a@x")),
        ]

    def test_answers(self) -> None:
        """A good answer is passed on."""
        for asked in self.asked(b"alice"):
            self.assertEqual(self.successResultOf(asked), b"alice")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_refusals(self) -> None:
        """And so is a refusal, or a backend's trouble."""
        for error in (UnauthorizedLogin("no"), TemporaryFailure("away")):
            for asked in self.asked(error):
                self.failureResultOf(asked, type(error))
        self.assertEqual(self.said, [])

    def test_hangs(self) -> None:
        """Who waits for ever does not, and the question is dropped."""
        dropped: list[Any] = []
        waiting: Deferred[Any] = Deferred(dropped.append)
        checker: Any = InTime(Answering(waiting), self.clock)
        asked = checker.requestAvatarId(None)
        self.clock.advance(LOGIN_SECONDS - 1)
        self.assertNoResult(asked)
        self.clock.advance(1)
        self.failureResultOf(asked, TemporaryFailure)
        self.assertEqual(dropped, [waiting])

    def test_breaks(self) -> None:
        """What breaks is told of by place and kind, and by no text."""
        for answer in (KeyError("secret"), fail(ValueError("secret"))):
            checker: Any = InTime(Answering(answer), self.clock)
            self.failureResultOf(checker.requestAvatarId(None), TemporaryFailure)
        self.assertEqual([one["kind"] for one in self.said], ["KeyError", "ValueError"])
        self.assertIn("in requestAvatarId", self.said[0]["places"])
        self.assertNotIn("secret", repr(self.said))

    def test_gone(self) -> None:
        """When whoever asked goes away nothing is left."""
        checker: Any = InTime(Answering(Deferred()), self.clock)
        asked = checker.requestAvatarId(None)
        asked.addErrback(lambda failure: None)
        asked.cancel()
        self.assertEqual(self.clock.getDelayedCalls(), [])
