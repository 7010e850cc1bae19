"""POP3 between processes, with large messages and slow readers."""

import os
import poplib
import signal
import smtplib
import socket
import time
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.clients.base import PASSWORD, ClientTestCase
from tests.host import START_TIMEOUT, Host, run, until
from tests.peers import require

SIZE = 50_000_000
MPOP = ("user", "apop", "plain", "cram-md5", "scram-sha-1", "scram-sha-256")


def memory(host: Host) -> int:
    """Return the octets of memory a host has."""
    status = Path(f"/proc/{host.program.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def open_pop3(host: Host, user: str = "alice") -> poplib.POP3:
    """Log in."""
    pop = poplib.POP3("127.0.0.1", host.port["pop3"], timeout=60)
    pop.user(f"{user}@example.org")
    pop.pass_(PASSWORD[user])
    return pop


def open_with(host: Host, count: int) -> Any:
    """Log in, once what another program delivered is known.

    A busy host looks for that a while later.
    """

    def look() -> Any:
        pop = open_pop3(host)
        if pop.stat()[0] == count:
            return pop
        pop.quit()
        return None

    return until(look, host.program.said)


def deliver(host: Host, name: str, octets: bytes) -> None:
    """Put a message into Alice's Maildir, as another program does."""
    place = host.maildir("alice")
    (place / "tmp" / name).write_bytes(octets)
    (place / "tmp" / name).rename(place / "new" / name)


def files(host: Host) -> int:
    """Return how many Alice's INBOX has; they go a moment after the answer."""
    maildir = host.maildir("alice")
    return sum(len(os.listdir(maildir / place)) for place in ("new", "cur"))


class TwoHostsTests(SynchronousTestCase):
    """Two hosts with the same Maildirs."""

    def test_lock(self) -> None:
        """The maildrop is one's at a time, and its end, however bad, frees it."""
        first = Host(services=("pop3",))
        self.addCleanup(first.close)
        second = Host(
            f"--realm=maildir:{first.state_dir}/mail/%d/%n", services=("pop3",)
        )
        self.addCleanup(second.close)
        held = open_pop3(first)
        with self.assertRaises(poplib.error_proto) as refused:
            open_pop3(second)
        self.assertIn("[IN-USE]", str(refused.exception))
        open_pop3(second, "bob").quit()
        held.quit()
        held = open_pop3(second)
        with self.assertRaises(poplib.error_proto):
            open_pop3(first)
        second.program.stop(signal.SIGKILL)
        open_pop3(first).quit()
        held.close()


class LargeTests(ClientTestCase):
    """Messages of 50 MB."""

    def _slow(self, number: int) -> socket.socket:
        """Ask for a message, and read nothing of it."""
        port = self.host.port["pop3"]
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.connect(("127.0.0.1", port))
        client.settimeout(60)
        login = f"USER alice@example.org\r\nPASS {PASSWORD['alice']}\r\n"
        client.sendall(f"{login}LIST {number}\r\nRETR {number}\r\n".encode())
        return client

    def _read(self, client: socket.socket) -> bytes:
        found = bytearray()
        while not found.endswith(b"\r\n.\r\n"):
            piece = client.recv(1 << 20)
            self.assertTrue(piece)
            found += piece
        return bytes(found)

    def test_streams(self) -> None:
        """A client that does not read costs little memory, and nobody time."""
        open_pop3(self.host).quit()
        line = b"0123456789" * 7
        octets = b"Subject: large\n\n" + (line + b"\n") * (SIZE // 71)
        wire = octets.replace(b"\n", b"\r\n")
        deliver(self.host, "1000000000.1.a", octets)
        deliver(self.host, "1000000000.2.a", wire)
        pop = open_with(self.host, 2)
        sizes = [int(one.split()[1]) for one in pop.list()[1]]
        self.assertEqual(sizes, [len(wire)] * 2)
        pop.quit()
        before = memory(self.host)
        for number in (1, 2):
            client = self._slow(number)
            end = time.monotonic() + START_TIMEOUT
            while len(client.recv(4096, socket.MSG_PEEK)) < 4096:
                self.assertLess(time.monotonic(), end)
            # Somebody else's login is answered while this one does not read.
            open_pop3(self.host, "bob").quit()
            self.assertLess(memory(self.host) - before, 8 << 20)
            found = self._read(client)
            begun = found.index(b"+OK %d octets\r\n" % len(wire))
            content = found[begun:].partition(b"\r\n")[2].removesuffix(b".\r\n")
            self.assertTrue(content == wire)
            client.sendall(b"QUIT\r\n")
            client.recv(100)
            client.close()
            self.assertLess(memory(self.host) - before, 8 << 20)

    def test_quit_or_not(self) -> None:
        """A lost connection deletes nothing; QUIT deletes all, also over kill -9."""
        open_pop3(self.host).quit()
        for number in range(4):
            deliver(self.host, f"1000000000.{number}.a", b"Subject: x\r\n\r\n")
        pop = open_with(self.host, 4)
        pop.dele(1)
        pop.close()
        pop = open_pop3(self.host)
        self.assertEqual(pop.stat()[0], 4)
        pop.dele(1)
        pop.dele(3)
        names = [line.split()[1] for line in pop.uidl()[1]]
        pop.quit()
        self.host.program.stop(signal.SIGKILL)
        self.host.start()
        pop = open_pop3(self.host)
        self.assertEqual([one.split()[1] for one in pop.uidl()[1]], names)
        pop.quit()
        until(lambda: files(self.host) == 2, lambda: f"{files(self.host)} files")


class OptionTests(SynchronousTestCase):
    """What an operator may choose."""

    def setUp(self) -> None:
        """Choose all of it."""
        self.host = Host(
            *("--pop3-apop", "--pop3-login-delay=60", "--pop3-expire=0"),
            services=("pop3", "pop3s", "lmtp"),
        )
        self.addCleanup(self.host.close)

    def _connected(self) -> Any:
        """Return a client that was offered APOP: the host has read its users."""

        def offered() -> Any:
            pop: Any = poplib.POP3("127.0.0.1", self.host.port["pop3"], timeout=60)
            if pop.welcome.endswith(b">"):
                return pop
            pop.quit()
            return None

        return until(offered, lambda: "APOP is never offered")

    def test_all(self) -> None:
        """APOP, UTF8 and LANG; what was read goes; who comes again is too soon."""
        with smtplib.LMTP("127.0.0.1", self.host.port["lmtp"]) as lmtp:
            for number in range(2):
                text = f"Subject: bl\u00e5 {number}\r\n\r\nbl\u00e5\r\n".encode()
                lmtp.sendmail("x@example.net", ["alice@example.org"], text)
        pop = self._connected()
        capabilities = pop.capa()
        self.assertEqual(capabilities["LOGIN-DELAY"], ["60"])
        self.assertEqual(capabilities["EXPIRE"], ["0"])
        with self.assertRaises(poplib.error_proto):
            pop.apop("alice@example.org", "wrong")
        pop.apop("alice@example.org", PASSWORD["alice"])
        lines = pop.retr(1)[1]
        self.assertIn(b"Subject: =?utf-8?b?YmzDpSAw?=", lines)
        self.assertIn("bl\u00e5".encode(), lines)
        pop.quit()
        late: Any = poplib.POP3("127.0.0.1", self.host.port["pop3"], timeout=60)
        late.user("alice@example.org")
        with self.assertRaises(poplib.error_proto) as refused:
            late.pass_(PASSWORD["alice"])
        self.assertIn("[LOGIN-DELAY]", str(refused.exception))
        late.quit()
        until(lambda: files(self.host) == 1, lambda: f"{files(self.host)} files")
        bob = self._connected()
        bob.utf8()
        bob.apop("bob@example.org", PASSWORD["bob"])
        bob.quit()

    def test_curl(self) -> None:
        """Curl logs in by APOP where it is told to."""
        self._connected().quit()
        port = self.host.port["pop3"]
        said = run(
            *(require("curl"), "-s", "-v", "--max-time", "20"),
            *("--login-options", "AUTH=+APOP", "-u", "bob@example.org:bob-secret"),
            f"pop3://127.0.0.1:{port}/",
        ).stdout
        self.assertIn(b"APOP bob@example.org ", said)

    def test_mpop(self) -> None:
        """Mpop fetches by every mechanism it has, and nothing twice."""
        host = Host("--pop3-apop", services=("pop3", "lmtp"))
        self.addCleanup(host.close)
        self.host = host
        self._connected().quit()
        with smtplib.LMTP("127.0.0.1", host.port["lmtp"]) as lmtp:
            for _ in range(3):
                lmtp.sendmail("x@example.net", ["bob@example.org"], "Subject: x\n\n.\n")
        for mechanism in MPOP:
            maildir = host.directory / mechanism
            for place in ("new", "cur", "tmp"):
                (maildir / place).mkdir(parents=True)
            for _ in range(2):
                run(
                    *(require("mpop"), "--host=127.0.0.1", "--keep=on"),
                    *(f"--port={host.port['pop3']}", f"--auth={mechanism}"),
                    *("--tls=on", "--tls-certcheck=off", "--user=bob@example.org"),
                    f"--passwordeval=echo {PASSWORD['bob']}",
                    f"--uidls-file={maildir}.seen",
                    f"--delivery=maildir,{maildir}",
                )
                self.assertEqual(len(list((maildir / "new").iterdir())), 3, mechanism)
