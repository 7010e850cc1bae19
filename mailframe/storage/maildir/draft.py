"""Messages on their way into the store: octets at hand, or a file in ``tmp/``.

A large message is written and flushed by a reading thread, so that the writer
thread, where everybody waits for everybody, only renames it.

Source: DESIGN.md section 5.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from mailframe.interfaces.content import IContent
from mailframe.interfaces.mailbox import NewMessage
from mailframe.mime.lines import to_crlf
from mailframe.storage.content import PIECE
from mailframe.storage.maildir.arrival import JOURNAL_MAX, Draft
from mailframe.storage.maildir.names import unique
from mailframe.storage.maildir.store import AccountStore
from mailframe.storage.maildir.summary_rows import HEADER_KEPT, digest, header_of
from mailframe.storage.os_layer import refusal

DIGEST_MAX = 4_194_304
"""Octets of a message that are in memory at once for its summary, at arrival."""

Ask = Callable[..., Any]


async def prepared(
    messages: Sequence[NewMessage], store: AccountStore, ask: Ask
) -> list[Draft]:
    """Return the messages as drafts.

    Args:
        messages: What is to be stored.
        store: The account's.
        ask: Runs a call in a reading thread.

    Raises:
        InsufficientStorage: The disk is full; nothing is left behind.
        TemporaryFailure: A content cannot be read, or a file not written.
    """
    drafts: list[Draft] = []
    try:
        for message in messages:
            drafts.append(await _prepared(message, store, ask))
    except BaseException:
        discard(drafts)
        raise
    return drafts


def discard(drafts: Sequence[Draft]) -> None:
    """Remove files of drafts that were not stored."""
    for draft in drafts:
        if draft.path:
            with suppress(OSError):
                os.unlink(draft.path)


async def _prepared(message: NewMessage, store: AccountStore, ask: Ask) -> Draft:
    content: IContent = message.content
    if content.size + len(message.header) <= JOURNAL_MAX:
        octets = content.octets
        if octets is None:
            octets = await content.read(0, content.size)
        octets = to_crlf(message.header + octets)
        if len(octets) <= JOURNAL_MAX:
            return Draft(message.flags, message.date, len(octets), octets)
    path = f"{store.root}/tmp/{unique()}"
    draft = Draft(message.flags, message.date, 0, path=path)
    try:
        await _copy(message, draft, store, ask)
        await ask(_finish, store, draft)
    except BaseException:
        discard([draft])
        raise
    return draft


async def _copy(
    message: NewMessage, draft: Draft, store: AccountStore, ask: Ask
) -> None:
    """Write header and content into the draft's file, lines ended by CRLF."""
    held = message.header
    for start in range(0, message.content.size, PIECE):
        held += await message.content.read(start, start + PIECE)
        # A CR at the end may be half of a CRLF: it waits for the next piece.
        cut = len(held) - 1 if held.endswith(b"\r") else len(held)
        await ask(_append, store, draft, to_crlf(held[:cut]))
        held = held[cut:]
    await ask(_append, store, draft, to_crlf(held))


def _append(store: AccountStore, draft: Draft, octets: bytes) -> None:
    try:
        fd = store.os_layer.open(
            draft.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
        )
        try:
            written = 0
            while written < len(octets):
                written += store.os_layer.write(fd, octets[written:])
        finally:
            store.os_layer.close(fd)
    except OSError as error:
        raise refusal(error) from error
    draft.size += len(octets)


def _finish(store: AccountStore, draft: Draft) -> None:
    """Flush the file and work out the summary, or the header alone."""
    try:
        fd = store.os_layer.open(draft.path, os.O_RDONLY)
        try:
            store.os_layer.fsync(fd)
        finally:
            store.os_layer.close(fd)
        with open(draft.path, "rb") as file:
            if draft.size <= DIGEST_MAX:
                draft.digest = digest(file.read())
            else:
                # The summary is left to the first who asks for it.
                draft.digest = None, header_of(file.read(HEADER_KEPT + 1))
    except OSError as error:
        raise refusal(error) from error
