"""``fetch.toml``: which accounts elsewhere are collected, and into which of ours.

.. code-block:: toml

   [[account]]
   protocol = "imap"
   host = "imap.example.net"
   user = "alice"
   password-file = "/etc/mailframe/alice.secret"
   to = "alice@example.org"
   keep = false
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mailframe.errors import BadMailboxName
from mailframe.model.mailbox import INBOX, MailboxName, mailbox_name
from mailframe.model.secret import Secret
from mailframe.toml import read_toml

PROTOCOLS = ("imap", "pop3")
TLS = ("implicit", "starttls", "none")
PORTS = {
    ("imap", "implicit"): 993,
    ("imap", "starttls"): 143,
    ("imap", "none"): 143,
    ("pop3", "implicit"): 995,
    ("pop3", "starttls"): 110,
    ("pop3", "none"): 110,
}
"""The ports of RFC 8314 section 7 and RFC 1939 section 3."""

LONGEST_INTERVAL = 604_800
"""Seconds between two looks, at most: a week."""


@dataclass(frozen=True, slots=True)
class FetchAccount:
    """One account elsewhere.

    Attributes:
        protocol: ``imap`` or ``pop3``.
        host: Its server, the name the certificate must have.
        port: Its port.
        tls: ``implicit``, ``starttls`` or ``none``.
        user: Our name there.
        password: Our password there.
        to: Which of our accounts gets the mail.
        mailbox: Which of its mailboxes.
        folders: The mailboxes there; POP3 has one.
        keep: Whether messages stay there.
        idle: Whether IMAP waits for news rather than look at intervals.
        interval: Seconds between two looks.
        max_size: Octets of a message; larger ones stay there.
        authorities: A PEM file to believe instead of the system's.
    """

    protocol: str
    host: str
    port: int
    tls: str
    user: str
    password: Secret = field(repr=False)
    to: str
    mailbox: MailboxName = INBOX
    folders: tuple[MailboxName, ...] = (INBOX,)
    keep: bool = True
    idle: bool = True
    interval: float = 300.0
    max_size: int = 52_428_800
    authorities: Path | None = None

    def __str__(self) -> str:
        """Return one word for the log."""
        return f"{self.protocol}:{self.user}@{self.host}"

    def source(self, folder: str) -> str:
        """Return the name under which a folder there is remembered."""
        return f"{self.protocol} {self.user}@{self.host} {self.to} {folder}"


_KINDS: dict[str, Callable[[Any], bool]] = {
    "protocol": lambda value: value in PROTOCOLS,
    "host": lambda value: isinstance(value, str) and bool(value) and value.isascii(),
    "port": lambda value: type(value) is int and 0 < value < 65_536,
    "tls": lambda value: value in TLS,
    "user": lambda value: isinstance(value, str) and bool(value),
    "password-file": lambda value: isinstance(value, str),
    "to": lambda value: isinstance(value, str) and value.count("@") == 1,
    "mailbox": lambda value: isinstance(value, str),
    "folders": lambda value: (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, str) for one in value)
    ),
    "keep": lambda value: isinstance(value, bool),
    "idle": lambda value: isinstance(value, bool),
    "interval": lambda value: (
        type(value) in (int, float) and 10 <= value <= LONGEST_INTERVAL
    ),
    "max-size": lambda value: type(value) is int and value > 0,
    "authorities": lambda value: isinstance(value, str),
}
_NEEDED = ("protocol", "host", "user", "password-file", "to")


def read_accounts(path: Path) -> tuple[FetchAccount, ...]:
    """Read the file, and the files of the passwords.

    Args:
        path: Of the file; other paths in it are relative to its directory.

    Raises:
        ValueError: It is not as it should be; one line that names file and key,
            never a value.
    """
    found = read_toml(path)
    rows = found.pop("account", None)
    if found:
        raise ValueError(f"{path}: {min(found)}: unknown key")
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"{path}: no [[account]]")
    accounts = [
        _account(row, f"{path}: account {number}", path.parent)
        for number, row in enumerate(rows, 1)
    ]
    sources: set[str] = set()
    for account in accounts:
        for folder in account.folders:
            source = account.source(folder)
            if source in sources:
                raise ValueError(f"{path}: {account} for {account.to} is there twice")
            sources.add(source)
    return tuple(accounts)


def _account(row: Any, where: str, base: Path) -> FetchAccount:
    if not isinstance(row, Mapping):
        raise ValueError(f"{where}: not a table")
    for key, value in row.items():
        if key not in _KINDS:
            raise ValueError(f"{where}: {key}: unknown key")
        if not _KINDS[key](value):
            raise ValueError(f"{where}: {key}: not a right value")
    for key in _NEEDED:
        if key not in row:
            raise ValueError(f"{where}: {key} is missing")
    protocol, tls = row["protocol"], row.get("tls", "implicit")
    if protocol == "pop3" and "folders" in row:
        raise ValueError(f"{where}: folders: POP3 has none")
    authorities = row.get("authorities")
    try:
        return FetchAccount(
            protocol=protocol,
            host=row["host"].lower(),
            port=row.get("port", PORTS[protocol, tls]),
            tls=tls,
            user=row["user"],
            password=_password(base / row["password-file"], where),
            to=row["to"],
            mailbox=mailbox_name(row.get("mailbox", INBOX)),
            folders=tuple(map(mailbox_name, row.get("folders", [INBOX]))),
            keep=row.get("keep", True),
            idle=row.get("idle", True),
            interval=float(row.get("interval", 300)),
            max_size=row.get("max-size", 52_428_800),
            authorities=None if authorities is None else base / authorities,
        )
    except BadMailboxName:
        raise ValueError(f"{where}: not the name of a mailbox") from None


def _password(path: Path, where: str) -> Secret:
    try:
        with path.open("rb") as file:
            octets = file.readline(4096).rstrip(b"\r\n")
    except OSError as error:
        raise ValueError(f"{where}: {path}: {error.strerror}") from None
    if not octets:
        raise ValueError(f"{where}: {path} is empty")
    return Secret(octets)
