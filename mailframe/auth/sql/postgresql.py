"""Users in the tables of a PostgreSQL database.

Everything here blocks, and runs in a thread. Several hosts in one URL are tried
in their order by libpq.

Source: https://www.postgresql.org/docs/current/libpq-connect.html
"""

import math
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from mailframe.auth.sql.connections import Row, Unanswered
from mailframe.auth.sql.queries import Query
from mailframe.model.secret import Secret

_SYSTEM_ROOTS = 160_000
"""The libpq that knows ``sslrootcert=system``."""


class PostgreSQLDatabase:
    """One database, perhaps on several hosts."""

    def __init__(
        self,
        url: str,
        password: Secret | None,
        connect_timeout: float,
        limit: float,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect later.

        Args:
            url: As libpq has it, ``postgresql://USER@HOST/DATABASE``.
            password: Or ``None``, if the URL has it or none is needed.
            connect_timeout: Seconds for a connection to one host.
            limit: Seconds the server works on one query.
            seconds: A clock.

        Raises:
            ValueError: It is no such URL; the text repeats nothing of it.
        """
        try:
            given = conninfo_to_dict(url)
        except psycopg.Error:
            raise ValueError("is not postgresql://USER@HOST/DATABASE") from None
        hosts = str(given.get("host") or given.get("hostaddr") or "")
        self.name = f"postgresql://{hosts}/{given.get('dbname', '')}"
        if "sslmode" not in given and not all(map(_is_local, hosts.split(","))):
            given["sslmode"] = "verify-full"
        if (
            given.get("sslmode") == "verify-full"
            and "sslrootcert" not in given
            and psycopg.pq.version() >= _SYSTEM_ROOTS
        ):
            given["sslrootcert"] = "system"
        given.setdefault("application_name", "mailframe")
        given.setdefault("connect_timeout", str(math.ceil(connect_timeout)))
        given.setdefault(
            "options",
            f"-c statement_timeout={math.ceil(limit * 1000)}"
            " -c default_transaction_read_only=on",
        )
        if password is not None:
            given["password"] = password.reveal().decode("utf-8", "surrogateescape")
        self._seconds = seconds
        # In a closure, where no repr finds the password.
        self._connected: Callable[[], _LimitedConnection] = lambda: (
            _LimitedConnection.connect(
                "",
                autocommit=True,
                # Connections may go through a pool that shares them out anew.
                prepare_threshold=None,
                **given,  # type: ignore[arg-type]
            )
        )

    def connect(self, deadline: float) -> "PostgreSQLConnection":
        """Connect.

        Raises:
            Unanswered: No host takes us.
        """
        if self._seconds() >= deadline:
            raise Unanswered("no time is left")
        try:
            connection = self._connected()
        except psycopg.Error as error:
            raise Unanswered(_reason(error)) from None
        connection.seconds = self._seconds
        return PostgreSQLConnection(connection)


class PostgreSQLConnection:
    """One connection."""

    def __init__(self, connection: "_LimitedConnection") -> None:
        """Use ``connection``."""
        self._connection = connection

    def rows(
        self, query: Query, values: Mapping[str, str], most: int, deadline: float
    ) -> list[Row]:
        """Return the first ``most`` rows.

        Raises:
            Unanswered: It did not work, or not before ``deadline``.
        """
        self._connection.deadline = deadline
        try:
            # Typed apart: what a query is, the operator says, not the program.
            text: Any = query.percent
            cursor = self._connection.execute(text, dict(values))
            names = [column.name.lower() for column in cursor.description or ()]
            found = cursor.fetchmany(most)
        except psycopg.Error as error:
            raise Unanswered(_reason(error)) from None
        except TimeoutError:
            raise Unanswered("no answer in time") from None
        return [dict(zip(names, row, strict=True)) for row in found]

    def is_stale(self) -> bool:
        """Tell whether it was closed."""
        return self._connection.closed

    def close(self) -> None:
        """Close it; never fails."""
        self._connection.pgconn.finish()


class _LimitedConnection(psycopg.Connection[tuple[Any, ...]]):
    """Waits for a server until a deadline; psycopg itself would wait for ever."""

    deadline = math.inf
    seconds: Callable[[], float] = staticmethod(time.monotonic)

    def wait(self, gen: Any, *args: Any, **named: Any) -> Any:
        """Wait as psycopg does, which looks up every tenth of a second."""
        return super().wait(self._limited(gen), *args, **named)

    def _limited(self, gen: Any) -> Generator[Any, Any, Any]:
        try:
            state = next(gen)
            while True:
                ready = yield state
                if not ready and self.seconds() > self.deadline:
                    raise TimeoutError
                state = gen.send(ready)
        except StopIteration as end:
            return end.value


def _is_local(host: str) -> bool:
    return not host or host.startswith("/") or host in ("localhost", "127.0.0.1", "::1")


def _reason(error: psycopg.Error) -> str:
    """Return what went wrong, in a line; libpq never quotes a password."""
    return str(error.diag.message_primary or error).strip().replace("\n", "; ")
