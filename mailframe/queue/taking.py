"""Handing out parcels that are due, out of the index.

Parcels are in groups: a priority, and some of the senders. Groups are walked
soonest first, and it is remembered how far, so that the thousands that wait
for a destination that is busy are passed once, not at each question.

All calls are for the index's thread.

Source: docs/queue.rst.
"""

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby

from mailframe.queue.contract import Parcel
from mailframe.queue.records import BUCKETS
from mailframe.queue.rows import PARCEL, Row, parcels

Group = tuple[int, int]
"""Priority, and group of senders."""

Place = tuple[float, str, int]
"""When due, destination, message: where in a group."""

_BEFORE_ALL: Place = (float("-inf"), "", 0)
_LAST_NUMBER = (1 << 63) - 1
_HIGHEST = 1000

_FREE = """
AND NOT EXISTS (SELECT 1 FROM taken t
                WHERE t.message = p.message AND t.destination = p.destination)
"""

_DUE = (
    f"{PARCEL} WHERE NOT p.held AND p.priority=? AND p.bucket=?"  # noqa: S608
    " AND (p.due, p.destination, p.message) > (?,?,?) AND p.due<=?"
    f" AND p.destination NOT IN (SELECT value FROM json_each(?)){_FREE}"
    " ORDER BY p.due, p.destination, p.message LIMIT ?"
)

_DUE_TO = (
    f"{PARCEL} WHERE NOT p.held AND p.priority=? AND p.bucket=? AND p.due<=?"
    f" AND p.destination=?{_FREE} ORDER BY p.due LIMIT ?"
)


class Taking:
    """What of an index was handed out, and what is next."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Begin with nothing handed out."""
        self._db = db
        self._reached: dict[Group, Place] = {}
        self._left_out: set[str] = set()
        db.execute(
            "CREATE TEMP TABLE taken (message INTEGER, destination TEXT,"
            " PRIMARY KEY (message, destination)) WITHOUT ROWID"
        )

    def take(self, now: float, limit: int, without: Collection[str]) -> list[Parcel]:
        """Hand out parcels; see :class:`mailframe.queue.contract.IQueueSpool`."""
        if not self._left_out.issubset(without):
            self._reached.clear()
            self._left_out.clear()
        self._left_out.update(without)
        names = json.dumps(list(without))

        def some(group: Group, most: int) -> list[Row]:
            place = self._reached.get(group, _BEFORE_ALL)
            rows: list[Row] = self._db.execute(
                _DUE, (*group, *place, now, names, most)
            ).fetchall()
            if len(rows) == most:
                number, destination, due = rows[-1][:3]
                self._reached[group] = (due, destination, number)
            else:
                self._reached[group] = max(place, (now, "\U0010ffff", _LAST_NUMBER))
            return rows

        return self._share_out(self.groups(), limit, some)

    def take_for(self, destination: str, now: float, limit: int) -> list[Parcel]:
        """Hand out parcels for one destination; see :class:`IQueueSpool`."""

        def some(group: Group, most: int) -> list[Row]:
            found: list[Row] = self._db.execute(
                _DUE_TO, (*group, now, destination, most)
            ).fetchall()
            return found

        found = self._share_out(self.groups(destination), limit, some)
        if len(found) < limit:
            # Nothing of it is left behind what take() has passed.
            self._left_out.discard(destination)
        return found

    def _share_out(
        self,
        groups: Iterator[Group],
        limit: int,
        some: Callable[[Group, int], list[Row]],
    ) -> list[Parcel]:
        """Walk the groups, a share of each in turn; higher priorities first."""
        found: list[Row] = []
        for _, level in groupby(list(groups), key=lambda group: group[0]):
            waiting = list(level)
            while waiting and len(found) < limit:
                share = max(1, (limit - len(found)) // len(waiting))
                left = []
                for group in waiting:
                    most = min(share, limit - len(found))
                    if not most:
                        break
                    rows = some(group, most)
                    self._mark(rows)
                    found += rows
                    if len(rows) == most:
                        left.append(group)
                waiting = left
        return parcels(self._db, found)

    def groups(self, destination: str | None = None) -> Iterator[Group]:
        """Yield the groups there are, higher priorities first."""
        index, where, key = "parcels_due", "", list[str]()
        if destination is not None:
            index, where, key = "parcels_to", " AND destination=?", [destination]
        begin = (
            f"SELECT priority, bucket FROM parcels INDEXED BY {index}"  # noqa: S608
            f" WHERE NOT held{where}"
        )
        end = " ORDER BY priority DESC, bucket DESC LIMIT 1"
        # Two questions, each of which the index answers at once.
        same = f"{begin} AND priority=? AND bucket<?{end}"
        lower = f"{begin} AND priority<?{end}"
        execute = self._db.execute
        last: Group | None = (_HIGHEST, BUCKETS)
        while last is not None:
            last = (
                execute(same, (*key, *last)).fetchone()
                or execute(lower, (*key, last[0])).fetchone()
            )
            if last is not None:
                yield last

    def _mark(self, rows: Sequence[Row]) -> None:
        if rows:
            self._db.execute(
                "INSERT OR IGNORE INTO taken SELECT json_extract(value, '$[0]'),"
                " json_extract(value, '$[1]') FROM json_each(?)",
                (json.dumps([row[:2] for row in rows]),),
            )

    def give_back(self, keys: Collection[tuple[int, str]]) -> None:
        """Let parcels be handed out again."""
        soonest = float("inf")
        for key in keys:
            self._db.execute("DELETE FROM taken WHERE message=? AND destination=?", key)
            row = self._db.execute(
                "SELECT due FROM parcels WHERE message=? AND destination=?", key
            ).fetchone()
            if row is not None:
                soonest = min(soonest, row[0])
        self.back_to(soonest)

    def back_to(self, due: float) -> None:
        """Look again at what is due at that time, and later."""
        place: Place = (due, "", 0)
        for group, reached in self._reached.items():
            if place < reached:
                self._reached[group] = place
