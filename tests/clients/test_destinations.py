"""Mail that is not for accounts of ours: programs, mbox files, other servers."""

import grp
import json
import mailbox
import os
import pwd
import smtplib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.clients.test_outbound import mailframe
from tests.clients.test_python import insecure
from tests.host import Host, Program, free_ports, until
from tests.peers import require

PROGRAM = """\
import os, sys
text = sys.stdin.read()
print("I say something")
if "Subject: busy" in text and not os.path.exists({free!r}):
    raise SystemExit(75)
if "Subject: nobody" in text:
    raise SystemExit(67)
with open({result!r}, "a") as file:
    file.write(os.environ["SENDER"] + " " + os.environ["RECIPIENT"] + "\\n" + text)
"""

DOVECOT = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
protocols = lmtp
listen = 127.0.0.1
ssl = no
mail_location = maildir:{directory}/mail/%n
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
default_internal_user = {user}
default_internal_group = {group_name}
default_login_user = {user}
auth_username_format = %n
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
userdb {{
  driver = passwd-file
  args = {directory}/users
}}
passdb {{
  driver = passwd-file
  args = {directory}/users
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""


def soon(find: Callable[[], Any], host: Host) -> Any:
    """Return what is found, when it is found.

    Raises:
        AssertionError: It was not, with what the host has to say.
    """
    return until(find, lambda: host.program.said() + mailframe(host, "queue", "list"))


def send(port: int, subject: str, *recipients: str) -> None:
    """Send a message as a stranger."""
    with smtplib.SMTP("127.0.0.1", port, "client.example") as client:
        client.sendmail("ann@b.example", list(recipients), f"Subject: {subject}\n\nx\n")


class AgentTests(SynchronousTestCase):
    """Programs and mbox files named in the alias file."""

    def start(self, aliases: str, *options: str) -> Host:
        """Start a host with an alias file."""
        # Where any user comes who a program may run as.
        host = Host(services=("smtp", "lmtp"))
        self.addCleanup(host.close)
        host.program.stop()
        file = host.directory / "aliases"
        file.write_text(aliases)
        host.directory.chmod(0o755)
        host.options = (f"--aliases={file}", *options)
        host.start()
        return host

    def test_program(self) -> None:
        """A busy program is not bounced: its mail waits and is given to it later."""
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        result, free = directory / "result", directory / "free"
        code = directory / "program.py"
        code.write_text(PROGRAM.format(free=str(free), result=str(result)))
        # Root's programs run as somebody else, who has to reach all this.
        for one in (directory, *directory.parents):
            if str(one) != "/" and os.geteuid() == 0:
                one.chmod(one.stat().st_mode | 0o711)
        result.touch()
        result.chmod(0o666)
        program = f"|{_python()} -I {code}"
        host = self.start(f'count: "{program}"\n', "--allow-programs")
        port = host.port["smtp"]
        send(port, "first", "count@example.org")
        text = result.read_text()
        self.assertTrue(text.startswith("ann@b.example count@example.org\nReturn-"))
        self.assertIn("\nDelivered-To: count@example.org\n", text)
        self.assertTrue(text.endswith("Subject: first\n\nx\n"), text)
        with self.assertRaises(smtplib.SMTPDataError) as refused:
            send(port, "nobody", "count@example.org")
        self.assertEqual(refused.exception.smtp_code, 554)
        self.assertTrue(refused.exception.smtp_error.startswith(b"5.1.1 "))
        send(port, "busy", "count@example.org")
        self.assertNotIn("busy", result.read_text())
        (listed, _) = mailframe(host, "queue", "list", "--json").splitlines()
        self.assertEqual(json.loads(listed)["recipients"], ["count@example.org"])
        self.assertIn("I say something", host.program.said())
        # Nothing is lost when the host goes down meanwhile.
        host.program.stop()
        free.touch()
        host.start()
        mailframe(host, "queue", "flush")
        soon(lambda: "busy" in result.read_text(), host)
        self.assertEqual(result.read_text().count("Delivered-To"), 2)

    def test_file(self) -> None:
        """An mbox file gets what is for it; nothing is written without the option."""
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        box = directory / "box"
        for one in (directory, *directory.parents):
            if str(one) != "/" and os.geteuid() == 0:
                one.chmod(one.stat().st_mode | 0o711)
        if os.geteuid() == 0:
            directory.chmod(0o777)
        host = self.start(f"archive: {box}, alice\n", "--allow-files")
        send(host.port["smtp"], "From here", "archive@example.org")
        (stored,) = mailbox.mbox(box)
        self.assertEqual(stored["Subject"], "From here")
        self.assertEqual(len(host.new_mail("alice")), 1)
        host.program.stop()
        host.options = host.options[:1]
        host.start()
        send(host.port["smtp"], "x", "archive@example.org")
        self.assertEqual(len(mailbox.mbox(box)), 1)
        self.assertEqual(len(host.new_mail("alice", 2)), 2)


class ServerTests(SynchronousTestCase):
    """Other servers, over LMTP."""

    def test_dovecot(self) -> None:
        """Users of a domain have their mail at Dovecot; each has its own verdict."""
        dovecot = require("dovecot")
        if not os.path.exists("/usr/lib/dovecot/lmtp"):
            require("dovecot-lmtpd")
        me = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        (port,) = free_ports(1)
        host = Host(
            "--domain=far.example",
            "--relay-domain=relay.example",
            f"--transport=far.example=lmtp:127.0.0.1:{port}",
            f"--transport=relay.example=lmtp:127.0.0.1:{port}",
            services=("smtp", "imap"),
        )
        self.addCleanup(host.close)
        with host.passwd.open("a") as file:
            file.write("carol@far.example:{PLAIN}x\nnobody@far.example:{PLAIN}x\n")
        directory = host.directory / "dovecot"
        for one in (directory, directory / "run", directory / "mail"):
            one.mkdir(mode=0o755)
        host.directory.chmod(0o755)
        users = directory / "users"
        users.write_text(f"carol:{{PLAIN}}x:{me.pw_uid}:{me.pw_gid}::{directory}::\n")
        os.chown(directory / "mail", me.pw_uid, me.pw_gid)
        config = directory / "dovecot.conf"
        group = grp.getgrgid(me.pw_gid).gr_name
        config.write_text(
            DOVECOT.format(
                directory=directory,
                user=me.pw_name,
                group=me.pw_gid,
                group_name=group,
                port=port,
            )
        )
        time.sleep(1.1)  # The passwd file is looked at once a second.
        # Nobody is there yet: it waits.
        send(host.port["smtp"], "early", "carol@far.example")
        soon(lambda: "deferred" in host.program.said(), host)
        program = Program(
            [dovecot, "-F", "-c", str(config)], directory, [port], dict(os.environ)
        )
        self.addCleanup(program.stop)
        mailframe(host, "queue", "flush")
        new = directory / "mail" / "carol" / "new"

        def subjects() -> list[str]:
            if not new.exists():
                return []
            return sorted(
                line
                for one in new.iterdir()
                for line in one.read_text().splitlines()
                if line.startswith("Subject:")
            )

        soon(lambda: subjects() == ["Subject: early"], host)
        send(host.port["smtp"], "later", "carol@far.example", "carol@relay.example")
        soon(lambda: subjects().count("Subject: later") == 2, host)
        # A user whom Dovecot does not know: reported to the sender, here alice.
        with smtplib.SMTP("127.0.0.1", host.port["smtp"]) as client:
            client.sendmail(
                "alice@example.org",
                ["carol@far.example", "nobody@far.example"],
                "Subject: half\n\n",
            )
        soon(lambda: "Subject: half" in subjects(), host)
        (report,) = host.new_mail("alice")
        self.assertIn("Final-Recipient: rfc822;nobody@far.example", report.read_text())

    def test_unix_socket(self) -> None:
        """A server on a Unix socket that an alias names."""
        far = Host("--domain=far.example", services=("smtp",))
        self.addCleanup(far.close)
        far.program.stop()
        socket = far.directory / "s"
        far.options = (*far.options, f"--lmtp=unix:{socket}")
        far.start()
        near = Host(services=("smtp",))
        self.addCleanup(near.close)
        near.program.stop()
        aliases = near.directory / "aliases"
        aliases.write_text(f"bob: lmtp:{socket}\n")
        near.options = (f"--aliases={aliases}",)
        near.start()
        send(near.port["smtp"], "through", "bob@example.org")
        (one,) = far.new_mail("bob")
        text = one.read_text()
        self.assertIn("Return-Path: <ann@b.example>", text)
        self.assertIn(" with LMTP", text)


class ReportTests(SynchronousTestCase):
    """Who asks to be told of success is told."""

    def test_success(self) -> None:
        """A user who writes to a user hears that it is there."""
        host = Host(services=("submission",))
        self.addCleanup(host.close)
        with smtplib.SMTP("127.0.0.1", host.port["submission"]) as client:
            client.starttls(context=insecure())
            client.login("alice@example.org", "alice-secret")
            client.sendmail(
                "alice@example.org",
                ["bob@example.org"],
                "Subject: hi\n\nx\n",
                mail_options=["ENVID=E1"],
                rcpt_options=["NOTIFY=SUCCESS,FAILURE"],
            )
        (report,) = host.new_mail("alice")
        text = report.read_text()
        for line in (
            "Original-Envelope-Id: E1",
            "Final-Recipient: rfc822;bob@example.org",
            "Action: delivered",
            "Subject: hi",
        ):
            self.assertIn(f"\n{line}\n", text.replace("\r", ""))

    def test_owner(self) -> None:
        """Reports about a list reach its owner through the alias file."""
        host = Host(services=("smtp",))
        self.addCleanup(host.close)
        host.program.stop()
        aliases = host.directory / "aliases"
        aliases.write_text("list: alice, nobody-here\nowner-list: bob\n")
        host.options = (f"--aliases={aliases}",)
        host.start()
        send(host.port["smtp"], "to a list", "list@example.org")
        (report,) = host.new_mail("bob")
        self.assertIn("Final-Recipient: rfc822;nobody-here@ex", report.read_text())


class OptionTests(SynchronousTestCase):
    """What the command line says of all this."""

    def test_wrong(self) -> None:
        """A transport that is none ends the program with one line."""
        for option in (
            "--transport=example.org=maildir:/x",
            "--transport=elsewhere.example=mbox:/x",
            "--transport=elsewhere.example=lmtp:nowhere",
            "--limit=smtp.recipient=5",
        ):
            host = None
            with self.assertRaises(AssertionError) as caught:
                host = Host(option, services=("smtp",))
            if host is not None:
                host.close()
            said = str(caught.exception)
            self.assertIn(f": {option.partition('=')[0]} ", said, option)
            self.assertNotIn("Traceback", said)


def _python() -> str:
    """Return a Python that anybody can run."""
    return "/usr/bin/python3" if os.geteuid() == 0 else sys.executable
