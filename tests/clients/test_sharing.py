"""Shared mailboxes on a running host, with two users."""

import imaplib

from tests.clients.base import PASSWORD, ClientTestCase

HERS = '"Other Users/alice@example.org/Work"'


def login(case: ClientTestCase, user: str) -> imaplib.IMAP4:
    """Return a client after the login of a user."""
    client = imaplib.IMAP4("127.0.0.1", case.host.port["imap"], timeout=20)
    case.addCleanup(client.shutdown)
    client.login(f"{user}@example.org", PASSWORD[user])
    return client


class SharingTests(ClientTestCase):
    """Alice shares with Bob over the wire, with mail in Maildirs."""

    def test_two_users(self) -> None:
        """What is shared is there at once, in both directions, and over a restart."""
        alice, bob = login(self, "alice"), login(self, "bob")
        self.assertIn(b" ACL RIGHTS=kxte ", alice.capability()[1][0])
        alice.create("Work")
        self.assertEqual(bob.select(HERS)[0], "NO")
        self.assertEqual(alice.setacl("Work", "bob", "lrswite")[0], "OK")
        alice.append("Work", "", None, b"Subject: one\r\n\r\nText\r\n")
        self.assertEqual(bob.select(HERS), ("OK", [b"1"]))
        self.assertEqual(bob.fetch("1", "(BODY[TEXT])")[1][0][1], b"Text\r\n")
        alice.select("Work")
        self.assertEqual(alice.fetch("1", "(FLAGS)")[1], [b"1 (FLAGS (\\Seen))"])
        self.assertEqual(bob.copy("1", "INBOX")[0], "OK")
        bob.store("1", "+FLAGS", "\\Deleted")
        self.assertEqual(bob.expunge(), ("OK", [b"1"]))
        alice.noop()
        self.assertEqual(alice.untagged_responses["EXPUNGE"], [b"1"])
        bob.select("INBOX")
        self.assertEqual(bob.fetch("1", "(BODY[TEXT])")[1][0][1], b"Text\r\n")
        self.host.program.stop()
        self.host.start()
        bob = login(self, "bob")
        self.assertEqual(bob.myrights(HERS)[1][0].split()[-1], b"lrswited")
        self.assertIn("Work", repr(bob.list()))

    def test_switched_off(self) -> None:
        """Without levels for others there is no ACL."""
        self.host.program.stop()
        self.host.options = (
            f"--realm=maildir:{self.host.state_dir}/mail/%d/%n:others=",
        )
        self.host.start()
        alice = login(self, "alice")
        self.assertNotIn(b" ACL ", alice.capability()[1][0])
        self.assertEqual(alice.namespace()[1], [b'(("" "/")) NIL NIL'])
