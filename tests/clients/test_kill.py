"""kill -9 under load, again and again: what was answered is there, whole and once."""

import contextlib
import imaplib
import re
import signal
import smtplib
import threading
import time
from functools import partial
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.host import Host, until

ROUNDS = 3
SENDERS = 6
SECONDS = 0.7
BODY = "".join(f"line {number} of a body\r\n" for number in range(100))


class KillTests(SynchronousTestCase):
    """A host that is killed while it takes mail by SMTP and APPEND."""

    timeout = 110

    def test_accepted_is_there(self) -> None:
        """Each message with an answer is in its mailbox; none is there twice."""
        host = Host(services=("smtp", "imap"))
        self.addCleanup(host.close)
        self.begun: set[str] = set()
        self.answered: dict[str, str] = {}
        uids: dict[str, dict[int, str]] = {"alice": {}, "bob": {}}
        for round_number in range(ROUNDS):
            senders = [
                threading.Thread(target=self.send, args=(host, round_number, number))
                for number in range(SENDERS)
            ]
            for sender in senders:
                sender.start()
            enough = len(self.answered) + 11
            time.sleep(SECONDS)
            until(partial(self.has_answered, enough), host.program.said)
            host.program.stop(signal.SIGKILL)
            for sender in senders:
                sender.join()
            host.start()
            for user, known in uids.items():
                found = self.found(host, user)
                names = list(found.values())
                self.assertEqual(len(set(names)), len(names))
                expected = {one for one, to in self.answered.items() if to == user}
                self.assertEqual(expected - set(names), set())
                self.assertEqual(set(names) - self.begun, set())
                # A UID names the same message for ever.
                self.assertLessEqual(known.items(), found.items())
                known.update(found)
        self.assertGreater(len(self.answered), 10 * ROUNDS)

    def has_answered(self, count: int) -> bool:
        """Tell whether so many messages were answered for."""
        return len(self.answered) >= count

    def send(self, host: Host, round_number: int, number: int) -> None:
        """Send messages, each with a name of its own, until the host is gone."""
        with contextlib.suppress(OSError, smtplib.SMTPException, imaplib.IMAP4.error):
            give = (self.append if number == 0 else self.smtp)(host)
            for count in range(10_000):
                user = ("alice", "bob")[count % 2]
                name = f"{round_number}.{number}.{count}"
                self.begun.add(name)
                give(user, f"Subject: <{name}>\r\n\r\n{BODY}end\r\n")
                self.answered[name] = user

    def smtp(self, host: Host) -> Any:
        """Return what sends one message."""
        client = smtplib.SMTP("127.0.0.1", host.port["smtp"], timeout=20)

        def give(user: str, text: str) -> None:
            client.sendmail("x@example.net", [f"{user}@example.org"], text)

        return give

    def append(self, host: Host) -> Any:
        """Return what appends one message."""
        clients = {user: self.login(host, user) for user in ("alice", "bob")}

        def give(user: str, text: str) -> None:
            kind, said = clients[user].append("INBOX", "", "", text.encode())
            if kind != "OK":
                raise OSError(said)

        return give

    def login(self, host: Host, user: str) -> imaplib.IMAP4:
        """Log in."""
        client = imaplib.IMAP4("127.0.0.1", host.port["imap"], timeout=20)
        client.login(f"{user}@example.org", f"{user}-secret")
        return client

    def found(self, host: Host, user: str) -> dict[int, str]:
        """Return the names of a user's messages by UID, having seen they are whole."""
        client = self.login(host, user)
        client.select("INBOX", readonly=True)
        _, found = client.uid("FETCH", "1:*", "(BODY.PEEK[])")
        names: dict[int, str] = {}
        for one in found:
            if isinstance(one, tuple):
                uid = re.search(rb"UID (\d+)", one[0])
                name = re.search(rb"Subject: <(.*)>", one[1])
                assert uid is not None
                assert name is not None
                self.assertTrue(one[1].endswith(b"line 99 of a body\r\nend\r\n"))
                names[int(uid[1])] = name[1].decode()
        client.logout()
        return names
