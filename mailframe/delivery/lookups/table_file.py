"""Tables in files: aliases(5), virtual addresses, lists of names.

The whole file is read and held; it is read again when it, or a file it
includes, has changed.
"""

import os

from zope.interface import implementer

from mailframe.delivery.lookups.broken import BrokenTable
from mailframe.delivery.lookups.entries import INCLUDE, entry, logical_lines, values
from mailframe.delivery.lookups.watched import FileReader, WatchedTable
from mailframe.interfaces.lookup import ILookup, IOperatorsTable
from mailframe.model.address import canonical_domain

_NOT_INCLUDED = ("|", "/", "lmtp:", "smtp:")


@implementer(ILookup, IOperatorsTable)
class TableFile(WatchedTable[dict[str, tuple[str, ...]]]):
    """One file of keys and values."""

    async def lookup(self, key: str) -> list[str] | None:
        """Return the values of a key, whatever its case."""
        found = (await self.current()).get(table_key(key))
        return None if found is None else list(found)

    def parse(self, reader: FileReader) -> dict[str, tuple[str, ...]]:
        """Read the keys and their values.

        Raises:
            BrokenTable: A line is wrong, or a key stands in two.
        """
        table: dict[str, tuple[str, ...]] = {}
        first: dict[str, int] = {}
        path = self.path
        for number, line in logical_lines(path, reader.read(path)):
            key, given = entry(path, number, line)
            name = table_key(key)
            if name in table:
                raise BrokenTable(path, number, f"{key} is in line {first[name]}, too")
            first[name] = number
            table[name] = tuple(self._included(reader, path, number, given, ()))
        return table

    def _included(
        self,
        reader: FileReader,
        path: str,
        number: int,
        given: list[str],
        within: tuple[str, ...],
    ) -> list[str]:
        """Return values with those of included files in their place.

        An included file is often somebody else's to write: a program, file or
        server in it is no address, and told of as such.
        """
        found: list[str] = []
        for value in given:
            if not value.lower().startswith(INCLUDE):
                is_address = not value.startswith(_NOT_INCLUDED)
                found.append(value if is_address or not within else f":{value}")
                continue
            name = value[len(INCLUDE) :].strip()
            inner = os.path.join(os.path.dirname(self.path), name)
            if inner in within:
                raise BrokenTable(path, number, f"{name} includes itself")
            for line_number, line in logical_lines(inner, reader.read(inner)):
                found += self._included(
                    reader,
                    inner,
                    line_number,
                    values(inner, line_number, line),
                    (*within, inner),
                )
        return found


def table_key(key: str) -> str:
    """Return a key in the one form keys are compared in."""
    local, at, domain = key.rpartition("@")
    return f"{local.casefold()}@{canonical_domain(domain)}" if at else key.casefold()
