"""The SQL backend against SQLite and a real PostgreSQL."""

import os
import signal
import sqlite3
import time
from typing import TYPE_CHECKING

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import gatherResults
from zope.interface.verify import verifyObject

from mailframe.auth.password_hash import verify
from mailframe.auth.sql import checker as sql_checker
from mailframe.auth.sql.checker import SQLChecker
from mailframe.auth.sql.options import read_options
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory, UserEntry
from tests.auth.checker_case import REACTOR
from tests.auth.postgresql import PASSWORD, PostgreSQL, shared
from tests.auth.slapd import free_port
from tests.auth.sql_world import LOGIN, QUERIES, SCHEMA, SQLCase

if TYPE_CHECKING:
    _Case = SQLCase
else:
    _Case = object


class Everywhere(_Case):
    """What holds for every database; mixed into a case that has one."""

    async def test_login(self) -> None:
        """Right and wrong passwords, with and without the domain."""
        checker = self.checker()
        verifyObject(ICredentialsChecker, checker)
        verifyObject(IUserDirectory, checker)
        for name, password, avatar in (
            ("alice", "pä ss", "alice@example.org"),
            ("alice@EXAMPLE.org", "pä ss", "alice@example.org"),
            ("bob", "bob", "bob@example.org"),
            ("bob@example.net", "other bob", "bob@example.net"),
            ("müller@Bücher.example", "m", "müller@bücher.example"),
            ("müller@xn--bcher-kva.example", "m", "müller@bücher.example"),
            ("%", "percent", "%@example.org"),
        ):
            await self.assert_in(checker, name, password, avatar)
        for name, password in (
            ("alice", "pa ss"), ("ALICE", "pä ss"), ("bob@example.net", "bob"),
            ("nobody", "bob"), ("nohash", ""), ("nohash", "x"), ("damaged", "x"),
            ("%b", "bob"), ("b_b", "bob"), ("bob@", "bob"),
        ):  # fmt: skip
            await self.assert_out(checker, name, password)
        self.assertEqual(self.logged, [])

    async def test_injection(self) -> None:
        """What looks like SQL is a name, and nobody's."""
        checker = self.checker()
        for name in (
            "' OR 1=1", "' OR '1'='1", "'/**/OR/**/1=1--", "bob'--", 'bob"--',
            "bob\\'/**/OR/**/1=1--", "\\", "'", "''", ";DROP/**/TABLE/**/users;--",
            ":local", "%(local)s", "%s", "%%", "$1", "?", "bob\0", "\0", "{user}",
            "\u02bc/**/OR/**/1=1--", "\uff07OR\uff071=1",
        ):  # fmt: skip
            await self.assert_out(checker, name, "bob")
            self.assertIsNone(await checker.find(f"{name}@example.org"))
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
        self.assertEqual(self.logged, [])

    async def test_unusable(self) -> None:
        """No password, no such octets: refused before the database is asked."""
        checker = self.checker(database=f'database = "sqlite:{self.mktemp()}"')
        for name, password in (
            ("bob", ""), ("bob", "\0"), ("bob", "x" * 1025), ("", "bob"),
            ("b" * 400, "bob"), ("bo b", "bob"),
        ):  # fmt: skip
            await self.assert_out(checker, name, password)
        await self.assertFailure(
            checker.requestAvatarId(UsernamePassword(b"\xff", b"x")), UnauthorizedLogin
        )
        self.assertEqual(self.logged, [])

    async def test_find(self) -> None:
        """Aliases, quota, home, shared mailboxes and the rest, without a password."""
        checker = self.checker()
        entry = await checker.find("alice@example.org")
        self.assertEqual(
            entry,
            UserEntry(
                address="alice@example.org",
                aliases=("info@example.org", "sales@example.org"),
                quota=10 << 20,
                home="/home/alice",
                extra={"forward": "x@y.example", "shared": "Büro\nTeam"},
            ),
        )
        self.assertEqual(await checker.find("sales@example.org"), entry)
        self.assertEqual(
            await checker.find("bob@example.org"), UserEntry("bob@example.org")
        )
        self.assertIsNone(await checker.find("nobody@example.org"))
        self.assertIsNone(await checker.find("bob \0@example.org"))
        self.assertEqual(self.logged, [])

    async def test_find_by_login(self) -> None:
        """Without a query of its own the login's serves, and tells no hash."""
        checker = self.checker(LOGIN)
        self.assertEqual(
            await checker.find("alice@example.org"), UserEntry("alice@example.org")
        )

    async def test_bad_quota(self) -> None:
        """A quota nobody can read is none, and the log says so."""
        entry = await self.checker().find("bob@example.net")
        self.assertIsNone(entry.quota)
        self.assertIn("quota", self.logged[0])

    async def test_ambiguous(self) -> None:
        """Two rows are trouble of the database, not a wrong password."""
        checker = self.checker()
        await self.assert_unsure(checker, "twin", "t")
        await self.assert_not_found(checker, "twin@example.org")
        self.assertIn("more than one row", self.logged[0])

    async def test_bad_query(self) -> None:
        """A query that fails, or lacks a column, is trouble, told once."""
        for query in (
            "SELECT nothing FROM users WHERE name = :local",
            "SELECT password FROM users WHERE name = :local AND domain = :domain",
            "SELECT name AS address FROM users WHERE :user = 'bob@example.org'"
            " AND name = 'alice'",
            "nonsense :user",
        ):
            self.logged.clear()
            checker = self.checker(f'[login]\nquery = "{query}"')
            await self.assert_unsure(checker, "bob", "bob")
            await self.assert_unsure(checker, "bob", "bob")
            self.assertEqual(len(self.logged), 1, self.logged)

    async def test_no_address(self) -> None:
        """A row whose address is none is nobody's, and the log says so."""
        query = "SELECT password, '' AS address FROM users WHERE name = :local"
        checker = self.checker(f'[login]\nquery = "{query} AND domain = :domain"')
        await self.assert_out(checker, "bob", "bob")
        self.assertIsNone(await checker.find("bob@example.org"))
        self.assertIn("a row has no address", self.logged[0])

    async def test_cannot_write(self) -> None:
        """A query cannot change anything."""
        query = (
            "UPDATE users SET name = name WHERE name = :local"
            " RETURNING password, name AS address"
        )
        checker = self.checker(f'[login]\nquery = "{query}"')
        await self.assert_unsure(checker, "alice", "pä ss")

    async def test_many_at_once(self) -> None:
        """Logins at the same time never get one another's answer."""
        checker = self.checker()
        people = [
            ("alice", "pä ss", b"alice@example.org"),
            ("bob", "bob", b"bob@example.org"),
            ("bob@example.net", "other bob", b"bob@example.net"),
        ] * 10
        found = await gatherResults(
            [self.login(checker, name, password) for name, password, _ in people]
        )
        self.assertEqual(found, [avatar for _, _, avatar in people])

    async def test_unknown_user_costs_the_same(self) -> None:
        """For somebody unknown a hash is verified too, of a scheme in use."""
        verified: list[str] = []

        def counted(secret: bytes, stored: str) -> bool:
            verified.append(stored)
            return verify(secret, stored)

        self.patch(sql_checker, "verify", counted)
        checker = self.checker()
        await self.assert_out(checker, "nobody", "x")
        self.assertTrue(verified[0].startswith("{ARGON2ID}"))
        await self.assert_out(checker, "bob", "x")
        for name in ("nobody", "nohash"):
            verified.clear()
            await self.assert_out(checker, name, "x")
            self.assertEqual(len(verified), 1)

    async def test_cached(self) -> None:
        """The right password is verified once, a wrong one always."""
        verified: list[bytes] = []

        def counted(secret: bytes, stored: str) -> bool:
            verified.append(secret)
            return verify(secret, stored)

        self.patch(sql_checker, "verify", counted)
        checker = self.checker()
        for _ in range(3):
            await self.assert_in(checker, "bob", "bob", "bob@example.org")
            await self.assert_out(checker, "bob", "x")
        self.assertEqual((verified.count(b"bob"), verified.count(b"x")), (1, 3))

    async def test_client_gone(self) -> None:
        """A login that is cancelled leaves its place to the next."""
        checker = self.checker(QUERIES + "[limits]\nconnections = 1")
        gone = self.login(checker, "bob", "bob")
        gone.addErrback(lambda failure: None)
        gone.cancel()
        await self.assert_in(checker, "bob", "bob", "bob@example.org")


