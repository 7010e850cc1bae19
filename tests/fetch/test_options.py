"""``fetch.toml``: what it may say, and one line for what it may not."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mailframe.fetch.options import FetchAccount, read_accounts
from mailframe.model.secret import Secret

GOOD = """\
[[account]]
protocol = "imap"
host = "IMAP.example.net"
user = "ann"
password-file = "secret"
to = "alice@example.org"
"""


class OptionsTests(SynchronousTestCase):
    """One file, some accounts."""

    def setUp(self) -> None:
        """Make a directory with a password."""
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        (self.directory / "secret").write_bytes(b"pass\n")
        (self.directory / "empty").write_bytes(b"\n")

    def read(self, text: str) -> tuple[FetchAccount, ...]:
        """Write the file and read it."""
        path = self.directory / "fetch.toml"
        path.write_text(text)
        return read_accounts(path)

    def test_defaults(self) -> None:
        """Little must be said: TLS, the right port, and nothing is deleted."""
        (account,) = self.read(GOOD)
        self.assertEqual(account.host, "imap.example.net")
        self.assertEqual((account.port, account.tls), (993, "implicit"))
        self.assertEqual(account.password, Secret(b"pass"))
        self.assertTrue(account.keep)
        self.assertNotIn("pass", repr(account).replace("password", ""))

    def test_everything(self) -> None:
        """All keys are taken."""
        (account,) = self.read(
            GOOD + 'tls = "starttls"\nport = 1143\nmailbox = "Work"\n'
            'folders = ["INBOX", "Old"]\nkeep = false\nidle = false\n'
            'interval = 60\nmax-size = 1000\nauthorities = "ca.pem"\n'
        )
        self.assertEqual((account.port, account.tls), (1143, "starttls"))
        self.assertEqual(account.folders, ("INBOX", "Old"))
        self.assertEqual((account.mailbox, account.max_size), ("Work", 1000))
        self.assertEqual(account.authorities, self.directory / "ca.pem")
        self.assertFalse(account.keep or account.idle)

    def test_wrong(self) -> None:
        """Whatever is wrong is one line with file and key, without the value."""
        pop3 = GOOD.replace('"imap"', '"pop3"')
        for text, why in (
            ("", "no [[account]]"),
            ("account = 1", "no [[account]]"),
            ("account = [1]", "account 1: not a table"),
            ("x = 1\n" + GOOD, "x: unknown key"),
            ("[[account]]\n" + GOOD[12:] + "colour = 1", "colour: unknown key"),
            (GOOD.replace("protocol", "#"), "protocol is missing"),
            (GOOD + "port = true", "port: not a right value"),
            (GOOD + "port = 0", "port: not a right value"),
            (GOOD + "interval = 1", "interval: not a right value"),
            (GOOD + "folders = []", "folders: not a right value"),
            (GOOD + "folders = ['a//b']", "not the name of a mailbox"),
            (GOOD + 'tls = "maybe"', "tls: not a right value"),
            (pop3 + 'folders = ["INBOX"]', "folders: POP3 has none"),
            (GOOD.replace('"secret"', '"empty"'), "is empty"),
            (GOOD.replace('"secret"', '"none"'), "No such file"),
            (GOOD + GOOD, "is there twice"),
            ("[", "fetch.toml: "),
        ):
            error = self.assertRaises(ValueError, self.read, text)
            self.assertIn(why, str(error))
            self.assertIn("fetch.toml", str(error))
            self.assertNotIn("\n", str(error))
