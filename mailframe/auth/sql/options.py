"""What an SQL backend can be told, checked before it serves anybody."""

from dataclasses import dataclass, field

from mailframe.auth.sql.connections import Database
from mailframe.auth.sql.queries import Query
from mailframe.auth.sql.sqlite import SQLiteDatabase
from mailframe.auth.toml_file import TOMLFile

KEYS = {
    "database": "text",
    "password": "text",
    "password-file": "text",
    "login.query": "text",
    "find.query": "text",
    "aliases.query": "text",
    "shared.query": "text",
    "limits.connections": "number",
    "limits.waiting": "number",
    "limits.connect-timeout": "number",
    "limits.timeout": "number",
    "limits.give-up": "number",
    "limits.idle": "number",
    "cache.positive": "number",
    "cache.negative": "number",
}
"""Every key of the file and its kind; docs/howto/sql.rst explains each."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much."""

    connections: int = 4
    """Queries, and passwords verified, at a time."""
    waiting: int = 200
    """Those that wait for their turn."""
    timeout: float = 5.0
    """Seconds for the answer to one question."""
    give_up: float = 15.0
    """Seconds until whoever asked is told to come again."""
    idle: float = 60.0
    """Seconds an unused connection is kept."""
    positive: float = 60.0
    """Seconds a user is remembered for."""
    negative: float = 10.0
    """Seconds an address nobody has is remembered for."""


@dataclass(frozen=True, slots=True)
class SQLOptions:
    """All a backend needs to know.

    Attributes:
        database: Where the tables are.
        login: Finds who logs in: columns ``password`` and ``address``.
        find: Finds who has an address: column ``address``, and what else
            there is.
        aliases: Finds a user's further addresses, one a row; or ``None``.
        shared: Finds the shared mailboxes of a user, one a row; or ``None``.
        limits: How long and how much.
    """

    database: Database
    login: Query
    find: Query
    aliases: Query | None = None
    shared: Query | None = None
    limits: Limits = field(default_factory=Limits)


def read_options(argstring: str) -> SQLOptions:
    """Return the options of a TOML file.

    Args:
        argstring: Its path.

    Raises:
        ValueError: Something is wrong; one line that names the file and key.
    """
    if not argstring:
        raise ValueError("sql needs a FILE")
    file = TOMLFile(argstring, KEYS)
    for key in ("database", "login.query"):
        file.need(key)
    limits = limits_of(file)
    login = file.checked("login.query", Query, "")
    return SQLOptions(
        database=database_of(file, limits.timeout),
        login=login,
        find=_query(file, "find.query") or login,
        aliases=_query(file, "aliases.query"),
        shared=_query(file, "shared.query"),
        limits=limits,
    )


def limits_of(file: TOMLFile) -> Limits:
    """Return how long and how much.

    Raises:
        ValueError: A number is out of its range.
    """
    default = Limits()
    return Limits(
        connections=int(file.number("limits.connections", default.connections, 1, 100)),
        waiting=int(file.number("limits.waiting", default.waiting, 0, 10_000)),
        timeout=file.number("limits.timeout", default.timeout, 0.1, 60),
        give_up=file.number("limits.give-up", default.give_up, 0.1, 120),
        idle=file.number("limits.idle", default.idle, 0, 3600),
        positive=file.number("cache.positive", default.positive, 0, 86_400),
        negative=file.number("cache.negative", default.negative, 0, 86_400),
    )


def _query(file: TOMLFile, key: str) -> Query | None:
    if file.get(key) is None:
        return None
    query: Query = file.checked(key, Query, "")
    return query


def database_of(file: TOMLFile, timeout: float) -> Database:
    """Return the database that a file names.

    Raises:
        ValueError: It names none; one line for people.
    """
    url: str = file.get("database")
    password = file.secret()
    connect_timeout = file.number("limits.connect-timeout", 3.0, 0.1, 60)
    if url.startswith("sqlite:"):
        if password is not None:
            raise file.wrong("password", "is of no use to SQLite")
        path = url.removeprefix("sqlite:")
        if not path:
            raise file.wrong("database", "must be sqlite:PATH")
        return SQLiteDatabase(path, timeout)
    if not url.startswith(("postgresql://", "postgres://")):
        raise file.wrong("database", "must be sqlite:PATH or postgresql://HOST/NAME")
    try:
        from mailframe.auth.sql.postgresql import PostgreSQLDatabase
    except ImportError:
        raise file.wrong("database", "needs the Python package psycopg") from None
    try:
        return PostgreSQLDatabase(url, password, connect_timeout, timeout)
    except ValueError as error:
        raise file.wrong("database", str(error)) from None
