"""FETCH responses out of columns: many messages written as one join.

Items that never change and need kept answers (ENVELOPE, BODYSTRUCTURE) are
written once for each message, together with the items beside them that never
change either, and kept as one piece of the response while there is room.

Source: RFC 9051 section 7.5.2, RFC 5267 section 4.5 (a server may keep results).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from mailframe.imap import wording
from mailframe.imap.context import MessageContext
from mailframe.imap.fetch_items import IN_REV1, ColumnItem, Rows
from mailframe.imap.serialize import decimals
from mailframe.imap.worked_out import WORKED_OUT, Column
from mailframe.interfaces.mailbox import SummaryField
from mailframe.model.uid_set import UIDSet

_NUMBER = b"%d"
_OCTETS = b"%b"


@dataclass(frozen=True, slots=True)
class _Run:
    """Items in a row that never change; what is kept of them is ready."""

    items: tuple[ColumnItem, ...]

    @property
    def fields(self) -> tuple[SummaryField, ...]:
        return _fields(self.items)


class Columns:
    """What one FETCH asks for that columns and kept answers tell."""

    def __init__(self, context: MessageContext, items: Iterable[ColumnItem]) -> None:
        """Find out which items can be kept ready.

        Args:
            context: The session.
            items: In the order of the response.
        """
        self._context = context
        if "IMAP4REV2" not in context.enabled:
            items = [IN_REV1.get(item, item) for item in items]
        self._items: list[ColumnItem | _Run] = []
        for constant, some in groupby(items, lambda item: item.constant):
            group = tuple(some)
            if constant and _fields(group):
                self._items.append(_Run(group))
            else:
                self._items += group
        self._fields = _fields(
            item for item in self._items if isinstance(item, ColumnItem)
        )
        self._kept: dict[_Run, Column] = {
            item: WORKED_OUT.column(context.mailbox, item, len(context.listing.uids))
            for item in self._items
            if isinstance(item, _Run)
        }
        template = b" ".join(
            item.template if isinstance(item, ColumnItem) else _OCTETS
            for item in self._items
        )
        opening = wording.opening(context.enabled) + template
        self._whole = _cut(opening + b")\r\n")
        self._begun = _cut(opening + b" " if template else opening)

    async def rows(self, indices: Sequence[int]) -> Rows:
        """Return rows with what must be read of them, without those gone.

        Raises:
            NoSuchMailbox: The mailbox was deleted.
            TemporaryFailure: Summaries cannot be read now.
        """
        context = self._context
        rows = Rows(context.listing, context.recent, indices)
        for run, column in self._kept.items():
            missing = set(column.missing(rows.uids))
            if missing:
                rows = await self._written(rows, run, column, missing)
        if self._fields:
            rows = await _summarised(context, rows, self._fields)
        return rows

    async def _written(
        self, rows: Rows, run: _Run, column: Column, missing: set[int]
    ) -> Rows:
        """Write what is missing of a run; return the rows that are there."""
        wanted = await _summarised(self._context, rows.only(missing), run.fields)
        template = b" ".join(item.template for item in run.items)
        values = zip(*[item.column(wanted) for item in run.items], strict=True)
        column.add(wanted.uids, [template % row for row in values])
        gone = missing.difference(wanted.uids)
        return rows.only(set(rows.uids) - gone) if gone else rows

    def responses(self, rows: Rows) -> bytes:
        """Return whole responses.

        Args:
            rows: As :meth:`rows` has returned them.
        """
        return b"".join(_interleaved(self._whole, self._values(rows)))

    def beginnings(self, rows: Rows) -> list[bytes]:
        """Return for each message its response up to where other items begin.

        Args:
            rows: As :meth:`rows` has returned them.
        """
        flat = _interleaved(self._begun, self._values(rows))
        width = len(self._begun)
        return [
            b"".join(flat[start : start + width])
            for start in range(0, len(flat), width)
        ]

    def _values(self, rows: Rows) -> list[Iterable[Any]]:
        values: list[Iterable[Any]] = [
            wording.heads(self._context.enabled, rows.listing, rows.indices)
        ]
        for item in self._items:
            if isinstance(item, _Run):
                values.append(self._kept[item].of(rows.uids))
            else:
                values.append(item.column(rows))
        return values


def _fields(items: Iterable[ColumnItem]) -> tuple[SummaryField, ...]:
    return tuple(dict.fromkeys(name for item in items for name in item.fields))


async def _summarised(
    context: MessageContext, rows: Rows, fields: tuple[SummaryField, ...]
) -> Rows:
    """Return rows with the summaries they need, without those gone."""
    uids = rows.uids
    found, *columns = await context.mailbox.summaries(UIDSet.of(uids), fields)
    if len(found) != len(uids):
        rows = rows.only(found)
    rows.kept = dict(zip(fields, columns, strict=True))
    return rows


def _cut(template: bytes) -> list[bytes]:
    """Return a template cut before and behind each value."""
    pieces: list[bytes] = []
    while place := template.find(b"%") + 1:
        pieces += (template[: place - 1], template[place - 1 : place + 1])
        template = template[place + 1 :]
    return [*pieces, template]


def _interleaved(pieces: list[bytes], values: Sequence[Iterable[Any]]) -> list[bytes]:
    """Return the pieces of a template for many rows, the values between them.

    Ten thousand rows cost a few assignments of slices, none of a row.
    """
    count = 0
    flat: list[bytes] = []
    for place, column in enumerate(values):
        ready = column if isinstance(column, Sequence) else list(column)
        if not place:
            count = len(ready)
            flat = pieces * count
        written = decimals(ready) if pieces[2 * place + 1] == _NUMBER else ready
        flat[2 * place + 1 :: len(pieces)] = written
    return flat