class SQLiteTests(Everywhere, SQLCase):
    """A file."""

    def setUp(self) -> None:
        super().setUp()
        self.path = self.make()

    def make(self, path: str = "") -> str:
        """Write the tables to a new file; return its path."""
        path = path or os.path.abspath(self.mktemp())
        database = sqlite3.connect(path)
        database.executescript(SCHEMA)
        database.close()
        return path

    def database(self) -> str:
        return f'database = "sqlite:{self.path}"'

    async def test_away(self) -> None:
        """While the file is not there nobody is told a wrong password."""
        checker = self.checker()
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
        os.rename(self.path, f"{self.path}.old")
        await self.assert_unsure(checker, "bob", "bob")
        await self.assert_not_found(checker, "bob@example.org")
        self.assertEqual(len(self.logged), 1)
        os.rename(f"{self.path}.old", self.path)
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
        self.assertIn("answers again", self.logged[-1])

    async def test_replaced(self) -> None:
        """A new file in the place of the old one counts at once."""
        checker = self.checker()
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
        self.make(f"{self.path}.new")
        changed = sqlite3.connect(f"{self.path}.new")
        changed.execute("DELETE FROM users WHERE name = 'bob'")
        changed.commit()
        changed.close()
        os.rename(f"{self.path}.new", self.path)
        await self.assert_out(checker, "bob", "bob")

    async def test_not_a_database(self) -> None:
        """A file of something else is trouble."""
        path = self.write("hello" * 1000)
        checker = self.checker(database=f'database = "sqlite:{path}"')
        await self.assert_unsure(checker, "bob", "bob")

    async def test_locked(self) -> None:
        """Who writes for too long is waited for, and not for ever."""
        writer = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(writer.close)
        writer.execute("BEGIN EXCLUSIVE")
        checker = self.checker(QUERIES + "[limits]\ntimeout = 2")
        await self.assert_unsure(checker, "bob", "bob")
        writer.execute("ROLLBACK")
        await self.assert_in(checker, "bob", "bob", "bob@example.org")

    async def test_slow_query(self) -> None:
        """A query that takes too long is stopped, in its thread too."""
        checker = self.checker(
            "[login]\nquery = '''WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
            " SELECT i + 1 FROM n) SELECT :user AS address, i AS password FROM n"
            " WHERE i < 0'''\n[limits]\nconnections = 1\ntimeout = 0.2\n"
        )
        # Nothing else would ever end it.
        for login in [self.login(checker, "bob", "bob") for _ in range(2)]:
            await self.assertFailure(login, TemporaryFailure)
        self.assertIn("interrupted", self.logged[0])

    async def test_slow_database_holds_up_its_own_only(self) -> None:
        """While one database is stuck, another's logins go on at once."""
        writer = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(writer.close)
        writer.execute("BEGIN EXCLUSIVE")
        stuck = self.checker(
            QUERIES + "[limits]\nconnections = 2\nwaiting = 3\ntimeout = 60\n"
            "give-up = 60\n"
        )
        hanging = [self.login(stuck, "bob", "bob") for _ in range(5)]
        await self.assert_unsure(stuck, "bob", "bob")
        other = self.make()
        checker = self.checker(database=f'database = "sqlite:{other}"')
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
        self.assertFalse(any(one.called for one in hanging))
        writer.execute("ROLLBACK")
        self.assertEqual(await gatherResults(hanging), [b"bob@example.org"] * 5)


