"""What this store writes into the journal, and how it is read back.

A record names an account and a mailbox by what outlives the index: address and
mailbox ID. Each is one JSON object, for arrivals followed by the octets of the
messages.

    payload = length(u32) json(length octets) *contents

Source: DESIGN.md section 5.
"""

import json
import struct
from typing import Any, NamedTuple

ARRIVED = 1
"""Messages were appended: ``files`` and their contents."""
LINKED = 2
"""Messages were copied: ``files``, each from a file of mailbox ``source``, of the
account ``owner`` if that is another."""
MOVED = 3
"""The same, and the originals are gone."""
EXPUNGED = 4
"""Messages went: ``uids`` (ranges) and their ``names``."""
TAKEN = 5
"""``files`` of other programs were given UIDs, all below ``uid_next``."""

_LENGTH = struct.Struct("<I")
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class File(NamedTuple):
    """A message file that came to be.

    Attributes:
        uid: The message's.
        name: Base name.
        disk: Letters in its name, ``None`` for one in ``new/``.
        flags: Of the message.
        date: Internal date.
        size: Octets, with CRLF.
        lf: Whether the file has bare LFs, and so is shorter.
        held: Whether the octets are in the record.
        origin: UID and base name of the original, for a copy; 0 and the name it
            had, for a file that had another UID.
    """

    uid: int
    name: str
    disk: str | None
    flags: tuple[str, ...]
    date: int
    size: int
    lf: int = 0
    held: bool = False
    origin: tuple[int, str] | None = None


_FLAGS = File._fields.index("flags")


def pack(account: str, mailbox: str, **facts: Any) -> bytes:
    """Return the beginning of a payload."""
    facts |= {"account": account, "mailbox": mailbox}
    if "files" in facts:
        # Tuples of JSON are arrays.
        facts["files"] = [
            (*one[:_FLAGS], sorted(one.flags), *one[_FLAGS + 1 :])
            for one in facts["files"]
        ]
    text = _encode(facts).encode()
    return _LENGTH.pack(len(text)) + text


def unpack(payload: bytes) -> tuple[dict[str, Any], memoryview]:
    """Return the facts of a record, ``files`` as :class:`File`, and the octets.

    Raises:
        ValueError: It is not one of ours.
    """
    try:
        (length,) = _LENGTH.unpack_from(payload)
        facts = json.loads(payload[4 : 4 + length])
        facts["files"] = [
            File(
                uid,
                name,
                disk,
                tuple(flags),
                date,
                size,
                lf,
                held,
                None if origin is None else (origin[0], origin[1]),
            )
            for uid, name, disk, flags, date, size, lf, held, origin in facts.get(
                "files", ()
            )
        ]
    except (struct.error, KeyError, TypeError) as error:
        raise ValueError("not a record of a Maildir store") from error
    return facts, memoryview(payload)[4 + length :]
