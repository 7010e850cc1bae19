"""What is asked of the tables: the hash of who logs in, and who has an address.

Everything here blocks, and runs in a thread.
"""

from dataclasses import dataclass, field
from typing import Any

from twisted.logger import Logger

from mailframe.auth.account_name import AccountName, account_name
from mailframe.auth.quota import quota_octets
from mailframe.auth.sql.connections import Connection, Connections, Row, Unanswered
from mailframe.auth.sql.options import SQLOptions
from mailframe.auth.sql.queries import Query
from mailframe.interfaces.auth import UserEntry

_log = Logger()

_MOST = 1000
"""Aliases, and shared mailboxes, of one user."""

_KNOWN = ("address", "password", "quota", "home")
"""Columns that mean something; every other one goes to ``extra``."""


@dataclass(frozen=True, slots=True)
class StoredUser:
    """Who logs in.

    Attributes:
        address: The canonical address.
        stored: ``{SCHEME}hash``, ``""`` if nobody can log in. Never shown.
    """

    address: str
    stored: str = field(repr=False)


class Questions:
    """Asks the tables of one database."""

    def __init__(self, options: SQLOptions, connections: Connections) -> None:
        """Ask by ``options``' queries."""
        self._options = options
        self._connections = connections

    def stored(self, name: AccountName, default_domain: str) -> StoredUser | None:
        """Return the address and the hash of who logs in.

        Args:
            name: Who it is said to be.
            default_domain: For an ``address`` without one.

        Raises:
            TemporaryFailure: The database does not say.
        """

        def ask(one: Connection, deadline: float) -> StoredUser | None:
            row = _unique(one, self._options.login, name, deadline)
            if row is None:
                return None
            if "password" not in row:
                raise Unanswered("login.query has no column password")
            address = _address(row, "login.query", default_domain)
            if address is None:
                return None
            return StoredUser(address.user, _text(row["password"]))

        return self._connections.ask(ask)

    def find(self, name: AccountName, default_domain: str) -> UserEntry | None:
        """Return the user who has an address.

        Args:
            name: The address.
            default_domain: For addresses without one.

        Raises:
            TemporaryFailure: The database does not say.
        """

        def ask(one: Connection, deadline: float) -> UserEntry | None:
            row = _unique(one, self._options.find, name, deadline)
            if row is None:
                return None
            address = _address(row, "find.query", default_domain)
            if address is None:
                return None
            names = (
                account_name(alias, default_domain)
                for alias in _column(one, self._options.aliases, address, deadline)
            )
            aliases = dict.fromkeys(alias.user for alias in names if alias)
            aliases.pop(address.user, None)
            extra = {
                key: _text(value)
                for key, value in row.items()
                if key not in _KNOWN and value is not None
            }
            shared = _column(one, self._options.shared, address, deadline)
            if shared:
                extra["shared"] = "\n".join(shared)
            return UserEntry(
                address=address.user,
                aliases=tuple(aliases),
                quota=_quota(row.get("quota"), address.user),
                home=_text(row.get("home")) or None,
                extra=extra,
            )

        return self._connections.ask(ask)


def _unique(
    one: Connection, query: Query, name: AccountName, deadline: float
) -> Row | None:
    found = one.rows(query, name.named(), 2, deadline)
    if len(found) > 1:
        raise Unanswered(f"more than one row for {name.user}")
    return found[0] if found else None


def _column(
    one: Connection, query: Query | None, address: AccountName, deadline: float
) -> list[str]:
    """Return the first column of what a query finds."""
    if query is None:
        return []
    rows = one.rows(query, address.named(), _MOST + 1, deadline)
    if len(rows) > _MOST:
        _log.warn("{user} has more than {most} rows", user=address.user, most=_MOST)
    texts = (_text(next(iter(row.values()), None)) for row in rows[:_MOST])
    return [text for text in texts if text and "\n" not in text]


def _address(row: Row, query: str, default_domain: str) -> AccountName | None:
    if "address" not in row:
        raise Unanswered(f"{query} has no column address")
    address = account_name(_text(row["address"]), default_domain)
    if address is None:
        _log.error("{query}: a row has no address; not used", query=query)
    return address


def _quota(value: Any, address: str) -> int | None:
    try:
        return quota_octets(_text(value))
    except ValueError:
        _log.warn("{user} has a quota that cannot be read; none is kept", user=address)
        return None


def _text(value: Any) -> str:
    """Return a value of a column as text; NULL is empty."""
    if value is None:
        return ""
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return str(value)
