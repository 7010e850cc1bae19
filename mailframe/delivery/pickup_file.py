"""A message in the drop directory: one file, its envelope on the first line.

The line is a JSON object; the octets after it are the message, lines ending in
CRLF. A file is written under a name that begins with a dot, and renamed when it
is on the disk: what has another name is whole. Whoever may write to the
directory may have written any of it.

Source: docs/howto/sendmail.rst.
"""

import json
import os
import re
import stat
from dataclasses import asdict, dataclass, field
from secrets import token_hex
from typing import Any

from mailframe.errors import BadSyntax
from mailframe.model.address import Address
from mailframe.model.envelope import BodyType, DeliverBy, ForwardPath, ReversePath

LINE_MAX = 1_048_576
"""Octets of the first line."""

RECIPIENTS = 5000
"""Recipients of one file."""

PART_MAX = 255
"""Characters of a local part or a domain."""

_LAST = 1 << 33
"""Seconds since 1970 of the last moment anything may be for, in the year 2242."""

UNFINISHED = "."
"""What the name of a file begins with that is still being written."""

BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
"""A line end that is not CRLF; only BINARYMIME has it (RFC 3030 section 3)."""

_DOMAIN = re.compile(r"[^\s@<>\"\\,;:()\[\]\x00-\x1f\x7f]*|\[[0-9A-Za-z:.]{2,50}\]")
_NOTIFY = frozenset(("SUCCESS", "FAILURE", "DELAY"))


@dataclass(frozen=True, slots=True)
class Dropped:
    """The envelope of a dropped message.

    Attributes:
        reverse_path: Who it is from; a domain of ``""`` means this host's.
        forward_paths: Whom it is for; the same.
        size: Octets of the message.
        name: Full name of the sender, for a From field that is missing.
    """

    reverse_path: ReversePath
    forward_paths: tuple[ForwardPath, ...]
    size: int
    name: str = field(default="")


def encoded(dropped: Dropped) -> bytes:
    """Return the first line of a file."""
    path = dropped.reverse_path
    sender = asdict(path)
    sender["body"] = path.body.value
    recipients = [
        {
            "address": asdict(one.address),
            "notify": None if one.notify is None else sorted(one.notify),
            "orcpt": one.orcpt,
        }
        for one in dropped.forward_paths
    ]
    found = {
        "version": 1,
        "size": dropped.size,
        "name": dropped.name,
        "sender": sender,
        "recipients": recipients,
    }
    return json.dumps(found).encode() + b"\n"


def decoded(line: bytes) -> Dropped:
    """Read a first line that anybody may have written.

    Raises:
        BadSyntax: It is none.
    """
    try:
        found = json.loads(line)
        recipients = found["recipients"]
        if found["version"] != 1 or not 0 < len(recipients) <= RECIPIENTS:
            raise ValueError
        return Dropped(
            _reverse_path(found["sender"]),
            tuple(map(_forward_path, recipients)),
            _whole(found["size"]),
            _text(found["name"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BadSyntax("the envelope of a dropped message", 0) from None


def write(directory: str, dropped: Dropped, content: bytes) -> str:
    """Put a message into the drop directory; durable when this returns.

    Returns:
        The name of the file.

    Raises:
        OSError: It could not be written; nothing is left of it.
    """
    # In a setgid directory the file's group is the server's, who may read it.
    mode = 0o640 if os.stat(directory).st_mode & stat.S_ISGID else 0o600
    name = token_hex(16)
    unfinished = os.path.join(directory, UNFINISHED + name)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(unfinished, flags, mode)
    try:
        try:
            os.fchmod(fd, mode)
            for octets in (encoded(dropped), content):
                rest = memoryview(octets)
                while rest:
                    rest = rest[os.write(fd, rest) :]
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(unfinished, os.path.join(directory, name))
    except BaseException:
        os.unlink(unfinished)
        raise
    sync_directory(directory)
    return name


def sync_directory(directory: str) -> None:
    """Make names durable, in a directory that we perhaps may not read."""
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        os.sync()
        return
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _reverse_path(found: Any) -> ReversePath:
    by = found["deliver_by"]
    hold = found["hold_until"]
    return ReversePath(
        None if found["address"] is None else _address(found["address"]),
        body=BodyType(found["body"]),
        smtputf8=found["smtputf8"] is True,
        ret=None
        if found["ret"] is None
        else {"FULL": "FULL", "HDRS": "HDRS"}[found["ret"]],
        envid=None if found["envid"] is None else _text(found["envid"]),
        require_tls=found["require_tls"] is True,
        # Nobody knows who this is: it does not go before others (RFC 6710 section 4.1).
        priority=max(-9, min(0, int(found["priority"]))),
        hold_until=None if hold is None else _moment(hold),
        deliver_by=None
        if by is None
        else DeliverBy(_moment(by["at"]), by["bounce"] is True, by["trace"] is True),
    )


def _forward_path(found: Any) -> ForwardPath:
    notify, orcpt = found["notify"], found["orcpt"]
    if notify is not None and not _NOTIFY.issuperset(notify):
        raise ValueError
    if orcpt is not None:
        kind, address = orcpt
        orcpt = _text(kind), _text(address)
    address = _address(found["address"])
    return ForwardPath(address, None if notify is None else frozenset(notify), orcpt)


def _address(found: Any) -> Address:
    local, domain = _text(found["local"]), _text(found["domain"])
    if not local or not _DOMAIN.fullmatch(domain) or ".." in domain:
        raise ValueError
    return Address(local, domain.lower() if domain[:1] != "[" else domain)


def _text(found: Any) -> str:
    """Return a text that can stand in a field."""
    if not isinstance(found, str) or len(found) > PART_MAX:
        raise ValueError
    if not found.isprintable():
        raise ValueError
    return found


def _moment(found: Any) -> float:
    """Return seconds since 1970 that a date can be made of."""
    moment = float(found)
    if not 0 <= moment <= _LAST:
        raise ValueError
    return moment


def _whole(found: Any) -> int:
    if type(found) is not int or found < 0:
        raise ValueError
    return found
