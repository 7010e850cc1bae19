"""Tables of addresses in SQLite, PostgreSQL and LDAP: real ones."""

import os
import sqlite3
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from mailframe.auth.ldap import servers
from mailframe.auth.ldap.lookup import ldap_table
from mailframe.auth.sql import connections
from mailframe.auth.sql.lookup import sql_table
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.lookup import ILookup, IOperatorsTable
from tests.auth.checker_case import REACTOR, CheckerCase
from tests.auth.ldap_world import SERVICE, SlapdCase
from tests.auth.postgresql import PostgreSQL, shared
from tests.auth.slapd import BASE

SCHEMA = """
CREATE TABLE forwards (source TEXT, target TEXT);
INSERT INTO forwards VALUES
    ('info@example.org', 'alice@example.org, bob@example.org'),
    ('info@example.org', 'carol@example.org'),
    ('@shop.example', 'alice@example.org'),
    ('info@bücher.example', 'bob@example.org'),
    ('nobody@example.org', NULL),
    ('run@example.org', '|/bin/sh'),
    ('staff', 'bob');
"""

LOOKUP = """
[lookup]
query = "SELECT target FROM forwards WHERE source = :user ORDER BY target"
[cache]
positive = 0
negative = 0
"""


class TableCase(CheckerCase):
    """Asks a table."""

    def take(self, table: Any) -> Any:
        """Close a table at the end."""
        verifyObject(ILookup, table)
        self.assertFalse(IOperatorsTable.providedBy(table))
        self.addCleanup(table.close)
        return table

    async def assert_unsure_of(self, table: Any, key: str) -> None:
        """Make sure that nobody is told there is no such entry."""
        asked = Deferred.fromCoroutine(table.lookup(key))
        await self.assertFailure(asked, TemporaryFailure)


class SQLTables(TableCase):
    """What holds for every database."""

    def database(self) -> str:
        """Return the ``database`` of the file, and what goes with it."""
        raise NotImplementedError

    def table(self, text: str = LOOKUP) -> Any:
        """Return a table."""
        self.patch(connections, "_log", self)
        return self.take(sql_table(self.write(self.database() + text), REACTOR))

    async def look(self) -> None:
        """Rows and commas, whatever the case; nothing is ever part of the query."""
        table = self.table()
        for key, expected in (
            (
                "Info@Example.ORG",
                ["alice@example.org", "bob@example.org", "carol@example.org"],
            ),
            ("info@xn--bcher-kva.example", ["bob@example.org"]),
            ("@shop.example", ["alice@example.org"]),
            ("staff", ["bob"]),
            ("nobody@example.org", []),
            ("x@example.org", None),
            ("' OR '1'='1", None),
            ("'/**/OR/**/1=1--@example.org", None),
            ("\ud800@example.org", None),
            ("a\0b@example.org", None),
        ):
            self.assertEqual(await table.lookup(key), expected, key)

    async def parts(self) -> None:
        """A query may ask for the parts alone."""
        table = self.table(
            "\n[lookup]\nquery = \"SELECT :local || '@there.example' "
            "WHERE CAST(:domain AS TEXT) = 'example.org'\"\n"
        )
        self.assertEqual(await table.lookup("Xy@example.org"), ["xy@there.example"])
        self.assertIsNone(await table.lookup("Xy@example.com"))


