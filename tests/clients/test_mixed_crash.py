"""A message to one of ours and to somebody elsewhere, and a host that is killed."""

import contextlib
import json
import random
import smtplib
import threading
import time
from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from tests.clients.test_outbound import mailframe
from tests.host import Host, until

ROUNDS = 6


class MixedCrashTests(SynchronousTestCase):
    """Local delivery and the queue are answered for together."""

    def test_never_neither(self) -> None:
        """Whatever got its 250 is in the mailbox once, and in the queue once.

        The host is killed in the middle of many transactions, again and again.
        A message whose 250 was not heard may be in one place or in both.
        """
        host = Host(
            "--relay-from=127.0.0.0/8",
            "--smarthost=127.0.0.1:1",
            services=("smtp",),
        )
        self.addCleanup(host.close)
        answered: set[str] = set()
        tried: set[str] = set()
        chance = random.Random(6)
        for turn in range(ROUNDS):
            stop = threading.Event()
            threads = [
                threading.Thread(
                    target=self._send, args=(host, f"{turn}-{n}", tried, answered, stop)
                )
                for n in range(4)
            ]
            enough = len(answered) + 2
            for thread in threads:
                thread.start()
            time.sleep(0.3 + chance.random() * 0.7)
            until(partial(_are, enough, answered), host.program.said)
            host.program.process.kill()
            stop.set()
            for thread in threads:
                thread.join()
            host.program.stop()
            host.start()
        lines = mailframe(host, "queue", "list", "--json").splitlines()
        queued = [json.loads(line) for line in lines]
        senders = [one["sender"] for one in queued if "sender" in one]
        mail = [
            path.read_text() for path in (host.state_dir / "mail").glob("*/alice/new/*")
        ]
        local = [text.partition("X-Number: ")[2].split()[0] for text in mail]
        remote = [sender.partition("@")[0] for sender in senders]
        self.assertGreater(len(answered), ROUNDS)
        for found in (local, remote):
            self.assertEqual(answered - set(found), set())
            self.assertEqual(len(found), len(set(found)))
            self.assertEqual(set(found) - tried, set())

    def _send(
        self,
        host: Host,
        name: str,
        tried: set[str],
        answered: set[str],
        stop: threading.Event,
    ) -> None:
        count = 0
        with contextlib.suppress(OSError, smtplib.SMTPException):
            with smtplib.SMTP("127.0.0.1", host.port["smtp"], timeout=10) as client:
                while not stop.is_set():
                    count += 1
                    number = f"n{name}-{count}"
                    tried.add(number)
                    client.sendmail(
                        f"{number}@example.net",
                        ["alice@example.org", "bob@example.com"],
                        f"X-Number: {number}\n\nBoth of you.\n",
                    )
                    answered.add(number)


def _are(count: int, found: set[str]) -> bool:
    return len(found) >= count
