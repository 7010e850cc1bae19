"""The tables the tests of the SQL backend use, and a file of options for them."""

import hashlib
from base64 import b64encode

from mailframe.auth.sql import connections, questions
from mailframe.auth.sql.checker import SQLChecker
from mailframe.auth.sql.options import read_options
from tests.auth.checker_case import REACTOR, CheckerCase


def sha(password: str) -> str:
    """Return a hash that is quick to make, and not the password itself."""
    digest = hashlib.sha256(password.encode()).digest()
    return "{SHA256}" + b64encode(digest).decode()


SCHEMA = f"""
CREATE TABLE users (
    name TEXT, domain TEXT, password TEXT, quota TEXT, home TEXT, forward TEXT);
CREATE TABLE aliases (alias TEXT, address TEXT);
CREATE TABLE shared (mailbox TEXT, address TEXT);
INSERT INTO users VALUES
    ('alice', 'example.org', '{sha("pä ss")}', '10M', '/home/alice', 'x@y.example'),
    ('bob', 'example.org', '{sha("bob")}', NULL, NULL, NULL),
    ('bob', 'example.net', '{sha("other bob")}', 'lots', NULL, NULL),
    ('müller', 'bücher.example', '{sha("m")}', '0', NULL, NULL),
    ('%', 'example.org', '{sha("percent")}', NULL, NULL, NULL),
    ('nohash', 'example.org', NULL, NULL, NULL, NULL),
    ('damaged', 'example.org', '{{SHA256}}AAAA', NULL, NULL, NULL),
    ('twin', 'example.org', '{sha("t")}', NULL, NULL, NULL),
    ('twin', 'example.org', '{sha("t")}', NULL, NULL, NULL);
INSERT INTO aliases VALUES
    ('sales@example.org', 'alice@example.org'),
    ('info', 'alice@example.org'),
    ('alice@example.org', 'alice@example.org');
INSERT INTO shared VALUES
    ('Team', 'alice@example.org'), ('Büro', 'alice@example.org');
"""

LOGIN = """
[login]
query = '''
SELECT password, name || '@' || domain AS address FROM users
WHERE name = :local AND domain = :domain'''
"""

QUERIES = (
    LOGIN
    + """
[find]
query = '''
SELECT name || '@' || domain AS address, quota, home, forward FROM users
WHERE name || '@' || domain = :user OR name || '@' || domain IN
    (SELECT address FROM aliases WHERE alias = :user) -- not :password, 100%
ORDER BY 1'''
[aliases]
query = "SELECT alias FROM aliases WHERE address = :user ORDER BY alias"
[shared]
query = "SELECT mailbox FROM shared WHERE address = :user ORDER BY mailbox"
"""
)


class SQLCase(CheckerCase):
    """Makes checkers from files of options."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(connections, "_log", self)
        self.patch(questions, "_log", self)

    def database(self) -> str:
        """Return the ``database`` of the file, and what goes with it."""
        raise NotImplementedError

    def checker(self, text: str = QUERIES, database: str | None = None) -> SQLChecker:
        """Return a checker; ``text`` is its file but for the database."""
        where = self.database() if database is None else database
        path = self.write(f"{where}\n{text}\n")
        checker = SQLChecker(read_options(path), REACTOR, "example.org")
        self.addCleanup(checker.close)
        return checker
