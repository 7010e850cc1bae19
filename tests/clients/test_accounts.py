"""What a backend says of an account holds on a whole host."""

import imaplib
import re
import smtplib
import sys
import time
from pathlib import Path

from tests.auth.ldap_world import ENTRIES, ldif
from tests.auth.postgresql import PASSWORD, shared
from tests.auth.slapd import BASE, SERVICE_DN, SERVICE_PASSWORD, Slapd
from tests.auth.sql_world import QUERIES, SCHEMA
from tests.auth.test_shadow import SHA512, YESCRYPT
from tests.clients.test_backends import BackendCase
from tests.host import Host, environment, run
from tests.peers import require

MESSAGE = b"Subject: one\r\n\r\nText\r\n"


def entry(name: str, homes: Path, quota: str) -> str:
    """Return a user, as LDIF, with the attributes of the how-to."""
    return f"""
dn: uid={name},ou=people,{BASE}
objectClass: inetOrgPerson
objectClass: posixAccount
objectClass: mailAccount
uid: {name}
cn: {name}
sn: {name}
uidNumber: 1
gidNumber: 1
homeDirectory: {homes}/{name}
mail: {name}@example.org
mailAlternateAddress: {name}.alias@example.org
mailQuota: {quota}
userPassword: {name}-secret
"""


