"""The fields a delivery puts before a message, and the names it goes by.

Nothing a peer said stands here without a check: what a client called itself
may not end a line or a comment.

Source: RFC 5321 section 4.4, RFC 3848 (``with``).
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from mailframe.mime.date import date_header
from mailframe.model.address import Address, ascii_domain
from mailframe.model.envelope import Origin

_COLUMNS = 76

_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9._:\[\]-]")


def received(
    origin: Origin,
    message_id: str,
    when: float,
    recipient: Address | None,
    priority: int | None = None,
) -> bytes:
    """Return the Received field of one message.

    Args:
        origin: How it came.
        message_id: The transaction's identifier.
        when: When it came, seconds since 1970.
        recipient: Whom it is for, ``None`` when there are several: they are
            not to learn of each other.
        priority: What its MT-PRIORITY was, ``None`` for none.

    Source: RFC 5321 sections 4.4 and 7.2, RFC 6710 section 7 (PRIORITY).
    """
    words = [f"id {message_id}"]
    if recipient is not None:
        words.append(f"for {path(recipient)}")
    if priority is not None:
        words.append(f"PRIORITY {priority}")
    words[-1] += ";"
    words.append(_date(int(when)))
    begun = _way(
        origin.helo,
        origin.client_address,
        origin.server_name,
        origin.protocol,
        origin.tls,
    )
    return f"{_folded(begun, words)}\r\n".encode()


@lru_cache(maxsize=1024)
def _way(
    helo: str, client: str | None, server: str, protocol: str, tls: str | None
) -> str:
    """Return what the fields of all messages of a session have in common."""
    words = [f"from {_NOT_IN_NAME.sub('?', helo) or 'unknown'}"]
    if client is not None:
        words.append(f"({_literal(client)})")
    words += [f"by {server}", f"with {protocol}"]
    if tls is not None:
        words.append(f"({tls})")
    return _folded("Received:", words)


@lru_cache(maxsize=4)
def _date(when: int) -> str:
    return date_header(when).decode()


def return_path(address: Address | None) -> bytes:
    """Return the Return-Path field (RFC 5321 section 4.4)."""
    return f"Return-Path: {path(address)}\r\n".encode()


def delivered_to(address: str) -> bytes:
    """Return the Delivered-To field: whose mailbox this copy went to.

    Args:
        address: A canonical address of a user of ours.
    """
    return f"Delivered-To: {address}\r\n".encode()


def told(address: Address) -> str:
    """Return an address for a field or a program that need not know U-labels."""
    return f"{address.local}@{ascii_domain(address.domain)}"


def path(address: Address | None) -> str:
    """Return an address in angle brackets, quoted where it must be.

    Source: RFC 5321 section 4.1.2 (Path).
    """
    return "<>" if address is None else f"<{address.written()}>"


def make_id(now: float, counter: int, random: int) -> str:
    """Return an identifier for a message: letters and digits, never one twice.

    Args:
        now: Seconds since 1970.
        counter: Counts the messages of this process, from anything.
        random: 32 random bits: they tell processes apart.
    """
    return f"{int(now * 1000) << 48 | (counter & 0xFFFF) << 32 | random:x}"


def _literal(address: str) -> str:
    # A scope is for this host alone (RFC 4007 section 11).
    bare = address.partition("%")[0]
    return f"[IPv6:{bare}]" if ":" in bare else f"[{bare}]"


def _folded(begun: str, words: Iterable[str]) -> str:
    """Return a field on as many lines as it needs, its last CRLF left out.

    Source: RFC 5322 section 2.2.3.
    """
    room = _COLUMNS - len(begun) + begun.rfind("\n") + 1
    for word in words:
        if len(word) < room:
            begun += f" {word}"
        else:
            begun += f"\r\n\t{word}"
            room = _COLUMNS
        room -= len(word) + 1
    return begun
