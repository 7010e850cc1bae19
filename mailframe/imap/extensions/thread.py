"""THREAD: search, and have what is found put into threads.

Capabilities ``THREAD=ORDEREDSUBJECT``, ``THREAD=REFERENCES`` (RFC 5256) and
``THREAD=REFS`` (draft-ietf-morg-inthread), after login. The algorithms are in
:mod:`mailframe.imap.thread_tree`.

Source: RFC 5256 section 3 (THREAD).
"""

import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from mailframe.errors import BadSyntax
from mailframe.imap.command import SELECTED, Command, Extension
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import astring, atom, nstring
from mailframe.imap.searching import (
    Search,
    find,
    numbers_in_order,
    read_program,
)
from mailframe.imap.session import Session
from mailframe.imap.sort_keys import read_columns
from mailframe.imap.thread_tree import (
    ThreadColumns,
    Threads,
    by_references,
    by_subject,
    gathered,
    latest_last,
    shared_subjects,
    written,
)
from mailframe.imap.view import View
from mailframe.imap.worked_out import WORKED_OUT
from mailframe.mime.subject import is_reply_or_forward
from mailframe.model.uid_set import UIDSet

# envelope = "(" env-date SP env-subject SP ...
_SUBJECT = re.compile(
    rb'\((?:NIL|"[^"\\]*+(?:\\.[^"\\]*+)*+") "([^"\\]*+(?:\\.[^"\\]*+)*+)"'
)

Threaded = tuple[Sequence[int], Threads]
Algorithm = Callable[[View, UIDSet], Coroutine[Any, Any, Threaded]]
"""Returns the UIDs of the messages that are still there, and their threads."""


async def _ordered_subject(view: View, uids: UIDSet) -> Threaded:
    columns = await read_columns(view, uids, ("sent", "subject"))
    found = ThreadColumns(columns.sent(), columns.texts("subject"))
    return columns.uids, by_subject(found)


async def _references(view: View, uids: UIDSet) -> Threaded:
    columns = await read_columns(
        view, uids, ("sent", "subject", "message_id", "references")
    )
    kept = columns.kept
    found = ThreadColumns(
        columns.sent(),
        columns.texts("subject"),
        kept["message_id"],
        kept["references"],
    )
    threads = by_references(found)
    asked = shared_subjects(threads, found)
    replies = await _replies(view, [columns.uids[message] for message in asked])
    return columns.uids, gathered(
        threads, found, lambda message: columns.uids[message] in replies
    )


async def _replies(view: View, uids: list[int]) -> set[int]:
    """Return those of some messages whose subject says they are replies."""
    columns = await read_columns(view, UIDSet.of(uids), ("envelope",))
    return {
        uid
        for uid, envelope in zip(columns.uids, columns.kept["envelope"], strict=True)
        if is_reply_or_forward(_subject(envelope))
    }


def _subject(envelope: bytes) -> bytes:
    found = _SUBJECT.match(envelope)
    if found is not None and b"\\" not in found[1]:
        return found[1]
    cursor = Cursor(envelope)
    cursor.expect(b"(")
    nstring(cursor)
    cursor.space()
    return nstring(cursor) or b""


async def _refs(view: View, uids: UIDSet) -> Threaded:
    columns = await read_columns(view, uids, ("sent", "message_id", "references"))
    kept = columns.kept
    found = ThreadColumns(columns.sent(), (), kept["message_id"], kept["references"])
    return columns.uids, latest_last(by_references(found), columns.dates)


ALGORITHMS: dict[bytes, Algorithm] = {
    b"ORDEREDSUBJECT": _ordered_subject,
    b"REFERENCES": _references,
    b"REFS": _refs,
}
"""By name in capitals."""


@dataclass(frozen=True, slots=True)
class Thread:
    """The arguments of THREAD."""

    algorithm: Algorithm
    search: Search


def parse(cursor: Cursor) -> Thread:
    """Read ``SP thread-alg SP search-criteria``.

    Raises:
        BadSyntax: It is not that, or the algorithm is not known.

    Source: RFC 5256 section 5 (thread).
    """
    cursor.space()
    start = cursor.position
    algorithm = ALGORITHMS.get(atom(cursor).upper())
    if algorithm is None:
        raise BadSyntax("an algorithm that CAPABILITY names", start)
    cursor.space()
    charset = astring(cursor)
    cursor.space()
    return Thread(algorithm, read_program(cursor, None, charset))


async def _threaded(view: View, algorithm: Algorithm, uids: UIDSet) -> Threaded:
    """Return threads, those of the last time if they are of the same messages."""
    kept: tuple[UIDSet, Threaded] | None = WORKED_OUT.get(view.mailbox, algorithm)
    if kept is not None and kept[0] == uids:
        return kept[1]
    threaded = await algorithm(view, uids)
    WORKED_OUT.put(view.mailbox, algorithm, (uids, threaded), len(uids))
    return threaded


async def run(by_uid: bool, session: Session, command: Thread) -> bytes:
    """Tell what was found in threads.

    Raises:
        MailError: What was searched for cannot be found out.

    Source: RFC 5256 section 4 (THREAD response).
    """
    view = session.selected
    _, found = await find(session, view, command.search, by_uid)
    uids, threads = await _threaded(view, command.algorithm, found.uids)
    told = written(threads, uids if by_uid else numbers_in_order(uids, view))
    session.put(b"* THREAD%b%b\r\n" % (b" " if told else b"", told))
    return b"THREAD completed"


EXTENSION = Extension(
    b"THREAD=ORDEREDSUBJECT",
    (
        Command(
            b"THREAD", SELECTED, partial(run, False), parse, uses_sequence_numbers=True
        ),
        Command(b"UID THREAD", SELECTED, partial(run, True), parse, by_uid=True),
    ),
)
REFERENCES = Extension(b"THREAD=REFERENCES")
REFS = Extension(b"THREAD=REFS")
