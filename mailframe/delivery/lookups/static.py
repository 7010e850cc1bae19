"""A table of a few words, written where the table is named."""

from collections.abc import Mapping, Sequence

from zope.interface import implementer

from mailframe.delivery.lookups.table_file import table_key
from mailframe.interfaces.lookup import ILookup, IOperatorsTable


@implementer(ILookup, IOperatorsTable)
class StaticTable:
    """Keys and values that do not change."""

    def __init__(self, table: Mapping[str, Sequence[str]]) -> None:
        """Hold a table."""
        self._table = {table_key(key): tuple(value) for key, value in table.items()}

    @classmethod
    def from_text(cls, text: str) -> "StaticTable":
        """Return the table of ``key=value,value;key=value``.

        Raises:
            ValueError: It is not one.
        """
        table: dict[str, list[str]] = {}
        for part in filter(None, map(str.strip, text.split(";"))):
            key, equals, given = part.partition("=")
            if not equals or not key.strip():
                raise ValueError("a table is KEY=VALUE,VALUE;KEY=VALUE")
            table[key.strip()] = [
                one.strip() for one in given.split(",") if one.strip()
            ]
        return cls(table)

    async def lookup(self, key: str) -> list[str] | None:
        """Return the values of a key, whatever its case."""
        found = self._table.get(table_key(key))
        return None if found is None else list(found)