class LDAPAccountTests(BackendCase):
    """Entries of a slapd, read with the file of the how-to."""

    def setUp(self) -> None:
        """Start both; carol and dave are colleagues in sales, erin is not."""
        self.homes = Path(self.mktemp()).absolute()
        users = [entry(name, self.homes, "3k") for name in ("carol", "dave", "erin")]
        group = (
            f"\ndn: cn=sales,ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: sales\n"
            f"member: uid=carol,ou=people,{BASE}\nmember: uid=dave,ou=people,{BASE}\n"
        )
        slapd = Slapd(ldif("".join([ENTRIES, *users, group])))
        self.addCleanup(slapd.close)
        self.start(
            "ldap",
            f"""
            servers = ["{slapd.tls_url()}"]
            ca = "{slapd.ca}"
            base = "ou=people,{BASE}"
            [service]
            dn = "{SERVICE_DN}"
            password = "{SERVICE_PASSWORD}"
            [login]
            filter = "(&(objectClass=inetOrgPerson)(|(uid={{local}})(mail={{user}})))"
            [attributes]
            address = "mail"
            aliases = ["mailAlternateAddress"]
            quota = "mailQuota"
            home = "homeDirectory"
            [groups]
            base = "ou=groups,{BASE}"
            filter = "(&(objectClass=groupOfNames)(member={{dn}}))"
            """,
            "--realm=maildir:%h/Maildir",
        )

    def client(self, user: str) -> imaplib.IMAP4:
        """Return a client after the login of a user."""
        client = imaplib.IMAP4("127.0.0.1", self.host.port["imap"], timeout=20)
        self.addCleanup(client.shutdown)
        client.login(user, f"{user}-secret")
        return client

    def deliver(self, user: str, octets: int) -> int:
        """Return the code for a message."""
        with smtplib.LMTP("127.0.0.1", self.host.port["lmtp"]) as lmtp:
            text = b"Subject: x\r\n\r\n" + (b"x" * 70 + b"\r\n") * (octets // 72)
            lmtp.ehlo("client.example")
            lmtp.mail("x@example.net")
            lmtp.rcpt(f"{user}@example.org")
            return lmtp.data(text)[0]

    def test_home_and_aliases(self) -> None:
        """Mail for a user's other address is in the Maildir of the home."""
        found = self.recipients("carol", "carol.alias", "no.alias")
        self.assertEqual(found, [250, 250, 550])
        self.assertEqual(self.deliver("carol.alias", 100), 250)
        client = self.client("carol")
        self.assertEqual(client.select(), ("OK", [b"1"]))
        self.assertTrue((self.homes / "carol" / "Maildir" / "cur").is_dir())
        self.assertFalse((self.host.state_dir / "mail").exists())
        # Another address is no name to log in with, by this filter.
        self.assertFalse(self.imap("carol.alias", "carol-secret"))
        self.no_secret_is_said("carol-secret", SERVICE_PASSWORD)

    def test_quota(self) -> None:
        """Neither delivery nor APPEND goes beyond it, and it is told."""
        self.assertEqual(self.deliver("carol", 1000), 250)
        self.assertEqual(self.deliver("carol", 4000), 452)
        client = self.client("carol")
        self.assertRegex(
            client.getquotaroot("INBOX")[1][1][0], rb"\(STORAGE [12] 3[ )]"
        )
        status, said = client.append("INBOX", "", None, MESSAGE * 200)  # type: ignore[arg-type]
        self.assertEqual((status, said[0][:11]), ("NO", b"[OVERQUOTA]"))
        self.assertEqual(client.select(), ("OK", [b"1"]))
        status, _ = client.append("INBOX", "", None, MESSAGE)  # type: ignore[arg-type]
        self.assertEqual(status, "OK")

    def test_group(self) -> None:
        """What is shared with a group opens for its members, and nobody else."""
        carol, dave, erin = map(self.client, ("carol", "dave", "erin"))
        carol.create("Work")
        carol.append("Work", "", None, MESSAGE)  # type: ignore[arg-type]
        self.assertEqual(carol.setacl("Work", "$sales", "lrs")[0], "OK")
        hers = '"Other Users/carol@example.org/Work"'
        self.assertIn(hers, repr(dave.list()))
        self.assertEqual(dave.select(hers), ("OK", [b"1"]))
        self.assertEqual(dave.fetch("1", "(BODY[TEXT])")[1][0][1], b"Text\r\n")
        status, said = dave.append(hers, "", None, MESSAGE)  # type: ignore[arg-type]
        self.assertEqual((status, said[0][:8]), ("NO", b"[NOPERM]"))
        self.assertNotIn("Work", repr(erin.list()))
        self.assertEqual(erin.select(hers)[0], "NO")
        self.assertEqual(carol.deleteacl("Work", "$sales")[0], "OK")
        self.assertNotIn("Work", repr(self.client("dave").list()))


class PostgreSQLTests(BackendCase):
    """A PostgreSQL, asked by psycopg 3 over TLS."""

    def test_postgresql(self) -> None:
        """Logins, recipients and quota come from it, which may be away a while."""
        server = shared(
            SCHEMA + f"CREATE USER mailframe PASSWORD '{PASSWORD}';"
            "GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO mailframe;"
        )
        secret = Path(self.mktemp()).absolute()
        secret.write_text(f"{PASSWORD}\n")
        secret.chmod(0o600)
        head = f'database = "{server.url()}"\npassword-file = "{secret}"\n'
        never = "[cache]\npositive = 0\nnegative = 0\n"
        self.start("sql", head + QUERIES + never)
        for way in self.ways():
            self.assertTrue(way("bob@example.org", "bob"))
            self.assertFalse(way("bob@example.org", "other bob"))
            self.assertFalse(way("nobody@example.org", "bob"))
            self.assertFalse(way("' OR 1=1 --@example.org", "bob"))
        found = self.recipients("bob", "sales", "nobody")
        self.assertEqual(found, [250, 250, 550])
        with imaplib.IMAP4("127.0.0.1", self.host.port["imap"]) as imap:
            # Hashes are asked for with a password: nothing for SCRAM.
            self.assertNotIn("SCRAM", repr(imap.capabilities))
            imap.authenticate("PLAIN", lambda _: "\0alice\0pä ss".encode())
            self.assertIn(b" 10240)", imap.getquotaroot("INBOX")[1][1][0])
        server.stop()
        try:
            self.deferred("bob@example.org", "bob")
        finally:
            server.start()
        self.assertTrue(self.imap("bob@example.org", "bob"))
        self.no_secret_is_said(PASSWORD)


class UnixTests(BackendCase):
    """Twisted's ``unix``, with accounts of the system."""

    def test_unix(self) -> None:
        """People of /etc/passwd log in by /etc/shadow, and get mail; root does not."""
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        passwd, shadow = directory / "passwd", directory / "shadow"
        passwd.write_text(
            Path("/etc/passwd").read_text() + "zoe:x:54321:54321::/home/zoe:/bin/sh\n"
            "yves:x:54322:54322::/home/yves:/bin/sh\n"
            "locked:x:54323:54323::/home/locked:/bin/sh\n"
        )
        shadow.write_text(
            f"root:{SHA512}:19000:0:99999:7:::\n"
            f"zoe:{SHA512}:19000:0:99999:7:::\n"
            f"yves:{YESCRYPT}:19000:0:99999:7:::\n"
            f"locked:!{SHA512}:19000:0:99999:7:::\n"
        )
        # In a mount name space of the host's own the system has these files.
        mounts = (
            'mount --bind "$0" /etc/passwd && mount --bind "$1" /etc/shadow'
            ' && shift && exec "$@"'
        )
        self.host = Host(
            "--auth=unix",
            services=("imap", "pop3", "submission", "lmtp"),
            through=(
                *(require("unshare"), "--map-root-user", "--mount"),
                *("sh", "-c", mounts, str(passwd), str(shadow)),
            ),
        )
        self.addCleanup(self.host.close)
        for way in self.ways():
            self.assertTrue(way("zoe", "open-sesame"))
            self.assertTrue(way("yves@example.org", "x"))
            for name in ("root", "locked", "nobody"):
                self.assertFalse(way(name, "open-sesame"))
            self.assertFalse(way("zoe", "x"))
        found = self.recipients("zoe", "locked", "root", "nobody")
        self.assertEqual(found, [250, 250, 550, 550])
        self.no_secret_is_said("open-sesame", SHA512)


class AppPasswordTests(BackendCase):
    """The command makes them, the host takes them as long as they are good."""

    def setUp(self) -> None:
        """Start a host with app passwords."""
        config = Path(self.mktemp()).absolute()
        users = Path(self.mktemp()).absolute()
        users.write_text("alice@example.org:{PLAIN}alice-secret\n")
        config.write_text(
            f'[auth]\ncheckers = ["passwd:{users}"]\n[auth.app-passwords]\n'
        )
        self.host = Host(
            f"--config={config}", services=("imap", "pop3", "submission", "lmtp")
        )
        self.addCleanup(self.host.close)

    def command(
        self, action: str, *arguments: str, typed: str = "", status: int = 0
    ) -> str:
        """Run ``mailframe app-password`` for alice; return what it says."""
        return run(
            *(sys.executable, "-m", "mailframe.cli", "app-password", action),
            *("--state-dir", str(self.host.state_dir), "alice@example.org"),
            *arguments,
            octets=f"{typed}\n".encode(),
            status=status,
            env=environment(),
        ).stdout.decode()

    def test_expired(self) -> None:
        """When its day has passed it opens nothing, and the log says why."""
        said = self.command("add", "--label", "phone", "--days", "1")
        secret = said.split()[0]
        time.sleep(1.1)
        for way in self.ways():
            self.assertTrue(way("alice", secret))
        path = self.host.state_dir / "app-passwords"
        fields = path.read_text().split(":")
        self.assertGreater(int(fields[4]), time.time())
        fields[4] = str(int(time.time()) - 1)
        path.write_text(":".join(fields))
        time.sleep(1.1)
        for way in self.ways():
            self.assertFalse(way("alice", secret))
        self.assertTrue(self.imap("alice", "alice-secret"))
        said = self.no_secret_is_said(secret)
        self.assertEqual(len(re.findall("reason=expired", said)), 3)

    def test_totp(self) -> None:
        """Who has an authenticator gets one by a code only, each code once."""
        said = self.command("enrol")
        key = re.search("secret=([A-Z2-7]+)", said)
        assert key is not None
        add = ("add", "--label", "phone")
        self.command(*add, typed="000000 0", status=1)
        # oathtool is another's reading of RFC 6238.
        code = run(require("oathtool"), "--totp", "-b", key[1]).stdout.decode().strip()
        shown = re.search(r"(\S{31}) {4}\(ID ", self.command(*add, typed=code))
        assert shown is not None
        secret = shown[1]
        self.command(*add, typed=code, status=1)
        time.sleep(1.1)
        for way in self.ways():
            self.assertTrue(way("alice", secret))
            self.assertFalse(way("alice", code))
        self.no_secret_is_said(secret, key[1])
