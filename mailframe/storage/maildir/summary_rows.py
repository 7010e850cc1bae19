"""Summaries and headers as rows of the index.

Source: DESIGN.md section 4 (ready answers are kept).
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mailframe.interfaces.mailbox import SummaryField
from mailframe.mime.charset import without_surrogates
from mailframe.mime.summary import summarise
from mailframe.model.summary import Summary
from mailframe.storage.maildir.index import Index
from mailframe.storage.writer import Batch

if TYPE_CHECKING:
    from mailframe.storage.maildir.store import AccountStore

HEADER_KEPT = 16_384
"""Octets of header kept in the index; a longer one is read from its file."""

FIELDS: tuple[SummaryField, ...] = (
    "envelope",
    "body_structure",
    "body",
    "sent",
    "subject",
    "sort_from",
    "sort_to",
    "sort_cc",
    "message_id",
    "references",
    "preview",
    "content_hash",
)
_INSERT = f"INSERT OR REPLACE INTO summaries VALUES (?{',?' * len(FIELDS)})"  # noqa: S608


def header_of(octets: bytes) -> bytes:
    """Return the header of a message, its empty line included."""
    if octets.startswith(b"\r\n"):
        return b"\r\n"
    end = octets.find(b"\r\n\r\n")
    return octets if end < 0 else octets[: end + 4]


def digest(octets: bytes) -> tuple[Summary, bytes]:
    """Return the summary and the header of a message in CRLF form."""
    return summarise(octets), header_of(octets)


def is_plain(header: bytes) -> bool:
    """Tell whether every text of ASCII in a header stands there as it is.

    False for octets beyond ASCII, for encoded words, and for NUL, at which
    SQLite ends a text.
    """
    return header.isascii() and b"=?" not in header and b"\0" not in header


def keep(index: Index, number: int, summary: Summary, header: bytes) -> None:
    """Write a message's summary, and its header unless it is too long."""
    index.execute(_INSERT, (number, *_values(summary)))
    enter_headers(index, [(number, header)])


def enter_headers(index: Index, headers: Iterable[tuple[int, bytes]]) -> None:
    """Write headers of messages, those that are too long left out."""
    index.executemany(
        "INSERT OR REPLACE INTO headers VALUES (?,?,?)",
        [
            (number, header, is_plain(header))
            for number, header in headers
            if len(header) <= HEADER_KEPT
        ],
    )


def copy_rows(index: Index, pairs: Sequence[tuple[int, int]]) -> None:
    """Give copies of messages copies of their summaries.

    Args:
        index: Of both mailboxes.
        pairs: Number of the copy, number of the original.
    """
    names = ",".join(f'"{field}"' for field in FIELDS)
    index.executemany(
        f"INSERT OR REPLACE INTO summaries SELECT ?,{names}"  # noqa: S608
        " FROM summaries WHERE id=?",
        pairs,
    )
    index.executemany(
        "INSERT OR REPLACE INTO headers SELECT ?, header, plain FROM headers"
        " WHERE id=?",
        pairs,
    )


def carry_rows(index: Index, source: Index, pairs: Sequence[tuple[int, int]]) -> None:
    """Give copies in another account copies of their summaries.

    Args:
        index: Of the copies.
        source: Of the originals.
        pairs: Number of the copy, number of the original.
    """
    names = ",".join(f'"{field}"' for field in FIELDS)
    summaries, headers = [], []
    for number, original in pairs:
        at = (original,)
        for found in source.execute(
            f"SELECT {names} FROM summaries WHERE id=?",  # noqa: S608
            at,
        ):
            summaries.append((number, *found))
        for found in source.execute("SELECT header, plain FROM headers WHERE id=?", at):
            headers.append((number, *found))
    index.executemany(_INSERT, summaries)
    index.executemany("INSERT OR REPLACE INTO headers VALUES (?,?,?)", headers)


def move_rows(index: Index, pairs: Sequence[tuple[int, int]]) -> None:
    """Give summaries the numbers their messages have now."""
    for table in ("summaries", "headers"):
        index.executemany(f"UPDATE {table} SET id=? WHERE id=?", pairs)  # noqa: S608


def read_columns(
    index: Index, spans: Iterable[tuple[int, int]], fields: Sequence[SummaryField]
) -> list[Sequence[Any]]:
    """Return the fields of the messages that have a summary, by column.

    Returns:
        First a column of the messages' numbers, then one for each field.
    """
    names = ",".join(f'"{field}"' for field in fields)
    separator = "," if names else ""
    query = f"SELECT id{separator}{names} FROM summaries WHERE id BETWEEN ? AND ?"  # noqa: S608
    rows: list[tuple[Any, ...]] = []
    for span in spans:
        rows += index.execute(query, span).fetchall()
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    if not columns:
        return [()] * (1 + len(fields))
    for place, field in enumerate(fields, 1):
        if field == "references":
            columns[place] = tuple(
                [tuple(text.split("\n")) if text else () for text in columns[place]]
            )
    return columns


def pick(summary: Summary, fields: Sequence[SummaryField]) -> tuple[Any, ...]:
    """Return fields of a summary."""
    return tuple(getattr(summary, field) for field in fields)


def _values(summary: Summary) -> list[Any]:
    return [
        summary.envelope,
        summary.body_structure,
        summary.body,
        summary.sent,
        without_surrogates(summary.subject),
        without_surrogates(summary.sort_from),
        without_surrogates(summary.sort_to),
        without_surrogates(summary.sort_cc),
        without_surrogates(summary.message_id),
        without_surrogates(
            "\n".join(one.replace("\n", " ") for one in summary.references)
        ),
        without_surrogates(summary.preview),
        summary.content_hash,
    ]


def keep_known(
    store: "AccountStore", batch: Batch, made: Sequence[tuple[int, Summary, bytes]]
) -> None:
    """Keep what was worked out for messages that are still there."""
    with store.step(batch) as index:
        for number, summary, header in made:
            if index.execute("SELECT 1 FROM messages WHERE id=?", (number,)).fetchone():
                keep(index, number, summary, header)


def digest_later(store: "AccountStore", batch: Batch, first: int) -> None:
    """Have all messages of a mailbox from one on summarised while nothing is done."""
    store.ready()
    store.filing.owe_digests(first)
    batch.later(store.root, store.filing.behind, 0)


def keep_headers(
    store: "AccountStore", batch: Batch, made: Sequence[tuple[int, bytes]]
) -> None:
    """Keep what was read of messages that are still there."""
    with store.step(batch) as index:
        for number, header in made:
            if index.execute("SELECT 1 FROM messages WHERE id=?", (number,)).fetchone():
                enter_headers(index, [(number, header)])
