"""A phone's client: compressed, notified, and sending what it never downloads.

RFC 5550 has the name.
"""

import contextlib
import imaplib
import re
import smtplib
import zlib
from typing import Any

from tests.clients.base import PASSWORD, ClientTestCase
from tests.clients.test_python import insecure


class Compressed(imaplib.IMAP4_SSL):
    """An IMAP client of the standard library that can compress."""

    _inflater: Any = None

    def compress(self) -> None:
        assert b" OK " in self.ask("COMPRESS", "DEFLATE")[-1]
        self._deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        self._inflater = zlib.decompressobj(-15)
        self._held = b""
        self.received = self.inflated = 0

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self.shutdown()

    def _more(self) -> None:
        octets = self.sock.recv(65_536)
        if not octets:
            raise EOFError("the connection was closed")
        found = self._inflater.decompress(octets)
        self.received += len(octets)
        self.inflated += len(found)
        self._held += found

    def read(self, size: int) -> bytes:
        if self._inflater is None:
            return super().read(size)
        while len(self._held) < size:
            self._more()
        found, self._held = self._held[:size], self._held[size:]
        return found

    def readline(self) -> bytes:
        if self._inflater is None:
            return super().readline()
        while b"\n" not in self._held:
            self._more()
        return self.read(self._held.index(b"\n") + 1)

    def send(self, data: Any) -> None:
        if self._inflater is not None:
            data = self._deflater.compress(data) + self._deflater.flush(
                zlib.Z_SYNC_FLUSH
            )
        super().send(data)

    def ask(self, name: str, *arguments: str) -> list[bytes]:
        """Give a command that imaplib does not know; return all it is told."""
        tag = self._new_tag()
        self.send(
            b" ".join((tag, name.encode(), *map(str.encode, arguments))) + b"\r\n"
        )
        return self.told(until=tag)

    def told(self, until: bytes) -> list[bytes]:
        """Return lines up to one that begins or ends so."""
        lines = []
        while True:
            line = self.readline().rstrip(b"\r\n")
            lines.append(line)
            if line.startswith(until + b" ") or line.endswith(until):
                return lines


class LemonadeTests(ClientTestCase):
    """Over TLS, on a Maildir."""

    def client(self) -> Compressed:
        made = Compressed("127.0.0.1", self.host.port["imaps"], ssl_context=insecure())
        self.addCleanup(made.end)
        made.sock.settimeout(20)
        made.login("alice@example.org", PASSWORD["alice"])
        made.compress()
        return made

    def send(self, recipient: str, text: bytes) -> None:
        with smtplib.SMTP("127.0.0.1", self.host.port["smtp"], timeout=20) as smtp:
            smtp.sendmail("x@example.net", [recipient], text)

    def test_forward(self) -> None:
        """A message is told of, put together and sent on, and never downloaded."""
        imap = self.client()
        self.assertEqual(imap.create("Sent")[0], "OK")
        told = imap.ask(
            "NOTIFY",
            "SET (selected (MessageNew (UID ENVELOPE) MessageExpunge FlagChange))",
            "(personal (MessageNew MessageExpunge MailboxName))",
        )
        self.assertIn(b" OK ", told[-1])
        imap.select()
        # It arrives by SMTP while no command runs.
        body = b"0123456789abcdef\r\n" * 50_000
        self.send("alice@example.org", b"Subject: big\r\n\r\n" + body)
        self.assertIn(b'"big"', self._arrival(imap))
        # Another program makes a mailbox, and puts a message there.
        folder = self.host.maildir("alice") / ".Other"
        for part in ("cur", "new", "tmp"):
            (folder / part).mkdir(parents=True)
        self.assertIn(b" Other", imap.told(until=b" Other")[-1])
        (folder / "new" / "1.x").write_bytes(b"Subject: y\r\n\r\n")
        self.assertIn(
            b"* STATUS Other (", imap.told(until=b"UIDNEXT 2 MESSAGES 1)")[-1]
        )
        # The draft is put together on the server.
        head = b"From: alice@example.org\r\nSubject: Fwd: big\r\n\r\n"
        told = imap.ask(
            "APPEND",
            "Sent (\\Seen) CATENATE",
            f"(TEXT {{{len(head)}+}}\r\n{head.decode()}",
            "URL /INBOX/;UID=1/;SECTION=TEXT)",
        )
        self.assertIn(b"OK [APPENDUID", told[-1])
        told = imap.ask(
            "GENURLAUTH",
            '"imap://alice@mail.example.org/Sent/;uid=1;urlauth=submit+alice"',
            "INTERNAL",
        )
        urls = [one for line in told for one in re.findall(rb'"(imap:[^"]+)"', line)]
        self.assertEqual(len(urls), 1, told)
        # And submitted by its URL.
        port = self.host.port["submission"]
        with smtplib.SMTP("127.0.0.1", port, timeout=60) as smtp:
            smtp.starttls(context=insecure())
            smtp.login("alice@example.org", PASSWORD["alice"])
            smtp.ehlo()
            self.assertEqual(
                smtp.esmtp_features["burl"], "imap imap://mail.example.org"
            )
            for recipient, url, code in (
                ("bob", urls[0], 250),
                ("bob", urls[0][:-1] + b"x", 554),
                ("bob", urls[0].replace(b"submit+alice", b"submit+bob"), 554),
                ("bob", b"imap://alice@mail.example.org/Sent/;uid=1", 250),
                ("bob", b"imap://bob@mail.example.org/INBOX/;uid=1", 554),
                ("bob", b"imap://elsewhere.example.net/INBOX/;uid=1", 554),
            ):
                smtp.mail("alice@example.org")
                smtp.rcpt(f"{recipient}@example.org")
                answer = smtp.docmd("BURL", f"{url.decode()} LAST")
                self.assertEqual(answer[0], code, (url, answer))
                smtp.rset()
        with imaplib.IMAP4_SSL(
            "127.0.0.1", self.host.port["imaps"], ssl_context=insecure()
        ) as other:
            other.login("bob@example.org", PASSWORD["bob"])
            other.select()
            fetched: Any = other.fetch("1:*", "(BODY.PEEK[TEXT])")[1]
            self.assertEqual([one[1] for one in fetched if len(one) > 1], [body, body])

    def _arrival(self, imap: Compressed) -> bytes:
        lines = imap.told(until=b"))")
        self.assertIn(b"* 1 EXISTS", lines)
        return lines[-1]

    def test_compressed(self) -> None:
        """What can be compressed is; large answers come whole."""
        body = b"0123456789abcdef\r\n" * 100_000
        self.send("alice@example.org", b"Subject: big\r\n\r\n" + body)
        imap = self.client()
        imap.select()
        fetched: Any = imap.fetch("1", "(BODY.PEEK[TEXT])")[1]
        self.assertEqual(fetched[0][1], body)
        self.assertLess(imap.received * 20, imap.inflated)
        self.assertEqual(imap.logout()[0], "BYE")
