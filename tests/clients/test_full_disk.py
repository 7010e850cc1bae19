"""A disk that is full: every protocol says so, and nothing is half there."""

import imaplib
import re
import shutil
import smtplib
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.host import Program, environment, free_ports, twistd
from tests.peers import require

BODY = b"Subject: filler\r\n\r\n" + (b"0123456789abcdef" * 4 + b"\r\n") * 8_192


class FullDiskTests(SynchronousTestCase):
    """A host whose state is on a small file system of its own."""

    def test_full(self) -> None:
        """SMTP says 452, LMTP 452, IMAP NO [OVERQUOTA]; what was taken is whole."""
        unshare = require("unshare")
        directory = Path(tempfile.mkdtemp(prefix="mailframe-full-"))
        self.addCleanup(shutil.rmtree, directory)
        state = directory / "state"
        state.mkdir()
        passwd = directory / "passwd"
        passwd.write_text("alice@example.org:{PLAIN}secret\n")
        smtp, lmtp, imap = ports = free_ports(3)
        # A mount name space of our own: what is mounted there nobody else sees.
        mount = 'mount -t tmpfs -o size=10m,mode=700 none "$0" && exec "$@"'
        program = Program(
            [
                *(unshare, "--map-root-user", "--mount", "sh", "-c", mount, str(state)),
                *twistd(
                    "-n",
                    "mailframe",
                    "--domain=example.org",
                    f"--auth=passwd:{passwd}",
                    f"--state-dir={state}",
                    f"--smtp=tcp:{smtp}:interface=127.0.0.1",
                    f"--lmtp=tcp:{lmtp}:interface=127.0.0.1",
                    f"--imap=tcp:{imap}:interface=127.0.0.1",
                ),
            ],
            directory,
            ports,
            environment(),
        )
        self.addCleanup(program.stop)
        taken = 0
        with smtplib.SMTP("127.0.0.1", smtp, timeout=30) as client:
            while True:
                try:
                    client.sendmail("x@example.net", ["alice@example.org"], BODY)
                except smtplib.SMTPDataError as refused:
                    self.assertEqual(refused.smtp_code, 452, refused.smtp_error)
                    self.assertIn(b"4.3.1", refused.smtp_error)
                    break
                taken += 1
                self.assertLess(taken, 40)
            self.assertGreater(taken, 2)
            self.assertEqual(client.noop()[0], 250)
        with (
            smtplib.LMTP("127.0.0.1", lmtp) as client,
            self.assertRaises(smtplib.SMTPDataError) as caught,
        ):
            client.sendmail("x@example.net", ["alice@example.org"], BODY)
        self.assertEqual(caught.exception.smtp_code, 452)
        with imaplib.IMAP4("127.0.0.1", imap) as client:
            client.login("alice@example.org", "secret")
            self.assertEqual(client.select()[1], [b"%d" % taken])
            kind, text = client.append("INBOX", "", "", BODY)
            self.assertEqual(kind, "NO")
            self.assertIn(b"[OVERQUOTA]", text[0])
            # What was taken is whole.
            _, found = client.fetch("1:*", "(BODY.PEEK[])")
            bodies = [one[1] for one in found if isinstance(one, tuple)]
            self.assertEqual(len(bodies), taken)
            for octets in bodies:
                self.assertTrue(octets.endswith(BODY))
            # With room again, mail comes in again.
            client.store("1:3", "+FLAGS", "(\\Deleted)")
            self.assertEqual(client.expunge()[0], "OK")
            self.assertEqual(client.noop()[0], "OK")
        with smtplib.SMTP("127.0.0.1", smtp, timeout=30) as client:
            client.sendmail("x@example.net", ["alice@example.org"], "Subject: room\n\n")
        program.stop()
        said = program.said()
        self.assertNotIn("Traceback", said)
        self.assertTrue(re.search(r"full|No space", said), said)
