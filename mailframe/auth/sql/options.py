"""What an SQL backend can be told, checked before it serves anybody."""

from dataclasses import dataclass, field

from mailframe.auth.backend_limits import LIMIT_KEYS, BackendLimits, common_limits
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
    "limits.connect-timeout": "number",
    **LIMIT_KEYS,
}
"""Every key of the file and its kind; docs/howto/sql.rst explains each."""


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
    limits: BackendLimits = field(default_factory=BackendLimits)


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


def limits_of(file: TOMLFile) -> BackendLimits:
    """Return how long and how much.

    Raises:
        ValueError: A number is out of its range.
    """
    threads = int(file.number("limits.connections", BackendLimits().threads, 1, 100))
    return BackendLimits(threads, **common_limits(file))


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
