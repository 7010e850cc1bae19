"""IMAPClient: what it makes of our answers is what was meant."""

from datetime import datetime
from typing import Any

from tests.clients.base import PASSWORD, ClientTestCase
from tests.peers import missing

MESSAGE = (
    b"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\r\n"
    b"To: a@example.org, g: b@c.de;\r\n"
    b"Subject: =?utf-8?b?R3LDvMOfZQ==?= %d\r\nDate: Thu, %d Jan 2026 10:00:00 +0000\r\n"
    b"Message-ID: <%d@example.org>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\n\r\ntext %d\r\n"
    b"--b\r\nContent-Type: application/pdf; name=x.pdf\r\n\r\n%%\r\n--b--\r\n"
)


def message(number: int) -> bytes:
    """Return a message of two parts, sent on a day of its own."""
    return MESSAGE % (number, number, number, number)


class IMAPClientTests(ClientTestCase):
    """A library that parses everything."""

    def connect(self) -> Any:
        """Return a client after the login."""
        try:
            from imapclient import IMAPClient
        except ImportError:
            missing("imapclient")
        client = IMAPClient("127.0.0.1", self.host.port["imap"], ssl=False, timeout=20)
        self.addCleanup(client.shutdown)
        client.login("alice@example.org", PASSWORD["alice"])
        return client

    def test_session(self) -> None:
        """Mailboxes, messages, flags, search, sort, thread, idle, quota."""
        client = self.connect()
        self.assertTrue(client.has_capability("IMAP4rev2"))
        self.assertEqual(client.enable("CONDSTORE"), [b"CONDSTORE"])
        client.create_folder("Büro")
        client.create_folder("Büro/Pläne & mehr")
        names = [name for _, _, name in client.list_folders()]
        self.assertEqual(names, ["Büro", "Büro/Pläne & mehr", "INBOX"])
        client.subscribe_folder("Büro")
        self.assertEqual([one[2] for one in client.list_sub_folders()], ["Büro"])
        for number in range(1, 6):
            octets = message(number)
            when = datetime(2026, 1, number, 12, 0)
            client.append("INBOX", octets, ["\\Flagged"] if number == 2 else [], when)
        told = client.select_folder("INBOX")
        self.assertEqual((told[b"EXISTS"], told[b"UIDNEXT"]), (5, 6))
        self.assertIs(told[b"READ-WRITE"], True)
        fetched = client.fetch(
            client.search(),
            ["FLAGS", "ENVELOPE", "BODYSTRUCTURE", "INTERNALDATE", "BODY.PEEK[1]"],
        )
        self.assertEqual(sorted(fetched), [1, 2, 3, 4, 5])
        third = fetched[3]
        self.assertEqual(third[b"ENVELOPE"].message_id, b"<3@example.org>")
        self.assertEqual(third[b"ENVELOPE"].from_[0].mailbox, b"joerg")
        self.assertEqual(third[b"BODY[1]"], b"text 3")
        self.assertEqual(third[b"INTERNALDATE"], datetime(2026, 1, 3, 12, 0))
        parts, kind = third[b"BODYSTRUCTURE"][:2]
        self.assertEqual((len(parts), kind), (2, b"mixed"))
        self.assertEqual(client.search(["SUBJECT", "GRÜSSE"], "UTF-8"), [])
        self.assertEqual(client.search(["SUBJECT", "GRÜßE 4"], "UTF-8"), [4])
        self.assertEqual(client.sort("REVERSE DATE"), [5, 4, 3, 2, 1])
        self.assertEqual(len(client.thread("REFERENCES")), 5)
        client.add_flags([1, 4], ["\\Deleted", "$Later"])
        self.assertEqual(client.search("KEYWORD $Later"), [1, 4])
        client.uid_expunge([4])
        self.assertEqual(client.search(), [1, 2, 3, 5])
        client.move([5], "Büro")
        client.copy([1], "Büro/Pläne & mehr")
        status = client.folder_status("Büro", ["MESSAGES", "UNSEEN"])
        self.assertEqual(status, {b"MESSAGES": 1, b"UNSEEN": 1})
        self.assertEqual(client.namespace().personal, (("", "/"),))
        self.assertIn(b"MODSEQ", client.fetch([1], ["MODSEQ"])[1])
        self.assertTrue(client.id_({"name": "test"}))

    def test_idle(self) -> None:
        """What another session does is heard while waiting."""
        one, two = self.connect(), self.connect()
        two.append("INBOX", message(1))
        one.select_folder("INBOX")
        one.idle()
        two.append("INBOX", message(2))
        heard: list[Any] = []
        while (2, b"EXISTS") not in heard:
            heard += one.idle_check(timeout=20)
        text, rest = one.idle_done()
        self.assertEqual(text, b"IDLE completed")
        self.assertEqual(rest, [])
