"""Clients that want what they must not have, or come a strange way."""

import contextlib
import re
import smtplib
import socket
import subprocess
import time
from email.message import EmailMessage
from email.policy import SMTPUTF8
from itertools import pairwise

from twisted.trial.unittest import SynchronousTestCase

from mailframe.config_limits import every
from mailframe.limits import Limits
from tests.clients.test_destinations import soon
from tests.clients.test_outbound import mailframe
from tests.host import START_TIMEOUT, Host, environment, free_ports, run, twistd
from tests.peers import require


def talk(port: int, octets: bytes) -> bytes:
    """Say everything at once, to the end; return what is heard."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(octets)
        heard = b""
        while piece := connection.recv(65536):
            heard += piece
    return heard


class OpenRelayTests(SynchronousTestCase):
    """Nobody sends through us who may not."""

    def test_nmap(self) -> None:
        """Nmap's script finds nothing, on any port, with any of its tricks."""
        nmap = require("nmap")
        host = Host(
            "--relay-domain=relay.example",
            "--virtual-domain=virtual.example",
            "--separator=+",
            services=("smtp", "submission", "lmtp"),
        )
        self.addCleanup(host.close)
        for service in ("smtp", "submission"):
            port = str(host.port[service])
            for domain in ("elsewhere.example", "example.org"):
                done = run(
                    *(nmap, "-Pn", "-sT", "-n", "-p", port, "127.0.0.1"),
                    *("--script", "+smtp-open-relay", "--script-args"),
                    f"smtp-open-relay.domain={domain},"
                    "smtp-open-relay.from=x@other.example,"
                    "smtp-open-relay.to=y@elsewhere.example",
                )
                said = done.stdout.decode()
                self.assertIn("smtp-open-relay", said)
                self.assertNotIn("is an open relay", said)
                found = re.search(r"open relay \(([0-9]+)/", said)
                self.assertIn(found and found[1], (None, "0"), said)
        self.assertIn("0 messages", mailframe(host, "queue", "list"))


class ProxyTests(SynchronousTestCase):
    """A proxy in front of us."""

    def test_client_address(self) -> None:
        """Its client is in Received, in the log, and who the limits are for."""
        (port,) = free_ports(1)
        host = Host(
            f"--smtp=haproxy:tcp:{port}:interface=127.0.0.1",
            "--check=rate:messages=1/60",
            "--relay-from=203.0.113.9",
            services=("smtp",),
        )
        self.addCleanup(host.close)
        session = (
            b"EHLO c.example\r\nMAIL FROM:<x@b.example>\r\n"
            b"RCPT TO:<%b>\r\nDATA\r\nSubject: proxied\r\n\r\n.\r\nQUIT\r\n"
        )
        to_alice = session % b"alice@example.org"
        first = b"PROXY TCP4 203.0.113.7 198.51.100.1 5555 25\r\n"
        self.assertIn(b"250 2.0.0 OK id=", talk(port, first + to_alice))
        (stored,) = host.new_mail("alice")
        self.assertIn(b"from c.example ([203.0.113.7])", stored.read_bytes())
        heard = talk(port, first + to_alice)
        self.assertNotIn(b"250 2.0.0 OK id=", heard)
        other = b"PROXY TCP6 2001:db8::7 2001:db8::1 5555 25\r\n"
        self.assertIn(b"250 2.0.0 OK id=", talk(port, other + to_alice))
        # Relaying is the client's right or not, never the proxy's.
        to_others = session % b"y@elsewhere.example"
        other = b"PROXY TCP6 2001:db8:1::7 2001:db8::1 5555 25\r\n"
        self.assertIn(b"550 5.7.1 Relaying denied", talk(port, other + to_others))
        trusted = b"PROXY TCP4 203.0.113.9 198.51.100.1 5555 25\r\n"
        self.assertIn(b"250 2.0.0 OK id=", talk(port, trusted + to_others))


class InternationalTests(SynchronousTestCase):
    """SMTPUTF8 and domains with U-labels, from one end to the other."""

    def test_both_forms(self) -> None:
        """A domain in A-labels is the same as in U-labels, everywhere."""
        far = Host("--domain=xn--bcher-kva.example", services=("smtp",))
        self.addCleanup(far.close)
        with far.passwd.open("a") as file:
            file.write("jörg@bücher.example:{PLAIN}x\n")
        near = Host(
            "--relay-domain=bücher.example",
            f"--transport=xn--bcher-kva.example=smtp:127.0.0.1:{far.port['smtp']}",
            "--virtual-domain=müller.example",
            "--virtual=static:info@xn--mller-kva.example=jörg@BÜCHER.example",
            services=("smtp",),
        )
        self.addCleanup(near.close)
        with smtplib.SMTP("127.0.0.1", near.port["smtp"]) as client:
            message = EmailMessage(policy=SMTPUTF8)
            message["Subject"] = "Grüße"
            message["To"] = "info@müller.example"
            message.set_content("Schöne Grüße\n")
            client.ehlo("client.example")
            client.mail("ann@b.example", ["SMTPUTF8", "BODY=8BITMIME"])
            self.assertEqual(client.docmd("RCPT TO:<x@müller.example>")[0], 550)
            code, _ = client.docmd("RCPT TO:<info@xn--mller-kva.example>")
            self.assertEqual(code, 250)
            client.data(message.as_bytes())
        new = far.maildir("x").parents[1] / "bücher.example" / "jörg" / "new"
        (stored,) = soon(lambda: list(new.glob("*")), near)
        text = stored.read_bytes().decode()
        self.assertIn("Subject: Grüße", text)
        self.assertEqual(text.count("with UTF8SMTP"), 2)


