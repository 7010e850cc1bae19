"""Dovecot on the same Maildir, at the same time."""

import contextlib
import imaplib
import os
import poplib
import pwd
import re
from functools import partial
from pathlib import Path
from typing import Any

from tests.clients.base import PASSWORD, ClientTestCase
from tests.host import run, until
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

ACL = "mail_plugins = acl\nplugin {\n  acl = vfile\n}\n"
IMAPC_TLS = "ssl = yes\nimapc_ssl = starttls\nimapc_ssl_verify = no\n"


class DovecotTests(ClientTestCase):
    """What one server writes the other reads."""

    def reader(self) -> pwd.struct_passwd:
        """Return the user Dovecot runs as: ours, but never root."""
        return pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())

    def as_reader(self) -> dict[str, Any]:
        """Give Dovecot's user every file, and return what runs a program as it.

        The host, when it is root's, is not bothered by that.
        """
        if os.getuid() != 0:
            return {}
        me = self.reader()
        for top, _, files in os.walk(self.host.directory):
            for name in ("", *files):
                # The host may rename a file, or remove it, meanwhile.
                with contextlib.suppress(FileNotFoundError):
                    os.chown(os.path.join(top, name), me.pw_uid, me.pw_gid)
        return {"user": me.pw_uid, "group": me.pw_gid, "extra_groups": []}

    def config(self) -> Path:
        """Return the configuration of a Dovecot on Alice's Maildir."""
        directory = self.host.directory / "dovecot"
        (directory / "home").mkdir(parents=True)
        (directory / "run").mkdir()
        me = self.reader()
        config = directory / "dovecot.conf"
        config.write_text(
            CONFIG.format(
                directory=directory,
                maildir=self.host.maildir("alice"),
                user=me.pw_name,
                group=me.pw_gid,
            )
        )
        return config

    def environment(self) -> dict[str, str]:
        """Return what says whose session it is."""
        home = str(self.host.directory / "dovecot" / "home")
        return {**os.environ, "USER": "alice", "HOME": home}

    def test_same_unique_ids(self) -> None:
        """A POP3 client that comes over from Dovecot fetches nothing twice."""
        pop3d, config = require("pop3"), self.config()
        maildir = self.host.maildir("alice")
        for place in ("tmp", "new", "cur"):
            (maildir / place).mkdir(parents=True)

        def dovecot(*commands: bytes) -> bytes:
            return run(
                *(pop3d, "-c", str(config)),
                octets=b"".join(b"%b\r\n" % one for one in commands) + b"QUIT\r\n",
                env=self.environment(),
                **self.as_reader(),
            ).stdout

        for number in range(1, 4):
            name = f"100000000{number}.{number}.elsewhere"
            (maildir / "new" / name).write_bytes(b"Subject: x\r\n\r\n")
        dovecot(b"DELE 2")
        said = dovecot(b"UIDL")
        pop = poplib.POP3("127.0.0.1", self.host.port["pop3"])
        pop.user("alice@example.org")
        pop.pass_(PASSWORD["alice"])
        ours = pop.uidl()[1]
        pop.quit()
        self.assertEqual(len(ours), 2)
        self.assertIn(b"\r\n".join([b"+OK", *ours, b"."]), said)

    def test_imapc(self) -> None:
        """Dovecot reads our mail as a client, by PLAIN, by LOGIN and over TLS."""
        doveadm, config = require("doveadm"), self.config()
        port = self.host.port
        with imaplib.IMAP4("127.0.0.1", port["imap"]) as imap:
            imap.login("alice@example.org", PASSWORD["alice"])
            for number in range(1, 4):
                imap.append("INBOX", "", None, b"Subject: %d\r\n\r\nx\r\n" % number)
        text = config.read_text()
        for more in ("", "imapc_sasl_mechanisms = login\n", IMAPC_TLS):
            config.write_text(
                re.sub(
                    "mail_location = .*",
                    f"mail_location = imapc:{config.parent}/imapc\n"
                    "imapc_host = 127.0.0.1\n"
                    f"imapc_port = {port['imap']}\n"
                    "imapc_user = alice@example.org\n"
                    f"imapc_password = {PASSWORD['alice']}\n{more}",
                    text,
                ).replace("ssl = no\n", "ssl = no\n" if "ssl" not in more else "")
            )
            said = run(
                *(doveadm, "-c", str(config), "-f", "tab"),
                *("fetch", "hdr.subject size.virtual", "mailbox", "INBOX"),
                env=self.environment(),
                **self.as_reader(),
            ).stdout.decode()
            self.assertIn("1\t17\n2\t17\n3\t17\n", said)

    def test_same_maildir(self) -> None:
        """Messages, UIDs and flags are the same in both, and stay so."""
        doveadm, imapd = require("doveadm"), require("imap")
        config = self.config()
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
            env = self.environment()

            def fetch(what: str, *query: str) -> list[str]:
                done = run(
                    *(doveadm, "-c", str(config), "-f", "tab", "fetch", what),
                    *query,
                    env=env,
                    # A file that came meanwhile is not its own yet.
                    status=None,
                    **self.as_reader(),
                )
                lines = done.stdout.decode().replace(" \\Recent", "").splitlines()[1:]
                return [line.replace("\\Recent", "") for line in lines]

            def settled(mailbox: str, expected: list[str]) -> bool:
                return fetch("hdr.subject flags", "mailbox", mailbox) == expected

            # Files follow a moment after the answer, and flags in their names.
            for mailbox, expected in (
                ("INBOX", ["1\t", "2\t\\Answered \\Seen", "3\t"]),
                ("Archive/2026", ["old\t\\Flagged"]),
            ):
                until(partial(settled, mailbox, expected))
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
                env=env,
                **self.as_reader(),
            ).stdout
            self.assertIn(b"z OK", said)
            subjects = [b"Subject: 1", b"Subject: 2", b"Subject: 4"]

            def look() -> Any:
                imap.noop()
                _, fetched = imap.fetch(
                    "1:*", "(UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])"
                )
                found = [one for one in fetched if isinstance(one, tuple)]
                return found if [one.strip() for _, one in found] == subjects else None

            # A busy host looks for what others have done a while later.
            items = until(look)
            self.assertIn(b"\\Flagged", items[0][0])
            self.assertIn(b"$Label", items[0][0])
            self.assertIn(b"UID 1 ", items[0][0])
            self.assertIn(b"UID 2 ", items[1][0])

    def _alice(self) -> imaplib.IMAP4:
        """Return a client after Alice's login."""
        client = imaplib.IMAP4("127.0.0.1", self.host.port["imap"], timeout=20)
        self.addCleanup(client.shutdown)
        client.login("alice@example.org", PASSWORD["alice"])
        return client

    def test_access_lists(self) -> None:
        """Every kind of entry goes there and back."""
        doveadm = require("doveadm")
        alice = self._alice()
        alice.create("Work")
        for identifier, letters in (
            ("bob", "lrs"),
            ("$sales", "lr"),
            ('"!$night shift"', '""'),
            ("anyone", "lp"),
            ("-eve", "r"),
        ):
            self.assertEqual(alice.setacl("Work", identifier, letters)[0], "OK")
        self.host.program.stop()
        config = self.config()
        config.write_text(config.read_text() + ACL)
        as_reader = self.as_reader()

        def acl(command: str, *arguments: str) -> str:
            environment = {**self.environment(), "USER": "alice@example.org"}
            words = (doveadm, "-c", str(config), "acl", command, "Work", *arguments)
            return run(*words, env=environment, **as_reader).stdout.decode()

        told = [line.split() for line in acl("get").splitlines()]
        self.assertEqual(
            [words for words in told if words[0] not in ("ID", "doveadm")],
            [
                ["anyone", "lookup", "post"],
                ["group=sales", "lookup", "read"],
                ["user=bob@example.org", "lookup", "read", "write-seen"],
                ["user=eve@example.org", "-read"],
                ["group-override=night", "shift"],
            ],
        )
        acl("set", "user=carol@example.org", "lookup", "read")
        acl("delete", "anyone")
        self.host.start()
        answer: Any = self._alice().getacl("Work")
        self.assertEqual(
            sorted(answer[1][0].split(b" ", 1)[1].split(b'"')),
            sorted(
                b"alice@example.org lrswipkxteacd $sales lr bob@example.org lrs"
                b" carol@example.org lr -eve@example.org r "
                b'"!$night shift" ""'.split(b'"')
            ),
        )
