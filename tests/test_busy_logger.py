"""Events of a busy logger are those of Twisted."""

from typing import Any

from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from mailframe.busy_logger import BusyLogger


class BusyLoggerTests(SynchronousTestCase):
    """The short way to an event."""

    def test_same_as_twisted(self) -> None:
        """An event has what Twisted's has."""
        for values in ({"id": "a1", "more": 2}, {}):
            told: list[dict[str, Any]] = []
            for kind in (Logger, BusyLogger):
                logger = kind("a.b", self, told.append)  # type: ignore[arg-type]
                logger.info("{id}", **values)
                self.assertIs(told[-1].pop("log_logger"), logger)
                self.assertGreater(told[-1].pop("log_time"), 0)
            self.assertEqual(told[0], told[1])

    def test_trace(self) -> None:
        """A trace that is asked for is made."""
        trace: list[Any] = []
        told: list[Any] = []
        logger = BusyLogger("a.b", observer=told.append)  # type: ignore[arg-type]
        logger.info("x", log_trace=trace)
        self.assertEqual((len(told), len(trace)), (1, 1))

    def test_namespace(self) -> None:
        """It is named like the module it is made in."""
        self.assertEqual(BusyLogger().namespace, __name__)
