"""Mail from one host to another, through the queue."""

import email
import imaplib
import json
import smtplib
import sys
import time
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.clients.test_python import insecure
from tests.host import Host, environment, run, until

MESSAGE = "Subject: {subject}\n\nTo another host.\n"

FETCH = """\
[[account]]
protocol = "imap"
host = "127.0.0.1"
port = {port}
tls = "none"
user = "carol@example.net"
password-file = "{secret}"
to = "carol@example.com"
"""


def mailframe(host: Host, *arguments: str, octets: bytes = b"") -> str:
    """Run the ``mailframe`` command on a host's state."""
    code = "import sys; from mailframe.cli import main; sys.exit(main())"
    done = run(
        *(sys.executable, "-c", code, *arguments),
        *("--state-dir", str(host.state_dir)),
        env=environment(),
        octets=octets,
    )
    return done.stdout.decode()


class OutboundTests(SynchronousTestCase):
    """One host sends, the other receives."""

    def setUp(self) -> None:
        """Start both; the sender gives everything to the receiver."""
        self.far = Host("--domain=example.net", services=("smtp", "imap"))
        self.addCleanup(self.far.close)
        smarthost = f"--smarthost=127.0.0.1:{self.far.port['smtp']}"
        self.near = Host(
            "--domain=example.com", smarthost, services=("submission", "imap")
        )
        self.addCleanup(self.near.close)
        for host, domain in ((self.far, "example.net"), (self.near, "example.com")):
            with host.passwd.open("a") as file:
                file.write(f"carol@{domain}:{{PLAIN}}carol-secret\n")
        time.sleep(1.1)  # The passwd file is looked at once a second.

    def send(self, subject: str, recipient: str) -> None:
        """Submit a message as carol of the near host."""
        with smtplib.SMTP("127.0.0.1", self.near.port["submission"]) as client:
            client.starttls(context=insecure())
            client.login("carol@example.com", "carol-secret")
            text = MESSAGE.format(subject=subject)
            client.sendmail("carol@example.com", [recipient], text)

    def wait_for(self, host: Host, user: str) -> Any:
        """Return the first message of a mailbox, when it is there."""
        with imaplib.IMAP4("127.0.0.1", host.port["imap"]) as client:
            client.login(user, "carol-secret")
            until(
                lambda: client.select()[1] != [b"0"],
                lambda: host.program.said() + mailframe(host, "queue", "list"),
            )
            fetched: Any = client.fetch("1", "BODY.PEEK[]")
            return email.message_from_bytes(fetched[1][0][1])

    def test_delivered(self) -> None:
        """A message to a user of the other host arrives, and leaves the queue."""
        self.send("hello", "carol@example.net")
        message = self.wait_for(self.far, "carol@example.net")
        self.assertEqual(message["Subject"], "hello")
        self.assertEqual(len(message.get_all("Received")), 2)
        until(self._queue_is_empty, self.near.program.said)

    def _queue_is_empty(self) -> bool:
        listed = mailframe(self.near, "queue", "list", "--json").splitlines()
        return bool(listed) and json.loads(listed[0]) == {"done": 0}

    def test_bounced(self) -> None:
        """A message to nobody comes back as a report."""
        self.send("lost", "nobody@example.net")
        report = self.wait_for(self.near, "carol@example.com")
        self.assertEqual(report.get_content_type(), "multipart/report")
        self.assertIn("5.1.1", report.as_string())
        self.assertIn("nobody@example.net", report.as_string())

    def test_sendmail(self) -> None:
        """What a program drops while the host is down goes out afterwards."""
        self.near.program.stop()
        text = b"To: carol@example.net\nSubject: dropped\n\nLate.\n"
        mailframe(self.near, "sendmail", "-t", "-f", "carol@example.com", octets=text)
        self.near.start()
        message = self.wait_for(self.far, "carol@example.net")
        self.assertEqual(message["Subject"], "dropped")
        self.assertIsNotNone(message["Message-ID"])

    def test_fetch(self) -> None:
        """Mail of a remote account is collected into a local one, once."""
        file = self.near.directory / "fetch.toml"
        secret = self.near.directory / "secret"
        secret.write_text("carol-secret\n")
        file.write_text(FETCH.format(port=self.far.port["imap"], secret=secret))
        with smtplib.SMTP("127.0.0.1", self.far.port["smtp"]) as client:
            text = MESSAGE.format(subject="far away")
            client.sendmail("x@example.org", ["carol@example.net"], text)
        self.near.program.stop()
        self.near.options = (*self.near.options, f"--fetch={file}")
        self.near.start()
        message = self.wait_for(self.near, "carol@example.com")
        self.assertEqual(message["Subject"], "far away")
