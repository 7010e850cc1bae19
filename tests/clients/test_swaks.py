"""swaks, the SMTP tester."""

from tests.clients.base import PASSWORD, ClientTestCase
from tests.host import run
from tests.peers import require


class SwaksTests(ClientTestCase):
    """Every way in."""

    def swaks(self, service: str, *arguments: str, status: int = 0) -> str:
        """Run swaks and return the conversation."""
        done = run(
            require("swaks"),
            "--server",
            "127.0.0.1",
            "--port",
            str(self.host.port[service]),
            "--from",
            "bob@example.org",
            "--helo",
            "client.example.org",
            *arguments,
            status=status,
        )
        return done.stdout.decode()

    def test_reception(self) -> None:
        """Mail for our users comes in, plain, over TLS and pipelined."""
        to = ("--to", "alice@example.org")
        self.assertIn("250 2.", self.swaks("smtp", *to))
        self.assertIn("TLS started", self.swaks("smtp", *to, "-tls"))
        self.assertIn("250 2.", self.swaks("smtp", *to, "--pipeline"))
        self.swaks("smtp", "--to", "alice@example.org,bob@example.org")

    def test_submission(self) -> None:
        """A user sends after logging in, by either mechanism."""
        for mechanism in ("PLAIN", "LOGIN"):
            login = (
                "--auth",
                mechanism,
                "--auth-user",
                "bob@example.org",
                "--auth-password",
                PASSWORD["bob"],
                "--to",
                "alice@example.org",
            )
            self.assertIn("235 2.7.0", self.swaks("submission", "-tls", *login))
            self.swaks("submissions", "-tlsc", *login)

    def test_wrong_password(self) -> None:
        """A wrong password is refused (swaks exits with 28)."""
        said = self.swaks(
            "submission",
            "-tls",
            "--auth",
            "PLAIN",
            "--auth-user",
            "bob@example.org",
            "--auth-password",
            "wrong",
            "--to",
            "alice@example.org",
            status=28,
        )
        self.assertIn("535 5.7.8", said)

    def test_refused(self) -> None:
        """No recipient is taken that is not ours (swaks exits with 24)."""
        relay = self.swaks("smtp", "--to", "x@example.com", status=24)
        self.assertIn("550 5.7.1", relay)
        unknown = self.swaks("smtp", "--to", "nobody@example.org", status=24)
        self.assertIn("550 5.1.1", unknown)

    def test_lmtp(self) -> None:
        """LMTP delivers."""
        said = self.swaks("lmtp", "--protocol", "LMTP", "--to", "alice@example.org")
        self.assertIn("250 2.", said)