class LimitTests(SynchronousTestCase):
    """What the operator sets is what is announced and held to."""

    def test_limits(self) -> None:
        """Size, recipients, errors and messages of a session."""
        host = Host(
            "--limit=smtp.message-size=2000",
            "--limit=smtp.recipients=1",
            "--limit=smtp.transactions=2",
            "--limit=smtp.errors=3",
            "--limit=connections.total=5",
            services=("smtp",),
        )
        self.addCleanup(host.close)
        port = host.port["smtp"]
        hello = b"EHLO c.example\r\n"
        heard = talk(port, hello + b"QUIT\r\n")
        self.assertIn(b"250-SIZE 2000\r\n", heard)
        self.assertIn(b"LIMITS MAILMAX=2 RCPTMAX=1", heard)
        mail = b"MAIL FROM:<x@b.example>\r\nRCPT TO:<alice@example.org>\r\n"
        heard = talk(
            port, hello + mail + b"RCPT TO:<bob@example.org>\r\nDATA\r\n.\r\nQUIT\r\n"
        )
        self.assertIn(b"452 4.5.3 ", heard)
        self.assertIn(b"250 2.0.0 OK id=", heard)
        data = b"DATA\r\n" + (b"x" * 100 + b"\r\n") * 30 + b".\r\nQUIT\r\n"
        self.assertIn(b"552 5.3.4 ", talk(port, hello + mail + data))
        heard = talk(port, b"X\r\n" * 4)
        self.assertTrue(heard.endswith(b"421 4.7.0 Too many errors, closing\r\n"))
        connections = [
            socket.create_connection(("127.0.0.1", port), 10) for _ in range(6)
        ]
        said = [one.recv(10) for one in connections]
        for one in connections:
            one.close()
        self.assertEqual(said, [b"220 mail.e"] * 5 + [b""])

    def test_for_ever(self) -> None:
        """Neither an endless message nor an endless wait is put up with."""
        host = Host(
            "--limit=smtp.message-size=2000",
            "--limit=smtp.unwanted=1000",
            "--limit=smtp.data-timeout=1",
            "--limit=smtp.data-rate=1000",
            services=("smtp",),
        )
        self.addCleanup(host.close)
        begin = (
            b"EHLO c.example\r\nMAIL FROM:<x@b.example>\r\n"
            b"RCPT TO:<alice@example.org>\r\n"
        )
        cut_off = b"552 5.3.4 Message too large\r\n421 4.7.0 Too much"
        for octets in (
            b"BDAT 99999999999999999999\r\n",
            b"DATA\r\n" + b"text\r\n" * 1000,
        ):
            self.assertIn(cut_off, talk(host.port["smtp"], begin + octets))
        with socket.create_connection(("127.0.0.1", host.port["smtp"]), 10) as slow:
            slow.sendall(begin + b"DATA\r\n")
            slow.settimeout(0.1)
            heard, begun = b"", time.monotonic()
            while b"421 4.4.2 Timed out" not in heard:
                self.assertLess(time.monotonic() - begun, START_TIMEOUT)
                with contextlib.suppress(OSError):
                    heard += slow.recv(65536)
                with contextlib.suppress(OSError):
                    slow.sendall(b"x")

    def test_help(self) -> None:
        """Every limit is shown with its value, and what it is."""
        done = subprocess.run(
            twistd("mailframe", "--help-limits"),
            capture_output=True,
            check=True,
            env=environment(),
        )
        self.assertIn(
            b"smtp.message-size=52428800\n"
            b"    Octets of one message, announced with SIZE (RFC 1870).\n",
            done.stdout,
        )
        lines = done.stdout.splitlines()
        limits = [line for line in lines if not line.startswith(b" ")]
        self.assertEqual(len(limits), len([*every(Limits())]))
        for line, below in pairwise([*lines, b""]):
            if line in limits:
                self.assertTrue(below.startswith(b"    "), line)
