"""Tests of :mod:`mailframe.auth.sql.options`."""

import os
import re
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any, cast
from unittest.mock import patch

import psycopg
from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.sql import postgresql
from mailframe.auth.sql.connections import Unanswered
from mailframe.auth.sql.options import KEYS, SQLOptions, read_options
from mailframe.choice import make_checker
from mailframe.config import BadConfig

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto" / "sql.rst"

_QUERY = '[login]\nquery = "SELECT :user"\n'
_GOOD = 'database = "sqlite:x.db"\n'


class OptionsCase(SynchronousTestCase):
    """Reads files."""

    def read(self, text: str) -> SQLOptions:
        """Return the options of a file with this text."""
        self.path = os.path.abspath(self.mktemp())
        Path(self.path).write_text(text, "utf-8")
        return read_options(self.path)


class FileTests(OptionsCase):
    """A TOML file says everything."""

    def test_howto(self) -> None:
        """Both files of the how-to are some, and it explains every key."""
        page = HOWTO.read_text("utf-8")
        blocks = re.findall(r"\.\. code-block:: toml\n\n((?:(?: {3}.*)?\n)+)", page)
        self.assertEqual(len(blocks), 2)
        secret = os.path.abspath(self.mktemp())
        Path(secret).write_text("hidden\n")
        for block in blocks:
            text = dedent(block).replace("/etc/mailframe/sql.password", secret)
            self.assertNotIn("hidden", repr(self.read(text)))
        missing = [key for key in KEYS if f"``{key}``" not in page]
        self.assertEqual(missing, [])

    def test_wrong(self) -> None:
        """What is wrong is named: file, key, and the nearest key there is."""
        for text, *words in (
            ("", "database is missing"),
            (_GOOD, "login.query is missing"),
            ('database = "x.db"\n' + _QUERY, "database must be sqlite:PATH or"),
            ('database = "sqlite:"\n' + _QUERY, "database must be sqlite:PATH"),
            (
                'database = "postgresql://h/x?nonsense=1"\n' + _QUERY,
                "database is not postgresql://",
            ),
            (_GOOD + '[login]\nquery = "x"', "login.query asks for nobody"),
            (_GOOD + '[login]\nquery = ":usr"', "login.query has :usr", ":user"),
            (_GOOD + '[login]\nqerry = "x"', "'login.qerry'", "'login.query'"),
            (_GOOD + _QUERY + '[find]\nquery = ":x"', "find.query has :x"),
            (_GOOD + 'password = "x"\n' + _QUERY, "password is of no use"),
            (_GOOD + 'password-file = "/nowhere"\n' + _QUERY, "password-file /nowhere"),
            (_GOOD + _QUERY + "[limits]\nconnections = 0", "limits.connections must"),
        ):
            with self.assertRaises(ValueError) as caught:
                self.read(text)
            said = str(caught.exception)
            self.assertNotIn("\n", said)
            for word in (self.path, *words):
                self.assertIn(word, said)
        with self.assertRaisesRegex(ValueError, "needs a FILE"):
            read_options("")

    def test_no_secret_in_errors(self) -> None:
        """A password in a URL is not repeated when the URL is wrong."""
        with self.assertRaises(ValueError) as caught:
            self.read(f'database = "postgresql://u:hunter2@h:x/y?z"\n{_QUERY}')
        self.assertNotIn("hunter2", str(caught.exception))
        options = self.read(f'database = "postgresql://u:hunter2@h/y"\n{_QUERY}')
        self.assertNotIn("hunter2", repr(options) + repr(vars(options.database)))

    def test_without_psycopg(self) -> None:
        """Where the package is missing the operator is told so."""
        with (
            patch.dict(sys.modules, {postgresql.__name__: None}),
            self.assertRaisesRegex(ValueError, "needs the Python package psycopg"),
        ):
            self.read(f'database = "postgresql://h/y"\n{_QUERY}')


class PostgreSQLDefaultsTests(OptionsCase):
    """A connection to another host is TLS that verifies the name."""

    def given(self, url: str) -> dict[str, Any]:
        """Return what psycopg is told."""
        taken: list[dict[str, Any]] = []

        def connect(conninfo: str, **given: Any) -> Any:
            taken.append(given)
            raise psycopg.OperationalError("not now")

        self.patch(postgresql._LimitedConnection, "connect", connect)
        options = self.read(f'database = "{url}"\n{_QUERY}')
        with self.assertRaises(Unanswered):
            options.database.connect(float("inf"))
        return taken[0]

    def test_remote(self) -> None:
        """Without a word, ``verify-full`` with the system's roots."""
        given = self.given("postgresql://u@db.example/x")
        self.assertEqual(given["sslmode"], "verify-full")
        self.assertEqual(given["sslrootcert"], "system")
        self.assertIn("default_transaction_read_only=on", given["options"])
        given = self.given("postgresql://u@localhost,db.example/x")
        self.assertEqual(given["sslmode"], "verify-full")

    def test_local(self) -> None:
        """A socket or loopback needs none."""
        for host in ("", "localhost", "127.0.0.1", "%2Frun%2Fpostgresql"):
            self.assertNotIn("sslmode", self.given(f"postgresql://{host}/x"))

    def test_told(self) -> None:
        """What the URL says counts."""
        given = self.given("postgresql://h/x?sslmode=require&options=-cx%3Dy")
        self.assertEqual((given["sslmode"], given["options"]), ("require", "-cx=y"))


class PluginTests(OptionsCase):
    """``--auth sql:`` makes a checker."""

    def test_made(self) -> None:
        """It gets the host's default domain."""
        self.read(_GOOD + _QUERY)
        checker = make_checker(f"sql:{self.path}", "Example.org", cast(Any, None), b"")
        self.assertEqual(checker.default_domain, "example.org")

    def test_refused(self) -> None:
        """What is wrong is one line for the operator."""
        with self.assertRaisesRegex(BadConfig, "--auth sql: /nowhere: No such file"):
            make_checker("sql:/nowhere", "example.org", cast(Any, None), b"")
