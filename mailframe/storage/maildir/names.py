"""Names on disk: mailbox directories, message files, accounts' directories.

Pure functions; nothing here touches a disk. Whatever a name from outside
holds, what comes out is one path component that begins with no dot by
accident and has no ``/`` and no NUL.

Source: Maildir++ (Courier), RFC 3501 section 5.1.3 (modified UTF-7).
"""

import binascii
import itertools
import os
import re
import socket
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from mailframe.errors import BadMailboxName
from mailframe.model.mailbox import DELIMITER, INBOX, MailboxName, mailbox_name

NAME_MAX = 255
"""Octets of one path component (POSIX NAME_MAX on Linux)."""

_COMPONENT_MAX = 200
_OUTSIDE = re.compile(r"[^\x20-\x25\x27-\x2d\x2f-\x7e]+|&|\.")
_ENCODED = re.compile(r"&([A-Za-z0-9+,]*)-")
_UNSAFE = re.compile(r"[\x00-\x20/%\\\x7f]|^\.")
_NAME = re.compile(r"[^\x00-\x1f\x7f/:\ud800-\udfff]{1,200}\Z")
_UID = re.compile(r",U=([1-9][0-9]{0,9})(?=,|\Z)")
_SIZE = re.compile(r",S=([0-9]{1,15})(?=,|\Z)")
_WIRE_SIZE = re.compile(r",W=([0-9]{1,15})(?=,|\Z)")
# As nearly all programs that write sizes write them.
_BOTH_SIZES = re.compile(r"\A[^,]*,S=([0-9]{1,15}),W=([0-9]{1,15})(?=,|\Z)")
_TIME = re.compile(r"([0-9]{9,10})[._]")


def directory_name(mailbox: MailboxName) -> str:
    """Return the directory of a mailbox below the account's, ``""`` for INBOX.

    A dot inside a level is written ``&AC4-``, and so is ``~`` at the start
    of the name, which other programs may take for a home directory.

    Source: RFC 3501 section 5.1.3.
    """
    if mailbox == INBOX:
        return ""
    levels = [_OUTSIDE.sub(_encode, level) for level in mailbox.split(DELIMITER)]
    if levels[0].startswith("~"):
        levels[0] = "&AH4-" + levels[0][1:]
    return "." + ".".join(levels)


def mailbox_of(directory: str) -> MailboxName | None:
    """Return the mailbox kept in a directory of this name, or ``None``.

    ``None`` is said of what cannot be a mailbox: no dot in front, an empty
    level, bad modified UTF-7, a ``/`` hidden in it.
    """
    if not directory.startswith("."):
        return None
    try:
        levels = [_ENCODED.sub(_decode, level) for level in directory[1:].split(".")]
    except (ValueError, UnicodeError):
        return None
    if any(DELIMITER in level for level in levels):
        return None
    try:
        return mailbox_name(DELIMITER.join(levels))
    except BadMailboxName:
        return None


def _encode(match: re.Match[str]) -> str:
    if match[0] == "&":
        return "&-"
    octets = binascii.b2a_base64(match[0].encode("utf-16-be"), newline=False)
    return "&" + octets.rstrip(b"=").replace(b"/", b",").decode() + "-"


def _decode(match: re.Match[str]) -> str:
    if not match[1]:
        return "&"
    padded = match[1].replace(",", "/") + "=" * (-len(match[1]) % 4)
    return binascii.a2b_base64(padded).decode("utf-16-be")


class FileName(NamedTuple):
    """The name of a message file, taken apart.

    Attributes:
        base: What stays while flags come and go: all before ``:2,``.
        letters: The flag letters after ``:2,``, in the order found.
    """

    base: str
    letters: str

    @property
    def uid(self) -> int | None:
        """What ``,U=`` says, 1 to 2**32 - 1."""
        found = _UID.search(self.base)
        return int(found[1]) if found and int(found[1]) < 2**32 else None

    @property
    def sizes(self) -> tuple[int, int] | None:
        """What ``,S=`` (on disk) and ``,W=`` (with CRLF) say, if both do."""
        both = _BOTH_SIZES.search(self.base)
        if both:
            return int(both[1]), int(both[2])
        wire = _WIRE_SIZE.search(self.base)
        disk = _SIZE.search(self.base) if wire else None
        return (int(disk[1]), int(wire[1])) if disk and wire else None

    @property
    def arrived(self) -> int | None:
        """The seconds since 1970 that the name begins with."""
        found = _TIME.match(self.base)
        return int(found[1]) if found else None


def file_name(name: str) -> FileName:
    """Take a file name apart."""
    base, _, info = name.partition(":")
    return FileName(base, info[2:] if info.startswith("2,") else "")


