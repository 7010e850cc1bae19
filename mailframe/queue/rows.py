"""Parcels, made from the rows of the index.

Source: docs/queue.rst.
"""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from mailframe.model.envelope import Envelope
from mailframe.queue.contract import Parcel, Recipient
from mailframe.queue.envelope_text import (
    unpack_forward_path,
    unpack_origin,
    unpack_reverse_path,
)
from mailframe.queue.records import queue_id, unpack_outcome

PARCEL = """
SELECT p.message, p.destination, p.due, p.attempts, p.held,
       m.reverse_path, m.origin, m.arrived, m.size
FROM parcels p JOIN messages m ON m.number = p.message
"""

_RECIPIENTS = """
SELECT r.message, r.destination, r.number, r.path, r.tried, r.last, r.warned
FROM json_each(?) AS k CROSS JOIN recipients AS r
     ON r.message = json_extract(k.value, '$[0]')
     AND r.destination = json_extract(k.value, '$[1]')
"""

Row = Sequence[Any]


def parcels(db: sqlite3.Connection, rows: Sequence[Row]) -> list[Parcel]:
    """Return the parcels that rows of ``PARCEL`` stand for, in their order.

    The recipients of all are asked for together: a question for each parcel
    would let go of the interpreter, and wait for it again, as often.
    """
    found: dict[tuple[int, str], list[Recipient]] = {}
    keys = json.dumps([row[:2] for row in rows])
    for message, destination, place, path, tried, last, warned in db.execute(
        _RECIPIENTS, (keys,)
    ).fetchall():
        found.setdefault((message, destination), []).append(
            Recipient(
                place,
                unpack_forward_path(path),
                tried,
                None if last is None else unpack_outcome(json.loads(last)),
                bool(warned),
            )
        )
    return [_parcel(row, found.get((row[0], row[1]), ())) for row in rows]


def _parcel(row: Row, recipients: Sequence[Recipient]) -> Parcel:
    number, destination, due, attempts, held, sender, origin, arrived, size = row
    if len(recipients) > 1:
        recipients = sorted(recipients, key=lambda one: one.number)
    envelope = Envelope(
        unpack_reverse_path(sender),
        tuple([one.path for one in recipients]),
        unpack_origin(origin),
    )
    return Parcel(
        queue_id(number),
        destination,
        envelope,
        tuple(recipients),
        arrived,
        attempts,
        due,
        size,
        bool(held),
    )
