"""What a source says of its users is kept to by all services."""

import imaplib
import poplib
import smtplib
import time
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.clients.base import ClientTestCase
from tests.host import Host

USERS = """\
alice@example.org:{PLAIN}alice-secret::::/home/alice::quota=2K
bob@example.org:{PLAIN}bob-secret::::::forward=alice@example.org,bob@example.org
carol@example.org:{PLAIN}carol-secret::::::nologin
dave@example.org:{PLAIN}dave-secret::::::allow_nets=192.0.2.0/24
erin@example.org:{PLAIN}erin-secret::::::services=imap aliases=info
"""


class DirectoryTests(ClientTestCase):
    """A passwd-file with everything it can have."""

    def setUp(self) -> None:
        """Give the host these users."""
        super().setUp()
        self.host.passwd.write_text(USERS)
        time.sleep(1.1)

    def _imap(self, user: str) -> imaplib.IMAP4:
        imap = imaplib.IMAP4("127.0.0.1", self.host.port["imap"])
        self.addCleanup(imap.shutdown)
        imap.login(f"{user}@example.org", f"{user}-secret")
        return imap

    def _deliver(self, user: str, octets: int) -> dict[str, Any]:
        text = f"Subject: x\r\n\r\n{'x' * 70}\r\n" + "y" * octets
        with smtplib.LMTP("127.0.0.1", self.host.port["lmtp"]) as lmtp:
            try:
                return lmtp.sendmail("x@example.net", [f"{user}@example.org"], text)
            except smtplib.SMTPRecipientsRefused as refused:
                return refused.recipients
            except smtplib.SMTPDataError as refused:
                return {f"{user}@example.org": refused.args}

    def _count(self, user: str) -> int:
        return int(self._imap(user).select()[1][0] or b"0")

    def test_quota(self) -> None:
        """Delivery and clients keep to the quota of the directory."""
        self.assertEqual(self._deliver("alice", 500), {})
        refused = self._deliver("alice", 2000)
        self.assertEqual(refused["alice@example.org"][0], 452)
        imap = self._imap("alice")
        self.assertIn(b"(STORAGE 1 2)", imap.getquotaroot("INBOX")[1][1][0])
        status, said = imap.append("INBOX", "", None, b"x" * 3000)  # type: ignore[arg-type]
        self.assertEqual(status, "NO")
        self.assertIn(b"[OVERQUOTA]", said[0])

    def test_forward(self) -> None:
        """Mail goes where the directory says."""
        self.assertEqual(self._deliver("bob", 5), {})
        self.assertEqual((self._count("bob"), self._count("alice")), (1, 1))

    def test_logins(self) -> None:
        """Who is closed, elsewhere or not for this service gets the same answer."""
        for user in ("carol", "dave", "nobody"):
            with self.assertRaises(imaplib.IMAP4.error) as refused:
                self._imap(user)
            self.assertIn("AUTHENTICATIONFAILED", str(refused.exception))
        self._imap("erin")
        pop = poplib.POP3("127.0.0.1", self.host.port["pop3"])
        pop.user("erin@example.org")
        with self.assertRaises(poplib.error_proto) as failed:
            pop.pass_("erin-secret")
        self.assertIn("[AUTH]", str(failed.exception))
        pop.close()
        # They get mail all the same, under any of their names.
        for user in ("carol", "dave", "info"):
            self.assertEqual(self._deliver(user, 5), {})
        self.assertEqual(self._count("erin"), 1)
        said = self.host.program.said()
        for reason in ("closed", "network", "credentials", "service"):
            self.assertIn(f"reason={reason}", said)
        self.assertNotIn("-secret", said)


class HomeTests(SynchronousTestCase):
    """Mail in the homes of a passwd-file."""

    def test_home(self) -> None:
        """Delivery and reading go to the home; without one the mail waits."""
        homes = Path(self.mktemp()).absolute()
        host = Host("--realm=maildir:%h/Maildir", services=("lmtp", "pop3"))
        self.addCleanup(host.close)
        host.passwd.write_text(
            f"alice@example.org:{{PLAIN}}alice-secret::::{homes}/a::\n"
            "bob@example.org:{PLAIN}bob-secret\n"
        )
        time.sleep(1.1)
        for user, code in (("alice", 250), ("bob", 451)):
            with smtplib.LMTP("127.0.0.1", host.port["lmtp"]) as lmtp:
                lmtp.ehlo("client.example")
                lmtp.mail("x@example.net")
                lmtp.rcpt(f"{user}@example.org")
                self.assertEqual(lmtp.data("Subject: x\n\n")[0], code)
        pop = poplib.POP3("127.0.0.1", host.port["pop3"])
        pop.user("alice@example.org")
        pop.pass_("alice-secret")
        self.assertEqual(pop.stat()[0], 1)
        pop.quit()
        self.assertTrue((homes / "a" / "Maildir" / "cur").is_dir())
