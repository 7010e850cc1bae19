"""kill -9 while mail is collected into a Maildir, again and again."""

import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.fetch.fetch_child import account_in, realm_of
from tests.fetch.world import There, contents, put, without_trace
from tests.host import environment

COUNT = 200


class KillTests(TestCase):
    """Each message is there once, however often the process was killed."""

    timeout = 110

    def setUp(self) -> None:
        """Find the reactor, and make a directory."""
        from twisted.internet import reactor  # noqa: TID251 - over loopback

        self.reactor: Any = reactor
        self.directory = Path(self.mktemp()).resolve()
        self.directory.mkdir()

    def child(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start a process that collects."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.fetch.fetch_child", *arguments],
            env=environment(),
            cwd=self.directory,
            stdout=subprocess.PIPE,
        )

    async def collect_and_kill(self, protocol: str, how: str) -> None:
        """Kill processes until one comes to its end."""
        reactor = self.reactor
        chance = Random(7)
        directory = self.directory
        there = There(directory, reactor, ("localhost",))
        self.addCleanup(lambda: Deferred.fromCoroutine(there.close()))
        messages = [b"Subject: %d\r\n\r\n" % one for one in range(COUNT)]
        await put(there.account, *messages)
        kills, done = 0, False
        while not done:
            child = self.child(
                *(str(directory), protocol),
                str(there.ports[protocol, "starttls"].getHost().port),
                *(str(there.authority), how),
            )
            # Starting takes a second; the kills fall behind that.
            database = directory / "fetch.db"
            while child.poll() is None and not database.exists():
                await deferLater(reactor, 0.02)
            end = reactor.seconds() + chance.random() * 0.2
            while child.poll() is None and (reactor.seconds() < end or kills >= 4):
                await deferLater(reactor, 0.01)
            if child.poll() is None:
                child.kill()
                kills += 1
            said = child.communicate()[0]
            done = said == b"done\n"
            if not done:
                self.assertEqual(child.returncode, -9)
        self.assertGreater(kills, 0)
        realm = realm_of(str(directory))
        realm.startService()
        try:
            found = await contents(await account_in(realm))
        finally:
            await realm.stopService()
        self.assertEqual([without_trace(one) for one in found], messages)

    def test_imap(self) -> "Deferred[None]":
        """IMAP, the messages go there."""
        return Deferred.fromCoroutine(self.collect_and_kill("imap", "delete"))

    def test_pop3(self) -> "Deferred[None]":
        """POP3, the messages stay there."""
        return Deferred.fromCoroutine(self.collect_and_kill("pop3", "keep"))
