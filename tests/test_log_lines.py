"""Log lines are those of Twisted."""

import io
from typing import Any

from twisted.logger import Logger, LogLevel, LogPublisher, textFileLogObserver
from twisted.python import log
from twisted.python.components import Componentized
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mailframe.log_lines import LogLines, log_to_terminal


class Silent:
    """Has no text."""

    def __str__(self) -> str:
        """Fail."""
        raise ValueError("nothing")


EVENTS: list[tuple[str | None, dict[str, Any]]] = [
    ("{id} delivered to {user}{where}", {"id": "a1", "user": "b@c", "where": ""}),
    ("{refusal!r} of {size:5d}", {"refusal": ValueError("x"), "size": 7}),
    ("two\nlines of {it.real}", {"it": 5}),
    ("{call()} and {it}", {"call": lambda: "called", "it": "{braces}"}),
    ("{missing}", {}),
    ("{silent}", {"silent": Silent()}),
    ("{broken", {}),
    ("", {}),
    (None, {}),
    ("of {log_system}", {"log_system": "a,1,127.0.0.1"}),
    ("bytes {octets}", {"octets": b"\xff"}),
]


class LogLinesTests(SynchronousTestCase):
    """Every event, by Twisted and by us."""

    def test_same_as_twisted(self) -> None:
        """The same text, whatever the event is."""
        theirs, ours = io.StringIO(), io.StringIO()
        publisher = LogPublisher(textFileLogObserver(theirs), LogLines(ours))
        logger = Logger("mailframe.somewhere", observer=publisher)
        for form, values in EVENTS:
            for level in (LogLevel.info, LogLevel.critical):
                logger.emit(level, form, **values)
        try:
            raise ValueError("a bug")
        except ValueError:
            logger.failure("{it} went wrong", failure=Failure(), it="this")
        publisher({"isError": 0, "message": ("old style",)})
        self.assertEqual(ours.getvalue(), theirs.getvalue())
        self.assertIn(
            "[mailframe.somewhere#info] a1 delivered to b@c\n", ours.getvalue()
        )

    def test_at_once(self) -> None:
        """Whoever watches the log sees a line when it is written."""
        raw = io.BytesIO()
        text = io.TextIOWrapper(raw)
        Logger("n", observer=LogLines(text)).info("now")
        self.assertIn(b"[n#info] now\n", raw.getvalue())

    def test_each_second(self) -> None:
        """The time is that of the event."""
        theirs, ours = io.StringIO(), io.StringIO()
        for when in (0.5, 0.9, 1.0, 86400.1, 1.0, 1e9):
            event = {
                "log_time": when,
                "log_format": "x",
                "log_namespace": "n",
                "log_level": LogLevel.warn,
            }
            textFileLogObserver(theirs)(event)
            LogLines(ours)(event)
        self.assertEqual(ours.getvalue(), theirs.getvalue())

    def test_only_to_the_terminal(self) -> None:
        """A file, syslog or a daemon's log are twistd's own matter."""
        for options, ours in (
            ({"nodaemon": True, "logfile": None, "syslog": False}, True),
            ({"nodaemon": True, "logfile": "-", "syslog": False}, True),
            ({"nodaemon": True, "logfile": "x.log", "syslog": False}, False),
            ({"nodaemon": False, "logfile": None, "syslog": False}, False),
            ({"nodaemon": True, "logfile": None, "syslog": True}, False),
        ):
            application = Componentized()
            log_to_terminal(application, options)
            found = application.getComponent(log.ILogObserver)  # type: ignore[no-untyped-call]
            self.assertEqual(isinstance(found, LogLines), ours, options)