class SQLiteTests(SQLTables):
    """A file."""

    def database(self) -> str:
        self.path = os.path.abspath(self.mktemp())
        database = sqlite3.connect(self.path)
        database.executescript(SCHEMA)
        database.close()
        return f'database = "sqlite:{self.path}"\n'

    async def test_look(self) -> None:
        """See above."""
        await self.look()

    async def test_parts(self) -> None:
        """See above."""
        await self.parts()

    async def test_trouble(self) -> None:
        """A database that is not there, or a query that fails: later."""
        table = self.table()
        os.rename(self.path, f"{self.path}.old")
        await self.assert_unsure_of(table, "info@example.org")
        os.rename(f"{self.path}.old", self.path)
        self.assertEqual(len(await table.lookup("info@example.org")), 3)
        table = self.table('\n[lookup]\nquery = "SELECT x FROM y WHERE z = :user"\n')
        await self.assert_unsure_of(table, "info@example.org")

    async def test_remembered(self) -> None:
        """Entries, and that there is none, are remembered for a while."""
        table = self.table(LOOKUP.partition("[cache]")[0])
        self.assertIsNone(await table.lookup("new@example.org"))
        self.assertEqual(await table.lookup("staff"), ["bob"])
        database = sqlite3.connect(self.path)
        database.executescript(
            "UPDATE forwards SET target = 'carol';"
            "INSERT INTO forwards VALUES ('new@example.org', 'bob')"
        )
        database.close()
        self.assertIsNone(await table.lookup("new@example.org"))
        self.assertEqual(await table.lookup("STAFF"), ["bob"])

    def test_wrong(self) -> None:
        """What is wrong with the file is one line."""
        for text in (
            "",
            '[lookup]\nquery = "SELECT 1"\n',
            '[lookup]\nquery = "SELECT :other"\n',
            '[login]\nquery = "SELECT :user"\n',
        ):
            path = self.write(f'database = "sqlite:/x"\n{text}')
            error = self.assertRaises(ValueError, sql_table, path, REACTOR)
            self.assertIn(path, str(error))
        self.assertRaises(ValueError, sql_table, "", REACTOR)


class PostgreSQLTests(SQLTables):
    """A server."""

    def database(self) -> str:
        self.server: PostgreSQL = shared(
            SCHEMA + "CREATE USER mailframe PASSWORD 'secret';"
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO mailframe;"
        )
        path = self.write("secret\n")
        return f'database = "{self.server.url()}"\npassword-file = "{path}"\n'

    async def test_look(self) -> None:
        """See above."""
        await self.look()

    async def test_parts(self) -> None:
        """See above."""
        await self.parts()

    async def test_away(self) -> None:
        """A server that is away is trouble, and asked again when it is back."""
        table = self.table()
        self.assertEqual(await table.lookup("staff"), ["bob"])
        self.server.stop()
        try:
            await self.assert_unsure_of(table, "staff")
        finally:
            self.server.start()
        self.assertEqual(await table.lookup("staff"), ["bob"])


class LDAPTests(SlapdCase, TableCase):
    """A directory."""

    def table(self, text: str) -> Any:
        """Return a table."""
        self.patch(servers, "_log", self)
        path = self.write(
            f'servers = ["{self.slapd.url()}"]\nstarttls = false\nbase = "{BASE}"\n'
            f"{text}{SERVICE}[cache]\npositive = 0\nnegative = 0\n"
        )
        return self.take(ldap_table(path, REACTOR))

    async def test_look(self) -> None:
        """Values of every entry and attribute; names are always escaped."""
        table = self.table(
            '[lookup]\nfilter = "(mail={user})"\nattributes = ["uid", "title"]\n'
        )
        for key, expected in (
            ("Alice@EXAMPLE.org", ["alice", "director"]),
            ("twin@example.org", ["twin1", "twin2"]),
            ("mueller@bücher.example", ["müller", "x"]),
            ("*@example.org", None),
            ("*", None),
            ("x)(uid=*", None),
            ("nobody@example.org", None),
            ("\ud800", None),
        ):
            self.assertEqual(await table.lookup(key), expected, key)
        table = self.table(
            '[lookup]\nfilter = "(uid={local})"\nattributes = ["title"]\n'
        )
        self.assertEqual(await table.lookup("bob@example.org"), [])

    async def test_away(self) -> None:
        """A directory that does not answer is trouble."""
        table = self.table(
            '[lookup]\nfilter = "(uid={local})"\nattributes = ["mail"]\n'
        )
        self.assertEqual(await table.lookup("bob"), ["bob@example.org"])
        self.slapd.stop()
        await self.assert_unsure_of(table, "bob")

    def test_wrong(self) -> None:
        """What is wrong with the file is one line."""
        for text in (
            "",
            '[lookup]\nfilter = "(uid={local})"\n',
            '[lookup]\nfilter = "(uid={nobody})"\nattributes = ["mail"]\n',
            '[lookup]\nfilter = "uid="\nattributes = ["mail"]\n',
            '[lookup]\nfilter = "(uid={local})"\nattributes = ["ma il"]\n',
        ):
            path = self.write(f'servers = ["ldap://127.0.0.1"]\n{text}')
            error = self.assertRaises(ValueError, ldap_table, path, REACTOR)
            self.assertIn(path, str(error))
