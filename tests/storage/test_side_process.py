"""Tests of :mod:`mailframe.storage.side_process`: an answer, or none, but in time."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mailframe.storage import side_process
from mailframe.storage.os_layer import lock
from mailframe.storage.side_process import SideProcess
from tests.host import until


class SideProcessTests(SynchronousTestCase):
    """Requests are answered in order, or it is known that they will not be."""

    def setUp(self) -> None:
        """Begin without a process."""
        self.process = SideProcess("tests.storage.side")
        self.addCleanup(self.process.close)
        self.answers: list[bytes | None] = []

    def ready(self) -> None:
        """Wait until there is a process."""
        self.process.start()
        self.assertEqual(self.process.available(), 0)
        self.process.collect(wait=True)
        self.assertGreaterEqual(self.process.available(), 65536)

    def send(self, *requests: bytes) -> None:
        """Send requests."""
        for request in requests:
            self.process.send(request, self.answers.append)

    def wait(self) -> None:
        """Wait for all answers."""
        while self.process._waiting:
            self.process.collect(wait=True)

    def test_answers(self) -> None:
        """Answers come in the order of the requests, whatever their size."""
        self.ready()
        self.send(b"a", b"", b"x" * 200_000, b"z")
        self.wait()
        self.assertEqual(self.answers, [b"A", b"", b"X" * 200_000, b"Z"])

    def test_not_waiting(self) -> None:
        """Without an answer collecting returns at once."""
        self.process.collect()
        self.process.collect(wait=True)
        self.ready()
        self.process.collect(wait=True)
        self.send(b"hang")
        self.process.collect()
        self.assertEqual(self.answers, [])
        self.patch(side_process, "ANSWER_SECONDS", 0.01)
        self.process.collect(wait=True)
        self.assertEqual(self.answers, [None])

    def test_death(self) -> None:
        """Who waits for a process that dies hears of it; there is another one."""
        self.ready()
        self.send(b"a", b"die", b"b", b"c")
        self.wait()
        self.assertEqual(self.answers, [b"A", None, None, None])
        self.assertEqual(self.process.available(), 0)
        self.ready()
        self.send(b"d")
        self.wait()
        self.assertEqual(self.answers[4:], [b"D"])

    def test_dead_already(self) -> None:
        """So does who asks a process that is dead."""
        self.ready()
        assert self.process._process is not None
        self.process._process.kill()
        self.process._process.wait()
        self.send(b"a")
        self.assertEqual(self.answers, [None])

    def test_deaths(self) -> None:
        """A process that dies again and again is left alone."""
        for _ in range(side_process.DEATHS_MAX):
            self.ready()
            self.send(b"die")
            self.wait()
        self.process.start()
        self.assertIsNone(self.process._process)

    def test_no_such_program(self) -> None:
        """Where there is no interpreter there is no process."""
        for path in ("/nonexistent/python", ""):
            self.patch(sys, "executable", path)
            process = SideProcess("tests.storage.side")
            process.start()
            self.assertEqual(process.available(), 0)
            self.assertIsNone(process._process)

    def test_no_such_module(self) -> None:
        """A process that cannot begin is one that died; it says why."""
        path = self.said()
        self.process = SideProcess("mailframe.nonexistent")
        self.patch(os, "environ", os.environ | {"PYTHONWARNINGS": "ignore"})
        self.process.start()
        self.process.collect(wait=True)
        self.assertEqual(self.process.available(), 0)
        self.assertIn("mailframe.nonexistent", path.read_text())

    def said(self) -> Path:
        """Return the file to which this process and its children write errors now."""
        path = Path(self.mktemp())
        terminal = os.dup(2)
        self.addCleanup(os.close, terminal)
        self.addCleanup(os.dup2, terminal, 2)
        with path.open("wb") as file:
            os.dup2(file.fileno(), 2)
        return path

    def test_signals(self) -> None:
        """What ends a program does not end its process before it."""
        self.ready()
        assert self.process._process is not None
        self.process._process.send_signal(signal.SIGTERM)
        self.send(b"a")
        self.wait()
        self.assertEqual(self.answers, [b"A"])

    def test_close(self) -> None:
        """Closing waits for answers, ends the process, and there is no other."""
        self.ready()
        process = self.process._process
        assert process is not None
        self.send(b"a", b"b")
        self.process.close()
        self.assertEqual(self.answers, [b"A", b"B"])
        self.assertEqual(process.returncode, 0)
        self.process.start()
        self.assertIsNone(self.process._process)

    def test_descriptors(self) -> None:
        """The process holds what it was given."""
        path = self.mktemp()
        fd = lock(path)
        self.process = SideProcess("tests.storage.side", lambda: [fd])
        self.ready()
        os.close(fd)
        self.assertRaises(BlockingIOError, lock, path)
        self.process.close()
        os.close(lock(path))

    def test_never_left_alone(self) -> None:
        """The process goes with the one that asked, even if that is killed."""
        program = (
            "from mailframe.storage.side_process import SideProcess as S\n"
            "p = S('tests.storage.side'); p.start(); p.collect(True)\n"
            "p.send(b'who', lambda a: print(a.decode(), flush=True))\n"
            "p.collect(True)\n"
            "p.send(b'hang', print)\n"
            "p.collect(True)\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
        ) as parent:
            assert parent.stdout is not None
            child = int(parent.stdout.readline())
            parent.kill()
        until(lambda: _has_ended(child), lambda: f"{child} goes on")


def _has_ended(pid: int) -> bool:
    """Tell whether a process has ended, noticed by its parent or not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
