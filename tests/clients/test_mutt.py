"""mutt: sends through submission and reads the Maildir itself."""

import imaplib

from tests.clients.base import PASSWORD, ClientTestCase
from tests.host import environment, run
from tests.peers import require


class MuttTests(ClientTestCase):
    """A mail client beside the server on one Maildir."""

    def test_send_and_read(self) -> None:
        """What mutt sends it reads from the Maildir, and IMAP sees it read."""
        mutt = require("mutt")
        script = require("script")
        home = self.host.directory / "mutt"
        # mutt asks for leave to make it when it is not there.
        (home / "Mail").mkdir(parents=True)
        rc = home / "muttrc"
        rc.write_text(
            f'set smtp_url="smtp://bob@example.org@127.0.0.1:'
            f'{self.host.port["submission"]}/"\n'
            f'set smtp_pass="{PASSWORD["bob"]}"\n'
            "set smtp_authenticators=plain ssl_starttls=no ssl_force_tls=no\n"
            "set from=bob@example.org use_envelope_from copy=no\n"
            "set quit=yes delete=yes wait_key=no\n"
        )
        env = {**environment(), "HOME": str(home), "TERM": "xterm"}
        run(
            mutt,
            "-F",
            str(rc),
            "-s",
            "from mutt",
            "alice@example.org",
            octets=b"Hello Alice.\n",
            env=env,
        )
        self.host.new_mail("alice")
        maildir = self.host.maildir("alice")
        keys = f"<pipe-message>tee {home}/read.txt<enter><quit>"
        command = f"{mutt} -F {rc} -f {maildir} -e 'push \"{keys}\"'"
        run(script, "-qec", command, "/dev/null", env=env)
        self.assertIn("Hello Alice.", (home / "read.txt").read_text())
        with imaplib.IMAP4("127.0.0.1", self.host.port["imap"]) as imap:
            imap.login("alice@example.org", PASSWORD["alice"])
            imap.select()
            self.assertEqual(imap.search(None, "SUBJECT", '"from mutt"')[1], [b"1"])
