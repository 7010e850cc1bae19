"""Tests of :mod:`mailframe.joined`, and of those who wait by it."""

from typing import Any

from jwt.algorithms import ECAlgorithm
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.http_client import Answer
from mailframe.auth.oauth_keys import KeySet
from mailframe.joined import Joined
from tests.net.authority import Certificate

MANY = 5000


class JoinedTests(SynchronousTestCase):
    """Many who want the same thing done."""

    def setUp(self) -> None:
        """Have work that takes until it is said to be done."""
        self.runs = 0
        self.done: Deferred[Any] = Deferred()

    async def work(self) -> None:
        """Wait to be done."""
        self.runs += 1
        await self.done

    def test_many(self) -> None:
        """It is done once for all; one that gives up stops nobody."""
        joined = Joined(self.work)
        asking = [Deferred.fromCoroutine(joined.run()) for _ in range(MANY)]
        self.assertTrue(joined.running)
        asking[0].cancel()
        self.failureResultOf(asking[0], CancelledError)
        self.done.callback(None)
        for one in asking[1:]:
            self.successResultOf(one)
        self.assertEqual((self.runs, joined.running), (1, False))

    def test_trouble(self) -> None:
        """All who waited hear of a failure; who comes later tries anew."""
        joined = Joined(self.work)
        asking = [Deferred.fromCoroutine(joined.run()) for _ in range(2)]
        self.done.errback(ValueError())
        for one in asking:
            self.failureResultOf(one, ValueError)
        self.done = Deferred()
        again = Deferred.fromCoroutine(joined.run())
        self.done.callback(None)
        self.successResultOf(again)
        self.assertEqual(self.runs, 2)

    def test_keys(self) -> None:
        """Thousands of tokens may come while the issuer's keys are fetched."""
        public = ECAlgorithm.to_jwk(
            Certificate("issuer").key.public_key(), as_dict=True
        )
        fetches: list[Deferred[Answer]] = []

        def fetch() -> Deferred[Answer]:
            fetches.append(Deferred())
            return fetches[-1]

        keys = KeySet(fetch, Clock().seconds)
        asking = [Deferred.fromCoroutine(keys.find(None, "ES256")) for _ in range(MANY)]
        fetches[0].callback(Answer(200, {"keys": [public]}))
        for one in asking:
            self.assertIsNotNone(self.successResultOf(one))
        self.assertEqual(len(fetches), 1)