class PostgreSQLTests(Everywhere, SQLCase):
    """A server."""

    def setUp(self) -> None:
        super().setUp()
        self.server: PostgreSQL = shared(
            SCHEMA + f"CREATE USER mailframe PASSWORD '{PASSWORD}';"
            "GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO mailframe;"
        )

    def database(self, url: str = "") -> str:
        path = self.write(f"{PASSWORD}\n")
        return f'database = "{url or self.server.url()}"\npassword-file = "{path}"'

    async def test_away(self) -> None:
        """A server that died is trouble; when it is back, it is asked again."""
        checker = self.checker()
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
        self.server.stop()
        try:
            await self.assert_unsure(checker, "bob", "bob")
            await self.assert_not_found(checker, "bob@example.org")
        finally:
            self.server.start()
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
        self.assertIn("answers again", self.logged[-1])

    async def test_restarted(self) -> None:
        """Connections kept from before a restart are replaced, unnoticed."""
        checker = self.checker()
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
        self.server.stop()
        self.server.start()
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
        self.assertEqual(self.logged, [])

    async def test_several_hosts(self) -> None:
        """When the first host is dead, the second answers."""
        url = self.server.url().replace(
            "localhost:", f"localhost:{free_port()},localhost:"
        )
        await self.assert_in(
            self.checker(database=self.database(url)),
            *("bob", "bob", "bob@example.org"),
        )

    async def test_wrong_name(self) -> None:
        """A certificate for another name: no login, and no wrong password."""
        url = self.server.url(host="127.0.0.1")
        checker = self.checker(database=self.database(url))
        await self.assert_unsure(checker, "bob", "bob")
        self.assertIn("127.0.0.1", self.logged[0])

    async def test_wrong_password_of_ours(self) -> None:
        """Our own password is wrong: trouble, and the log does not show it."""
        path = self.write("mistaken\n")
        checker = self.checker(
            database=f'database = "{self.server.url()}"\npassword-file = "{path}"'
        )
        await self.assert_unsure(checker, "bob", "bob")
        self.assertIn("authentication failed", self.logged[0])
        self.assertNotIn("mistaken", self.logged[0])

    async def test_slow_query(self) -> None:
        """The server stops a query that takes too long."""
        checker = self.checker(
            "[login]\nquery = \"SELECT :user AS address, '' AS password"
            ' FROM pg_sleep(20)"\n[limits]\ntimeout = 0.3\n'
        )
        begun = time.monotonic()
        await self.assert_unsure(checker, "bob", "bob")
        self.assertLess(time.monotonic() - begun, 19)

    async def test_stops_answering(self) -> None:
        """A server that hangs, with connections that worked, is given up."""
        checker = self.checker(QUERIES + "[limits]\ntimeout = 2\nconnections = 1\n")
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
        self.server.signal(signal.SIGSTOP)
        try:
            # It stands until this is over.
            await self.assert_unsure(checker, "bob", "bob")
        finally:
            self.server.signal(signal.SIGCONT)
        await self.assert_in(checker, "bob", "bob", "bob@example.org")

    def test_secrets(self) -> None:
        """Neither options nor checker show the password."""
        options = read_options(self.write(f"{self.database()}\n{LOGIN}"))
        checker = SQLChecker(options, REACTOR)
        for thing in (options, checker, vars(checker), vars(options.database)):
            self.assertNotIn(PASSWORD, repr(thing))
