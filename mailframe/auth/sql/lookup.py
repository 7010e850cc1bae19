"""A table of addresses in an SQL database (``--virtual sql:FILE``).

The file is that of the backend for logins (:mod:`.options`) with one query of its
own, ``lookup.query``: the first column of each row is a value, or several with
commas between them; no row is no entry, and NULL an entry without a value.
"""

from typing import Any

from mailframe.auth.lookup_table import MOST, LookupTable, values_of
from mailframe.auth.sql.connections import Connection, Connections, Unanswered
from mailframe.auth.sql.options import KEYS, database_of, limits_of
from mailframe.auth.sql.queries import Query
from mailframe.auth.toml_file import TOMLFile

_OWN = ("login", "find", "aliases", "shared")
LOOKUP_KEYS = {
    "lookup.query": "text",
    **{key: kind for key, kind in KEYS.items() if key.partition(".")[0] not in _OWN},
}
"""Every key of the file and its kind."""


def sql_table(argstring: str, reactor: Any) -> LookupTable:
    """Return the table that a TOML file describes.

    Raises:
        ValueError: Something is wrong; one line that names the file and key.
    """
    if not argstring:
        raise ValueError("sql needs a FILE")
    file = TOMLFile(argstring, LOOKUP_KEYS)
    for key in ("database", "lookup.query"):
        file.need(key)
    query: Query = file.checked("lookup.query", Query, "")
    limits = limits_of(file)
    connections = Connections(
        database_of(file, limits.timeout), limits.timeout, limits.idle
    )

    def ask(parts: dict[str, str]) -> list[str] | None:
        return connections.ask(
            lambda one, deadline: _values(one, query, parts, deadline)
        )

    return LookupTable(
        ask,
        connections.close,
        reactor,
        kind="sql",
        limits=limits,
    )


def _values(
    one: Connection, query: Query, parts: dict[str, str], deadline: float
) -> list[str] | None:
    rows = one.rows(query, parts, MOST + 1, deadline)
    if len(rows) > MOST:
        # Some of them would get no mail, and nobody would hear of it.
        raise Unanswered(f"more than {MOST} rows for {parts['user']}")
    if not rows:
        return None
    found = [next(iter(row.values()), None) for row in rows]
    return values_of([_text(value) for value in found if value is not None])


def _text(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return str(value)
