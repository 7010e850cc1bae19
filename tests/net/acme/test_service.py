"""When a certificate is asked for, and what is served until there is one."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.net.acme.challenges import Challenges
from mailframe.net.acme.service import (
    FIRST_RETRY,
    LOOK_INTERVAL,
    ACMEService,
    NotIssued,
)
from tests.net.authority import Certificate


class ServiceTests(SynchronousTestCase):
    """An authority that gives certificates for 60 days, 30 of which have gone."""

    def setUp(self) -> None:
        """Have a directory, a clock and an authority."""
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(rmtree, self.directory)
        self.clock = Clock()
        self.clock.advance(time.time())
        self.root = Certificate("Root", authority=True)
        self.asked: list[Sequence[str]] = []
        self.trouble: Exception | None = None

    def obtain(self, names: Sequence[str], challenges: Challenges) -> bytes:
        """Issue, unless there is trouble."""
        self.asked.append(names)
        if self.trouble is not None:
            raise self.trouble
        self.issued = Certificate(*names, issuer=self.root, days=30)
        return self.issued.key_pem + self.issued.pem

    def start(self, *names: str) -> ACMEService:
        """Start a service for ``names``."""

        async def run(call: Any, *arguments: Any) -> Any:
            return call(*arguments)

        service = ACMEService(
            self.directory, names or ("mx.example.org",), self.obtain, run, self.clock
        )
        service.startService()
        self.addCleanup(service.stopService)
        return service

    def test_first(self) -> None:
        """There is a file to serve at once; the authority's comes next."""
        service = self.start()
        self.assertIn(b"BEGIN CERTIFICATE", service.path.read_bytes())
        self.assertEqual(self.asked, [])
        self.clock.advance(0)
        self.assertEqual(self.asked, [("mx.example.org",)])
        self.assertIn(self.issued.pem, service.path.read_bytes())
        self.assertEqual(service.path.stat().st_mode & 0o777, 0o600)

    def test_renewed(self) -> None:
        """It is asked for again when a third of its life is left, not before."""
        service = self.start()
        self.clock.advance(0)
        self.clock.pump([LOOK_INTERVAL] * 18)
        self.assertEqual(len(self.asked), 1)
        before = service.path.read_bytes()
        self.clock.pump([LOOK_INTERVAL] * 6)
        self.assertGreater(len(self.asked), 1)
        self.assertNotEqual(service.path.read_bytes(), before)

    def test_kept(self) -> None:
        """A restart asks for nothing, unless there are new names."""
        self.start()
        self.clock.advance(0)
        self.start()
        self.clock.advance(0)
        self.assertEqual(len(self.asked), 1)
        self.start("mx.example.org", "imap.example.org")
        self.clock.advance(0)
        self.assertEqual(self.asked[1:], [("mx.example.org", "imap.example.org")])

    def test_trouble(self) -> None:
        """A refusal is logged, changes nothing, and is asked for again later."""
        self.trouble = NotIssued("mx.example.org: no route")
        service = self.start()
        before = service.path.read_bytes()
        self.clock.advance(0)
        self.assertEqual(service.path.read_bytes(), before)
        self.clock.advance(FIRST_RETRY - 1)
        self.assertEqual(len(self.asked), 1)
        self.clock.advance(1)
        self.assertEqual(len(self.asked), 2)
        self.clock.advance(2 * FIRST_RETRY - 1)
        self.assertEqual(len(self.asked), 2)
        self.clock.advance(1)
        self.assertEqual(len(self.asked), 3)
        self.trouble = None
        self.clock.advance(4 * FIRST_RETRY)
        self.assertIn(self.issued.pem, service.path.read_bytes())
