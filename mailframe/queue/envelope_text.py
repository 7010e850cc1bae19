"""Envelopes as JSON text: how the journal and the index keep them.

An account object of the origin is not kept; a queue has no use for it.

Source: RFC 8259; :mod:`mailframe.model.envelope`.
"""

import json
from functools import lru_cache
from typing import Any

from mailframe.model.address import Address
from mailframe.model.envelope import (
    BodyType,
    DeliverBy,
    ForwardPath,
    Origin,
    ReversePath,
)

REMEMBERED = 1000
"""Texts that need not be read again: senders write more than one message."""

_ORIGIN = ("service", "protocol", "helo", "client_address", "server_name", "user")


def _dumped(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _address(address: Address | None) -> list[str] | None:
    return None if address is None else [address.local, address.domain]


def _read_address(found: Any) -> Address | None:
    return None if found is None else Address(found[0], found[1])


def pack_reverse_path(path: ReversePath) -> str:
    """Return a reverse-path as text."""
    found: dict[str, object] = {"address": _address(path.address)}
    if path.body is not BodyType.SEVEN_BIT:
        found["body"] = path.body.value
    for name in ("size", "auth", "ret", "envid", "hold_until"):
        value = getattr(path, name)
        if value is not None:
            found[name] = value
    for name in ("smtputf8", "require_tls", "priority", "asked_hold"):
        if value := getattr(path, name):
            found[name] = value
    if path.deliver_by is not None:
        by = path.deliver_by
        found["deliver_by"] = [by.at, by.bounce, by.trace]
    return _dumped(found)


@lru_cache(REMEMBERED)
def unpack_reverse_path(text: str) -> ReversePath:
    """Return what :func:`pack_reverse_path` was given."""
    found = json.loads(text)
    found["address"] = _read_address(found["address"])
    if "body" in found:
        found["body"] = BodyType(found["body"])
    if "deliver_by" in found:
        found["deliver_by"] = DeliverBy(*found["deliver_by"])
    return ReversePath(**found)


def pack_forward_path(path: ForwardPath) -> str:
    """Return a forward-path as text."""
    notify = None if path.notify is None else sorted(path.notify)
    via = [path.via] if path.via else []
    return _dumped([_address(path.address), notify, path.orcpt, *via])


@lru_cache(REMEMBERED)
def unpack_forward_path(text: str) -> ForwardPath:
    """Return what :func:`pack_forward_path` was given."""
    address, notify, orcpt, *via = json.loads(text)
    return ForwardPath(
        Address(*address),
        None if notify is None else frozenset(notify),
        None if orcpt is None else (orcpt[0], orcpt[1]),
        *via,
    )


def pack_origin(origin: Origin) -> str:
    """Return an origin as text."""
    return _dumped([*(getattr(origin, name) for name in _ORIGIN), origin.tls])


@lru_cache(REMEMBERED)
def unpack_origin(text: str) -> Origin:
    """Return what :func:`pack_origin` was given, without the account."""
    found = json.loads(text)
    return Origin(**dict(zip((*_ORIGIN, "tls"), found, strict=True)))
