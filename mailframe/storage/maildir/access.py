"""Access lists, in Dovecot's files ``dovecot-acl``, one in a mailbox's directory.

A line is an identifier, a space and the letters of the rights::

    owner lrwstipekxa
    user=bob@example.org lr
    group=sales lrs
    anyone l
    -user=eve@example.org r

An identifier with a space in it stands in quotes, a user without a domain is one
of the owner's. Lines that begin with ``#`` mean nothing, and what follows a colon
is kept as it is. A file that says anything else gives nobody but the owner
anything, until somebody has mended it.

Source: RFC 4314 section 2.
"""

import os
import re
from collections.abc import Callable

from twisted.logger import Logger

from mailframe.errors import TemporaryFailure
from mailframe.model.access import (
    ALL_RIGHTS,
    ANYONE,
    AUTHENTICATED,
    GROUP,
    NEGATIVE,
    NO_LIST,
    OVERRIDE,
    OWNER,
    AccessList,
    letters,
    rights,
)
from mailframe.storage.maildir.dotlock import change_file, read_small
from mailframe.storage.maildir.store import AccountStore

FILE = "dovecot-acl"

_log = Logger()
_LINE = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|([^" ]\S*))[ \t]*([a-z]*)[ \t]*(?::.*)?\Z')
_ESCAPED = re.compile(r"\\(.)")
_PREFIXES = {"user=": "", "group=": GROUP, "group-override=": OVERRIDE + GROUP}
_NAMED = {
    "owner": OWNER,
    "authenticated": AUTHENTICATED,
    "anyone": ANYONE,
    "anonymous": ANYONE,
}
_CLOSED = AccessList({OWNER: ALL_RIGHTS})

Mark = tuple[int, int, int] | None
"""What a file has another of when it has changed."""


def mark(directory: str) -> Mark:
    """Return the mark of a mailbox's file, ``None`` when there is none."""
    try:
        found = os.stat(f"{directory}/{FILE}")
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read(directory: str, domain: str) -> AccessList:
    """Return the list of the mailbox in a directory.

    Args:
        directory: Its path.
        domain: Of users that are named without one.

    Raises:
        OSError: It cannot be read.
    """
    octets = read_small(f"{directory}/{FILE}")
    try:
        return _list(_parsed(octets, domain))
    except ValueError as error:
        _log.error("{path}: {error}", path=f"{directory}/{FILE}", error=error)
        return _CLOSED


def marks(root: str) -> dict[str, Mark]:
    """Return the marks of all mailboxes of an account that have a file.

    Args:
        root: The account's directory.

    Raises:
        OSError: It cannot be looked at.
    """
    with os.scandir(root) as found:
        directories = [one.path for one in found if one.name.startswith(".")]
    there = ((one, mark(one)) for one in [root, *directories])
    return {directory: known for directory, known in there if known is not None}


def change(
    store: AccountStore, mailbox_id: str, change: Callable[[AccessList], AccessList]
) -> None:
    """Change the list of a mailbox, durably.

    Raises:
        NoSuchMailbox: It was deleted.
        TemporaryFailure: The file is damaged, held by another program, or the
            disk failed.
    """
    store.ready()
    domain = store.address.rpartition("@")[2]
    directory = store.directory(store.mailbox(mailbox_id))

    def changed(octets: bytes) -> bytes:
        lines = _parsed(octets, domain)
        while lines and not lines[-1][0]:
            lines.pop()
        left = dict(change(_list(lines)).entries)
        kept = []
        for line, identifier, held in lines:
            if identifier is None or left.get(identifier) == held:
                kept.append(line)
            elif identifier in left:
                kept.append(_line(identifier, letters(left[identifier])))
            left.pop(identifier or "", None)
        kept += [_line(one, letters(held)) for one, held in left.items()]
        return "".join(f"{line}\n" for line in kept).encode()

    try:
        change_file(f"{directory}/{FILE}", changed, store.os_layer)
    except ValueError as error:
        raise TemporaryFailure(f"{directory}/{FILE}: {error}") from None
    except OSError as error:
        raise store.refused(error) from error


def inherit(store: AccountStore, above: str, directory: str) -> None:
    """Give a new mailbox the list of one above it.

    Args:
        store: The account.
        above: The path of the one above.
        directory: That of the new one.

    Raises:
        OSError: It cannot be written.
    """
    octets = read_small(f"{above}/{FILE}")
    if octets:
        change_file(f"{directory}/{FILE}", lambda _: octets, store.os_layer)


_Line = tuple[str, str | None, frozenset[str]]
"""A line, the identifier it is about if it is about one, and the rights."""


def _parsed(octets: bytes, domain: str) -> list[_Line]:
    """Return the lines of a file.

    Raises:
        ValueError: One is not what it should be.
    """
    found: list[_Line] = []
    for number, line in enumerate(octets.decode().split("\n"), 1):
        if not line or line.startswith("#"):
            found.append((line, None, frozenset()))
            continue
        parts = _LINE.match(line)
        name = parts and (parts[2] or _ESCAPED.sub(r"\1", parts[1] or ""))
        identifier = name and _identifier(name, domain)
        if not parts or not identifier:
            raise ValueError(f"line {number} is not one of an access list")
        found.append((line, identifier, rights(parts[3])))
    return found


def _identifier(name: str, domain: str) -> str | None:
    """Return our identifier for a name in the file, ``None`` if it has none."""
    if name.startswith(NEGATIVE):
        found = _identifier(name[1:], domain)
        return NEGATIVE + found if found and not found.startswith(NEGATIVE) else None
    if name in _NAMED:
        return _NAMED[name]
    for prefix, ours in _PREFIXES.items():
        rest = name.removeprefix(prefix)
        if rest != name and rest:
            is_bare = not ours and "@" not in rest
            return f"{ours}{rest}@{domain}" if is_bare else ours + rest
    return None


def _line(identifier: str, held: str) -> str:
    sign = NEGATIVE if identifier.startswith(NEGATIVE) else ""
    name = identifier.removeprefix(NEGATIVE)
    if name not in _NAMED:
        for prefix, ours in reversed(_PREFIXES.items()):
            if name.startswith(ours):
                name = prefix + name.removeprefix(ours)
                break
    name = sign + name
    if re.search(r'[\s"\\]', name):
        escaped = re.sub(r'(["\\])', r"\\\1", name)
        name = f'"{escaped}"'
    return f"{name} {held}"


def _list(lines: list[_Line]) -> AccessList:
    entries = {one: held for _, one, held in lines if one is not None}
    return AccessList(entries) if entries else NO_LIST
