"""Mail that takes the routes of the configuration file, between real processes."""

import smtplib
import time
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.clients.test_outbound import MESSAGE, mailframe
from tests.host import Host, free_ports, until

ROUTES = """\
resolver = "127.0.0.1:{nobody}"

[queue]
retry = ["1s"]
ca-file = "{authority}"

[[route]]
domain = "example.net"
sender = "dora@example.net"
to = ["127.0.0.1:{nobody}", "127.0.0.1:{submission}"]
user = "dora@example.net"
password-file = "{secret}"

[[route]]
domain = "example.net"
after = 1
to = "lmtp:127.0.0.1:{lmtp}"

[[route]]
domain = "example.net"
to = "127.0.0.1:{nobody}"
"""


class RouteTests(SynchronousTestCase):
    """One host sends by its routes, the other receives."""

    def setUp(self) -> None:
        """Start both."""
        services = ("submission", "lmtp", "imap")
        self.far = Host("--domain=example.net", services=services)
        self.addCleanup(self.far.close)
        (nobody,) = free_ports(1)
        secret = self.far.directory / "secret"
        secret.write_text("dora-secret\n")
        file = self.far.directory / "near.toml"
        file.write_text(
            ROUTES.format(
                nobody=nobody,
                authority=self.far.state_dir / "tls" / "certificate.pem",
                secret=secret,
                **self.far.port,
            )
        )
        self.near = Host(
            *("--domain=example.com", "--relay-from=127.0.0.0/8", f"--config={file}"),
            services=("smtp",),
        )
        self.addCleanup(self.near.close)
        with self.far.passwd.open("a") as lines:
            lines.write("dora@example.net:{PLAIN}dora-secret\n")
        time.sleep(1.1)  # The passwd file is looked at once a second.

    def deliver(self, sender: str) -> Any:
        """Send through the near host; return what came to the far one."""
        with smtplib.SMTP("127.0.0.1", self.near.port["smtp"]) as client:
            text = MESSAGE.format(subject=sender)
            client.sendmail(sender, ["dora@example.net"], text)
        mail = self.far.state_dir / "mail"
        (found,) = until(
            lambda: list(mail.glob("*/dora/new/*")),
            lambda: mailframe(self.near, "queue", "list") + self.near.program.said(),
        )
        return found.read_text()

    def test_sender(self) -> None:
        """By sender, past a smarthost that is down, over TLS, with a login."""
        found = self.deliver("dora@example.net")
        received = found[: found.index("Subject:")]
        self.assertIn("ESMTPSA", received)

    def test_after(self) -> None:
        """After an attempt that failed, by another way: LMTP."""
        found = self.deliver("erin@example.com")
        self.assertIn("LMTP", found[: found.index("Subject:")])
