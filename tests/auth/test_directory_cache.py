"""Tests of :mod:`mailframe.auth.directory_cache`."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.directory_cache import DirectoryCache
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import UserEntry

ALICE = UserEntry("alice@example.org")


class DirectoryCacheTests(SynchronousTestCase):
    """An answer is remembered for its time, a failure never."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.asked: list[str] = []
        self.answer: Any = ALICE
        self.cache = DirectoryCache(self.ask, self.clock.seconds, 60, 10, 3)

    async def ask(self, address: str) -> UserEntry | None:
        """Answer as the directory does now."""
        self.asked.append(address)
        answer = self.answer
        if isinstance(answer, Deferred):
            answer = await answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def find(self, address: str = "alice@example.org") -> Any:
        """Return what the cache says."""
        return self.successResultOf(self.cache.find(address))

    def test_positive(self) -> None:
        """A user is asked for once in his time."""
        self.assertEqual(self.find(), ALICE)
        self.clock.advance(59)
        self.answer = None
        self.assertEqual(self.find(), ALICE)
        self.clock.advance(1)
        self.assertIsNone(self.find())
        self.assertEqual(len(self.asked), 2)

    def test_negative(self) -> None:
        """So is an address nobody has, for a shorter time."""
        self.answer = None
        self.assertIsNone(self.find())
        self.answer = ALICE
        self.clock.advance(9)
        self.assertIsNone(self.find())
        self.clock.advance(1)
        self.assertEqual(self.find(), ALICE)

    def test_failure(self) -> None:
        """A failure reaches whoever asked, and the next one asks again."""
        self.answer = TemporaryFailure("away")
        self.failureResultOf(self.cache.find("a@b"), TemporaryFailure)
        self.answer = ALICE
        self.assertEqual(self.find("a@b"), ALICE)

    def test_failure_after_its_time(self) -> None:
        """What was known and is too old does not hide that nobody can say."""
        self.find()
        self.clock.advance(60)
        self.answer = TemporaryFailure("away")
        self.failureResultOf(self.cache.find("alice@example.org"), TemporaryFailure)

    def test_one_question(self) -> None:
        """Who asks meanwhile shares the question, and its failure."""
        for outcome in (ALICE, TemporaryFailure("away")):
            self.asked.clear()
            self.cache.clear()
            self.answer = held = Deferred[Any]()
            found = [self.cache.find("a@b") for _ in range(3)]
            self.assertEqual(self.asked, ["a@b"])
            held.callback(outcome)
            for one in found:
                if outcome is ALICE:
                    self.assertEqual(self.successResultOf(one), ALICE)
                else:
                    self.failureResultOf(one, TemporaryFailure)

    def test_client_gone(self) -> None:
        """Who goes away takes no answer from the others."""
        self.answer = held = Deferred[Any]()
        first, second = (self.cache.find("a@b") for _ in range(2))
        first.cancel()
        self.failureResultOf(first, CancelledError)
        held.callback(ALICE)
        self.assertEqual(self.successResultOf(second), ALICE)

    def test_bounded(self) -> None:
        """The oldest answer goes first."""
        for address in ("a", "b", "c", "d", "b"):
            self.find(address)
        self.assertEqual(self.asked, ["a", "b", "c", "d"])
        self.find("a")
        self.assertEqual(len(self.asked), 5)

    def test_off(self) -> None:
        """With no time at all nothing is remembered."""
        cache = DirectoryCache(self.ask, self.clock.seconds, 0, 0)
        for answer in (ALICE, None, ALICE):
            self.answer = answer
            self.assertEqual(self.successResultOf(cache.find("a")), answer)
