"""Python's own smtplib, imaplib and poplib."""

import imaplib
import poplib
import smtplib
import ssl
from typing import Any

from tests.clients.base import PASSWORD, ClientTestCase

MESSAGE = """\
From: Bob <bob@example.org>
To: alice@example.org
Subject: {subject}
Message-ID: <{subject}@example.org>
Date: Thu, 1 Jan 2026 10:00:00 +0000

.A line that begins with a dot.
..
The end.
"""


def insecure() -> ssl.SSLContext:
    """Return a context that takes the host's self-signed certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class PythonTests(ClientTestCase):
    """From sending to reading, with the standard library alone."""

    def test_round_trip(self) -> None:
        """What is submitted is read back octet for octet over IMAP and POP3."""
        port = self.host.port
        text = MESSAGE.format(subject="round-trip")
        with smtplib.SMTP("127.0.0.1", port["submission"], timeout=20) as smtp:
            smtp.starttls(context=insecure())
            smtp.login("bob@example.org", PASSWORD["bob"])
            smtp.sendmail("bob@example.org", ["alice@example.org"], text)
        expected = text.replace("\n", "\r\n").encode()
        with imaplib.IMAP4("127.0.0.1", port["imap"]) as imap:
            imap.starttls(insecure())
            imap.login("alice@example.org", PASSWORD["alice"])
            imap.select()
            found = imap.search(None, "SUBJECT", "round-trip")[1][0].split()
            self.assertEqual(len(found), 1)
            fetched: Any = imap.fetch(found[0].decode(), "(BODY[])")
            octets = fetched[1][0][1]
            self.assertTrue(octets.endswith(expected), octets)
            self.assertIn(b"with ESMTPSA", octets)
        pop: Any = poplib.POP3_SSL("127.0.0.1", port["pop3s"], context=insecure())
        pop.user("alice@example.org")
        pop.pass_(PASSWORD["alice"])
        number = len(pop.list()[1])
        _, lines, _ = pop.retr(number)
        self.assertEqual(b"\r\n".join(lines) + b"\r\n", octets)
        self.assertEqual(len(octets), int(pop.list(number).split()[2]))
        pop.dele(number)
        pop.quit()

    def test_lmtp(self) -> None:
        """LMTP answers for each recipient."""
        with smtplib.LMTP("127.0.0.1", self.host.port["lmtp"]) as lmtp:
            refused = lmtp.sendmail(
                "x@example.net",
                ["alice@example.org", "nobody@example.org"],
                MESSAGE.format(subject="lmtp"),
            )
        self.assertEqual(list(refused), ["nobody@example.org"])
        self.assertEqual(refused["nobody@example.org"][0], 550)

    def test_refusals(self) -> None:
        """Relaying, unknown users, foreign senders and too much are refused."""
        with smtplib.SMTP("127.0.0.1", self.host.port["smtp"], timeout=20) as smtp:
            smtp.ehlo()
            smtp.mail("x@example.net")
            self.assertEqual(smtp.rcpt("y@example.com")[0], 550)
            self.assertIn(b"5.7.1", smtp.rcpt("y@example.com")[1])
            self.assertIn(b"5.1.1", smtp.rcpt("nobody@example.org")[1])
            smtp.rset()
            code, text = smtp.docmd("MAIL FROM:<x@example.net> SIZE=99999999999")
            self.assertEqual(code, 552, text)
            self.assertEqual(smtp.verify("alice")[0], 252)
        with smtplib.SMTP("127.0.0.1", self.host.port["submission"]) as smtp:
            smtp.starttls(context=insecure())
            smtp.ehlo()
            self.assertEqual(smtp.mail("bob@example.org")[0], 530)
            smtp.login("bob@example.org", PASSWORD["bob"])
            self.assertEqual(smtp.mail("alice@example.org")[0], 550)

    def test_imap_mailboxes(self) -> None:
        """Mailboxes are made, filled, copied, renamed and removed."""
        with imaplib.IMAP4_SSL(
            "127.0.0.1", self.host.port["imaps"], ssl_context=insecure()
        ) as imap:
            imap.login("bob@example.org", PASSWORD["bob"])
            self.assertEqual(imap.create("Work/Plans")[0], "OK")
            message = MESSAGE.format(subject="plan").replace("\n", "\r\n").encode()
            date = '"01-Jan-2026 10:00:00 +0000"'
            self.assertEqual(
                imap.append("Work/Plans", "(\\Seen)", date, message)[0], "OK"
            )
            self.assertEqual(imap.select("Work/Plans")[1], [b"1"])
            _, found = imap.fetch("1", "(FLAGS INTERNALDATE RFC822.SIZE)")
            self.assertIn(b"RFC822.SIZE %d" % len(message), found[0])
            self.assertIn(b"01-Jan-2026 10:00:00 +0000", found[0])
            self.assertIn(b"\\Seen", found[0])
            self.assertEqual(imap.copy("1", "INBOX")[0], "OK")
            self.assertEqual(imap.store("1", "+FLAGS", "\\Deleted")[0], "OK")
            self.assertEqual(imap.expunge()[1], [b"1"])
            self.assertEqual(imap.close()[0], "OK")
            self.assertEqual(imap.rename("Work/Plans", "Done")[0], "OK")
            answer: Any = imap.list()
            listed = b" ".join(answer[1])
            self.assertIn(b"Done", listed)
            self.assertNotIn(b"Plans", listed)
            self.assertEqual(imap.delete("Done")[0], "OK")
