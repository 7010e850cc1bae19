"""The checks as a stranger meets them: real hosts, real sockets."""

import smtplib
import socket
import sqlite3
import time
from functools import partial
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mailframe.delivery.pickup import BAD
from tests.auth.ldap_world import ENTRIES
from tests.auth.slapd import BASE, SERVICE_DN, SERVICE_PASSWORD, Slapd
from tests.clients.test_destinations import send, soon
from tests.clients.test_outbound import mailframe
from tests.clients.test_python import insecure
from tests.host import Host, free_ports, until
from tests.net.bind import Bind


def _files(directory: Path) -> list[Path]:
    return list(directory.iterdir()) if directory.exists() else []


class CheckTests(SynchronousTestCase):
    """What becomes of mail that a check looks at."""

    def start(self, *options: str, services: tuple[str, ...] = ("smtp",)) -> Host:
        """Start a host."""
        host = Host(*options, services=services)
        self.addCleanup(host.close)
        return host

    def outcome(self, host: Host) -> str:
        """Send one message; return the first digit that was heard."""
        try:
            send(host.port["smtp"], "checked", "alice@example.org")
        except smtplib.SMTPRecipientsRefused as error:
            ((code, _),) = error.recipients.values()
            return str(code)[0]
        except smtplib.SMTPResponseException as error:
            return str(error.smtp_code)[0]
        return "2"

    def test_greylist(self) -> None:
        """Who comes again is let in, a restart of the host in between or not."""
        host = self.start("--check=greylist:delay=4")
        begun = time.monotonic()
        self.assertEqual(self.outcome(host), "4")
        self.assertEqual(self.outcome(host), "4")
        host.program.stop()
        host.start()
        until(lambda: self.outcome(host) == "2", host.program.said)
        self.assertGreater(time.monotonic() - begun, 4)
        host.program.stop()
        host.start()
        self.assertEqual(self.outcome(host), "2")

    def test_dns_list(self) -> None:
        """Lists are asked of the name server the operator names."""
        bind = Bind(signed="1.0.0.127.bl A 127.0.0.2\n")
        self.addCleanup(bind.close)
        resolver = f"--resolver=127.0.0.1:{bind.authority}"
        host = self.start(resolver, "--check=dnsbl:bl.signed.test")
        self.assertEqual(self.outcome(host), "5")
        self.assertIn('reason="PolicyRefusal of dnsbl: ', host.program.said())
        host = self.start(resolver, "--check=dnsbl:other.signed.test")
        self.assertEqual(self.outcome(host), "2")
        host = self.start(resolver, "--check=sender:resolve")
        self.assertEqual(self.outcome(host), "5")

    def test_proxy(self) -> None:
        """Whom a trusted proxy has let in submits mail, and that before others."""
        host = self.start(
            "--xclient-from=127.0.0.1",
            "--raise-priority=bob@example.org",
            "--priority-policy=NSEP",
            services=("submission",),
        )
        for name, asked, given, trace in (
            ("alice", 2, "250 2.3.6 0 is", "PRIORITY 2;"),
            ("bob@example.org", 2, "250 2.1.0", "PRIORITY 2;"),
        ):
            with smtplib.SMTP("127.0.0.1", host.port["submission"], timeout=20) as smtp:
                smtp.ehlo()
                self.assertEqual(smtp.esmtp_features["mt-priority"], "NSEP")
                self.assertIn("LOGIN", smtp.esmtp_features["xclient"].split())
                code, _ = smtp.docmd("XCLIENT", f"ADDR=192.0.2.7 LOGIN={name}")
                self.assertEqual(code, 220)
                smtp.ehlo("c.example")
                user = name.partition("@")[0]
                code, text = smtp.docmd(
                    "MAIL", f"FROM:<{user}@example.org> MT-PRIORITY={asked}"
                )
                self.assertTrue(f"{code} {text.decode()}".startswith(given))
                smtp.rcpt(f"{user}@example.org")
                smtp.data("Subject: urgent\r\n\r\n")
            (file,) = host.new_mail(user)
            stored = " ".join(file.read_text().split())
            self.assertIn(" with ESMTPA id ", stored)
            self.assertIn("([192.0.2.7])", stored)
            self.assertIn(trace, stored)
        self.assertIn("login accepted service=submission", host.program.said())

    def test_nobody_there(self) -> None:
        """A filter that is not there means what the operator says it means."""
        (port,) = free_ports(1)
        for word, expected in (("", "4"), (",accept", "2"), (",refuse", "5")):
            for kind in ("milter", "policy"):
                check = f"--check={kind}{word}:tcp:127.0.0.1:{port}"
                host = Host(check, services=("smtp",))
                try:
                    self.assertEqual(self.outcome(host), expected, check)
                finally:
                    host.close()

    def test_local(self) -> None:
        """Mail of this machine's programs is looked at where the operator says so."""
        (port,) = free_ports(1)
        for word, found in (("", "INBOX"), (",local", "bad")):
            check = f"--check=milter,refuse{word}:tcp:127.0.0.1:{port}"
            host = Host(check, services=("smtp",))
            try:
                text = b"To: alice@example.org\nSubject: local\n\n"
                mailframe(host, "sendmail", "-t", "-f", "bob@example.org", octets=text)
                place = host.maildir("alice") / "new"
                if found == "bad":
                    place = host.state_dir / "pickup" / BAD
                soon(partial(_files, place), host)
            finally:
                host.close()

    def test_hanging(self) -> None:
        """So does one that takes connections and says nothing."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            for word, expected in (("", "4"), (",accept", "2")):
                check = f"--check=milter{word},1:tcp:127.0.0.1:{port}"
                host = Host(check, services=("smtp",))
                try:
                    began = time.monotonic()
                    self.assertEqual(self.outcome(host), expected, check)
                    self.assertLess(time.monotonic() - began, 20)
                finally:
                    host.close()

    def test_users(self) -> None:
        """A user may send so much, as his own addresses and his aliases."""
        host = self.start(
            "--check=rate:user-messages=2/60",
            "--virtual=static:sales@example.org=alice;team@example.org=alice,bob",
            services=("submission",),
        )

        def submit(sender: str) -> int:
            with smtplib.SMTP("127.0.0.1", host.port["submission"]) as client:
                client.starttls(context=insecure())
                client.login("alice@example.org", "alice-secret")
                return client.mail(sender)[0]

        # An address of several is nobody's own; neither is another user's.
        for sender in ("bob@example.org", "team@example.org", "x@elsewhere.example"):
            self.assertEqual(submit(sender), 550, sender)
        self.assertEqual(submit("Alice@EXAMPLE.org"), 250)
        self.assertEqual(submit("sales@example.org"), 250)
        self.assertEqual(submit("alice@example.org"), 451)

    def test_etrn(self) -> None:
        """ETRN has the mail of a relay domain tried now."""
        (port,) = free_ports(1)
        near = self.start(
            "--relay-domain=relay.example",
            f"--transport=relay.example=smtp:127.0.0.1:{port}",
            "--etrn-from=127.0.0.1",
        )
        send(near.port["smtp"], "waits", "alice@relay.example")
        soon(lambda: "deferred" in near.program.said(), near)
        far = Host("--domain=relay.example", services=("lmtp",))
        self.addCleanup(far.close)
        with far.passwd.open("a") as file:
            file.write("alice@relay.example:{PLAIN}x\n")
        far.program.stop()
        far.port = {"smtp": port}
        far.start()
        with smtplib.SMTP("127.0.0.1", near.port["smtp"]) as client:
            client.ehlo()
            self.assertTrue(client.has_extn("etrn"))
            self.assertEqual(client.docmd("ETRN elsewhere.example")[0], 459)
            self.assertEqual(client.docmd("ETRN relay.example")[0], 250)
        new = far.maildir("x").parents[1] / "relay.example" / "alice" / "new"
        soon(lambda: list(new.glob("*")), near)
        soon(lambda: "0 messages" in mailframe(near, "queue", "list"), near)

    def test_trusted_proxy(self) -> None:
        """XCLIENT is believed from where it may come from, XFORWARD is noted."""
        host = self.start("--xclient-from=127.0.0.1", "--relay-from=203.0.113.9")
        with smtplib.SMTP("127.0.0.1", host.port["smtp"]) as client:
            client.ehlo("proxy.example")
            self.assertTrue(client.has_extn("xclient") and client.has_extn("xforward"))
            self.assertEqual(client.docmd("XFORWARD ADDR=203.0.113.5 HELO=far")[0], 250)
            self.assertEqual(client.docmd("XCLIENT ADDR=203.0.113.9 HELO=c")[0], 220)
            client.ehlo("c.example")
            client.sendmail(
                "x@b.example", ["alice@example.org", "y@elsewhere.example"], "\n"
            )
        (stored,) = host.new_mail("alice")
        self.assertIn("([203.0.113.9])", stored.read_text())
        self.assertIn("forwards: ADDR=203.0.113.5 HELO=far", host.program.said())

    def test_address_literals(self) -> None:
        """Mail to an address of this host is mail to the default domain."""
        host = self.start("--public-address=203.0.113.7", services=("smtp", "lmtp"))
        with smtplib.SMTP("127.0.0.1", host.port["smtp"]) as client:
            client.ehlo("x.example")
            client.sendmail(
                "x@b.example", ["alice@[127.0.0.1]", "bob@[203.0.113.7]"], "\n"
            )
            client.mail("x@b.example")
            self.assertEqual(client.rcpt("alice@[203.0.113.8]")[0], 550)
        # What is listened on is ours, whatever its spelling.
        with smtplib.LMTP("127.0.0.1", host.port["lmtp"]) as client:
            client.sendmail("x@b.example", ["alice@[IPv6:::ffff:7f00:1]"], "\n")
        self.assertEqual(len(host.new_mail("alice", 2)), 2)
        self.assertEqual(len(host.new_mail("bob")), 1)

    def test_table_in_a_database(self) -> None:
        """Addresses are in SQLite; while it is away mail is deferred, not refused."""
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        path = directory / "addresses.sqlite"
        database = sqlite3.connect(path)
        database.executescript(
            "CREATE TABLE forwards (source TEXT, target TEXT);"
            "INSERT INTO forwards VALUES ('info@example.org', 'alice,bob');"
        )
        database.close()
        file = directory / "table.toml"
        file.write_text(
            f'database = "sqlite:{path}"\n[lookup]\n'
            'query = "SELECT target FROM forwards WHERE source = :user"\n'
            "[cache]\npositive = 0\nnegative = 0\n"
        )
        host = self.start(f"--virtual=sql:{file}")
        send(host.port["smtp"], "both", "Info@Example.ORG")
        for user in ("alice", "bob"):
            self.assertEqual(len(host.new_mail(user)), 1)
        path.rename(directory / "away")
        self.assertEqual(self.outcome(host), "4")

    def test_table_in_a_directory(self) -> None:
        """The same with a directory: what an entry says goes, trouble defers."""
        slapd = Slapd(ENTRIES)
        self.addCleanup(slapd.close)
        file = Path(self.mktemp()).absolute()
        file.write_text(
            f'servers = ["{slapd.url()}"]\nca = "{slapd.ca}"\nbase = "{BASE}"\n'
            f'[service]\ndn = "{SERVICE_DN}"\npassword = "{SERVICE_PASSWORD}"\n'
            '[lookup]\nfilter = "(mail={user})"\nattributes = ["uid"]\n'
            "[cache]\npositive = 0\nnegative = 0\n"
        )
        host = self.start(f"--virtual=ldap:{file}")
        send(host.port["smtp"], "found", "sales@EXAMPLE.org")
        self.assertEqual(len(host.new_mail("alice")), 1)
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as raised:
            send(host.port["smtp"], "not found", "*@example.org")
        self.assertEqual(raised.exception.recipients["*@example.org"][0], 550)
        slapd.stop()
        self.assertEqual(self.outcome(host), "4")
