"""curl as a client of all three protocols."""

from tests.clients.base import PASSWORD, ClientTestCase
from tests.host import run
from tests.peers import require

MESSAGE = b"From: bob@example.org\r\nSubject: by curl\r\n\r\n.dot\r\nbody\r\n"


class CurlTests(ClientTestCase):
    """What curl sends, curl reads."""

    def curl(
        self, url: str, *arguments: str, user: str = "", octets: bytes = b""
    ) -> bytes:
        """Run curl over TLS and return what it printed."""
        login = ["-u", f"{user}@example.org:{PASSWORD[user]}"] if user else []
        return run(
            require("curl"),
            "-sS",
            "-k",
            "--ssl-reqd",
            *login,
            *arguments,
            url,
            octets=octets,
        ).stdout

    def test_all_three(self) -> None:
        """Submission, then IMAP and POP3, each by STARTTLS and by implicit TLS."""
        port = self.host.port
        for service in ("submission", "submissions"):
            scheme = "smtps" if service == "submissions" else "smtp"
            self.curl(
                f"{scheme}://127.0.0.1:{port[service]}/client.example.org",
                "--mail-from",
                "bob@example.org",
                "--mail-rcpt",
                "alice@example.org",
                "-T",
                "-",
                user="bob",
                octets=MESSAGE,
            )
        file = self.host.directory / "message"
        file.write_bytes(MESSAGE)
        for service in ("imap", "imaps"):
            base = f"{service}://127.0.0.1:{port[service]}"
            self.assertIn(b"INBOX", self.curl(f"{base}/", user="alice"))
            text = self.curl(f"{base}/INBOX;UID=1", user="alice")
            self.assertTrue(text.endswith(MESSAGE), text)
            part = self.curl(f"{base}/INBOX;UID=2;SECTION=TEXT", user="alice")
            self.assertEqual(part, b".dot\r\nbody\r\n")
            found = self.curl(f"{base}/INBOX?SUBJECT%20curl", user="alice")
            self.assertEqual(found, b"* SEARCH 1 2\r\n")
            self.curl(f"{base}/INBOX", "-T", str(file), user="bob")
        for service in ("pop3", "pop3s"):
            base = f"{service}://127.0.0.1:{port[service]}"
            self.assertEqual(len(self.curl(f"{base}/", user="alice").splitlines()), 2)
            text = self.curl(f"{base}/1", user="alice")
            self.assertTrue(text.endswith(MESSAGE), text)
