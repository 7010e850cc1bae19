"""Dovecot on the same Maildir, at the same time."""

import imaplib
import os
import pwd

from tests.clients.base import PASSWORD, ClientTestCase
from tests.host import run
from tests.peers import require

CONFIG = """\
log_path = /dev/stderr
base_dir = {directory}/run
state_dir = {directory}/state
mail_home = {directory}/home
mail_location = maildir:{maildir}
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 0
first_valid_gid = 0
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
ssl = no
protocols =
userdb {{
  driver = static
  args = uid={user} gid={group} home={directory}/home
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""


class DovecotTests(ClientTestCase):
    """What one server writes the other reads."""

    def test_same_maildir(self) -> None:
        """Messages, UIDs and flags are the same in both, and stay so."""
        doveadm, imapd = require("doveadm"), require("imap")
        directory = self.host.directory / "dovecot"
        (directory / "home").mkdir(parents=True)
        (directory / "run").mkdir()
        me = pwd.getpwuid(os.getuid())
        config = directory / "dovecot.conf"
        maildir = self.host.maildir("alice")
        with imaplib.IMAP4("127.0.0.1", self.host.port["imap"]) as imap:
            imap.login("alice@example.org", PASSWORD["alice"])
            imap.create("Archiv/J&AOQ-nner")
            imap.create("Archive/2026")
            for number in range(1, 4):
                imap.append("INBOX", "", None, b"Subject: %d\r\n\r\nx\r\n" % number)
            imap.append("Archive/2026", "(\\Flagged)", None, b"Subject: old\r\n\r\n")
            imap.select()
            imap.store("2", "+FLAGS", "(\\Seen \\Answered)")
            imap.noop()
            config.write_text(
                CONFIG.format(
                    directory=directory,
                    maildir=maildir,
                    user=me.pw_name,
                    group=me.pw_gid,
                )
            )

            def fetch(what: str, *query: str) -> list[str]:
                done = run(
                    doveadm,
                    "-c",
                    str(config),
                    "-f",
                    "tab",
                    "fetch",
                    "-u",
                    "alice",
                    what,
                    *query,
                )
                return done.stdout.decode().splitlines()[1:]

            self.assertEqual(
                fetch("hdr.subject flags", "mailbox", "INBOX"),
                ["1\t", "2\t\\Answered \\Seen", "3\t"],
            )
            self.assertEqual(
                fetch("hdr.subject flags", "mailbox", "Archive/2026"),
                ["old\t\\Flagged"],
            )
            # The other way: Dovecot's imapd flags, adds and expunges.
            script = (
                b"a SELECT INBOX\r\n"
                b"b STORE 1 +FLAGS (\\Flagged $Label)\r\n"
                b"c APPEND INBOX {16+}\r\nSubject: 4\r\n\r\n\r\n\r\n"
                b"d STORE 3 +FLAGS (\\Deleted)\r\n"
                b"e EXPUNGE\r\n"
                b"z LOGOUT\r\n"
            )
            said = run(
                imapd,
                "-c",
                str(config),
                octets=script,
                env={**os.environ, "USER": "alice", "HOME": str(directory / "home")},
            ).stdout
            self.assertIn(b"z OK", said)
            imap.noop()
            _, found = imap.fetch(
                "1:*", "(UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])"
            )
            subjects = [one[1].strip() for one in found if isinstance(one, tuple)]
            self.assertEqual(subjects, [b"Subject: 1", b"Subject: 2", b"Subject: 4"])
            self.assertIn(b"\\Flagged", found[0][0])
            self.assertIn(b"$Label", found[0][0])
            self.assertIn(b"UID 1 ", found[0][0])
            self.assertIn(b"UID 2 ", found[2][0])