def usable(base: str) -> bool:
    """Tell whether a base name of another program can be kept.

    It must be text, without control characters, and leave room for more.
    """
    if _NAME.match(base) is None:
        return False
    return base.isascii() or len(os.fsencode(base)) <= _COMPONENT_MAX


def with_uid(base: str, uid: int) -> str:
    """Return ``base`` with this UID in place of any other."""
    return f"{without_uid(base)},U={uid}"


def has_uid(base: str) -> bool:
    """Tell whether a base name has a UID in it."""
    return _UID.search(base) is not None


def without_uid(base: str) -> str:
    """Return what of a base name stays when its message gets another UID."""
    return _UID.sub("", base)


_serial = itertools.count(1)
_host = (
    socket.gethostname().replace("/", "\\057").replace(":", "\\072").replace(",", "_")
    or "localhost"
)[:64]


def new_base(uid: int, size: int, disk_size: int | None = None) -> str:
    """Return a base name nobody else gives to a file.

    Args:
        uid: The message's.
        size: Octets with CRLF line ends.
        disk_size: Octets of the file, where they differ.

    Source: https://cr.yp.to/proto/maildir.html
    """
    return f"{unique()},S={size if disk_size is None else disk_size},W={size},U={uid}"


def unique() -> str:
    """Return the part of a file name that makes it the only one."""
    now = time.time_ns()
    return (
        f"{now // 1_000_000_000}.M{now // 1000 % 1_000_000}"
        f"P{os.getpid()}Q{next(_serial)}.{_host}"
    )


@dataclass(frozen=True, slots=True)
class PathPattern:
    """Where accounts are: a path in which ``%u``, ``%n`` and ``%d`` stand.

    Attributes:
        text: An absolute path with ``%u`` for the whole address, ``%n`` for
            its local part, ``%d`` for its domain, ``%%`` for a percent sign; or
            one that begins with ``%h`` for the user's home directory.
    """

    text: str

    @classmethod
    def parse(cls, argstring: str) -> "PathPattern":
        """Check what the operator wrote; a relative path becomes absolute.

        Raises:
            ValueError: It is empty, has an unknown ``%`` letter or a NUL, or
                gives every user the same directory.
        """
        if not argstring.strip():
            raise ValueError("where is the mail? give a path such as /srv/mail/%d/%n")
        if "\0" in argstring:
            raise ValueError("a path has no NUL")
        letters = re.findall("%(.?)", argstring)
        if argstring.startswith("%h"):
            letters.remove("h")
        for letter in letters:
            if letter == "h":
                raise ValueError("%h is a whole path, and stands first")
            if letter not in ("u", "n", "d", "%"):
                raise ValueError(f"%{letter} means nothing here; use %u, %n, %d or %h")
        if argstring.startswith("%h"):
            return cls(argstring.rstrip("/"))
        if "u" not in letters and "n" not in letters:
            raise ValueError("without %u or %n all users would share one mailbox")
        return cls(os.path.abspath(argstring))

    @property
    def wants_home(self) -> bool:
        """Whether the user's home directory has to be known."""
        return self.text.startswith("%h")

    @property
    def tells_domains_apart(self) -> bool:
        """Whether the same local part in two domains gets two directories."""
        return (
            self.wants_home
            or re.search("%[ud]", self.text.replace("%%", "")) is not None
        )

    def directory(self, address: str, home: str | None = None) -> str:
        """Return the account directory of ``local@domain``.

        Args:
            address: Whose.
            home: The user's home directory, where it is wanted.

        Raises:
            ValueError: It is not an address, or there is no absolute home.
        """
        local, at, domain = address.rpartition("@")
        if not (at and local and domain):
            raise ValueError("not an address")
        text, before = self.text, ""
        if self.wants_home:
            if home is None or not os.path.isabs(home) or "\0" in home:
                raise ValueError(f"{address} has no home directory")
            text, before = text[2:], os.path.normpath(home)
        return before + _filled(text, address, local, domain)


@lru_cache(maxsize=4096)
def _filled(text: str, address: str, local: str, domain: str) -> str:
    values = {"u": address, "n": local, "d": domain}
    return re.sub(
        "%(.)",
        lambda match: "%" if match[1] == "%" else component(values[match[1]]),
        text,
    )


def component(text: str) -> str:
    """Return ``text`` as one path component, different for different texts.

    Raises:
        ValueError: It would be longer than a component can be.
    """
    safe = _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", text)
    if len(os.fsencode(safe)) > NAME_MAX:
        raise ValueError("too long for a directory name")
    return safe
