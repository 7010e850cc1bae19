"""kill -9 in a loop: what a process had promised, the next one has."""

import os
import signal
import subprocess
import sys
from random import Random

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from mailframe.testing.spool_contract import START
from tests.host import ROOT, environment
from tests.queue.spool_case import make_spool
from tests.queue.spool_child import LARGE, content_of

ROUNDS = 6


class KillTests(TestCase):
    """A real process, killed under load."""

    timeout = 120

    def setUp(self) -> None:
        self.root = os.path.abspath(self.mktemp())
        os.mkdir(self.root)
        self.there: dict[str, int] = {}
        self.going: set[str] = set()

    def live(self, lines: int) -> None:
        """Let a process work until it has said so many lines, and kill it."""
        with subprocess.Popen(
            [sys.executable, "-m", "tests.queue.spool_child", self.root],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            for count, line in enumerate(process.stdout):
                self.hear(line.decode().split())
                if count == lines:
                    process.send_signal(signal.SIGKILL)
            # What it said before it died counts too.
        self.assertEqual(process.returncode, -signal.SIGKILL)

    def hear(self, words: list[str]) -> None:
        """Note what was promised."""
        kind, queue_id, *more = words
        if kind == "+":
            self.there[queue_id] = int(more[0])
        elif kind == "?":
            self.going.add(queue_id)
        else:
            self.assertEqual(kind, "-", words)
            self.there.pop(queue_id, None)

    async def check(self) -> None:
        """Compare the spool with what was promised."""
        clock = Clock()
        clock.advance(START)
        spool = make_spool(self.root, clock, journal_max=LARGE)
        spool.open()
        found = {}
        for parcels in await spool.entries(None, 10**6):
            content = await spool.content(parcels[0].queue_id)
            found[parcels[0].queue_id] = await content.read(0, content.size)
            content.close()
        for queue_id, number in list(self.there.items()):
            if queue_id in self.going and queue_id not in found:
                del self.there[queue_id]
                continue
            self.assertEqual(found.pop(queue_id), content_of(number), queue_id)
        # What was on its way in when it died may be there, whole; no more than
        # one for each of the eight that add.
        self.assertLessEqual(len(found), 8)
        for queue_id, octets in found.items():
            number = int(octets.split(b"\r\n")[0])
            self.assertEqual(octets, content_of(number))
            self.there[queue_id] = number
        names = sorted(os.listdir(f"{self.root}/spool/content"))
        self.assertEqual(names, sorted(self.there))
        await spool.close()

    async def test_kill(self) -> None:
        """Nothing that was promised is lost, nothing that went comes back."""
        random = Random(6)
        for _ in range(ROUNDS):
            self.live(random.randint(20, 800))
            await self.check()
        self.assertGreater(len(self.there), 100)
