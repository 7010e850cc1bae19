"""A password for each program of a user: random, for some services, for a time.

A program that is lost is shut out alone, and no program has the password that
opens everything else. Each has 128 random bits, so that one SHA-256 of it is
enough to keep: nobody finds such a secret by trying.

Source: RFC 4648 section 6 (base32).
"""

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from mailframe.auth.account_name import account_name
from mailframe.auth.bad_lines import tell_bad_lines
from mailframe.auth.edited_file import EditedFile
from mailframe.auth.login_mind import mind_of
from mailframe.auth.passwd_line import is_name
from mailframe.auth.refusal import RefusedLogin
from mailframe.auth.watched_file import WatchedFile

_log = Logger()

SCOPES = ("imap", "pop3", "submission")
"""What a password can be for, as ``Mind.service`` has it."""

_SECRET_OCTETS = 16
_MOST = 100
"""Passwords a user may have."""

_LABEL_LENGTH = 64

_TYPED = re.compile(rb"[a-z2-7]{26}\Z")


@dataclass(frozen=True, slots=True)
class AppPassword:
    """One line: ``address:id:digest:created:expires:scope,scope:label``.

    Attributes:
        address: Whose it is.
        id: Names it among the user's.
        digest: SHA-256 of the secret, hexadecimal.
        created: Seconds since 1970.
        expires: Seconds since 1970, 0 for never.
        scope: Services it is for.
        label: What the user calls it.
    """

    address: str
    id: str
    digest: str = field(repr=False)
    created: int
    expires: int
    scope: frozenset[str]
    label: str

    def line(self) -> str:
        """Return it as the file has it."""
        scope = ",".join(one for one in SCOPES if one in self.scope)
        return (
            f"{self.address}:{self.id}:{self.digest}:{self.created}:{self.expires}"
            f":{scope}:{self.label}"
        )


def parse_line(line: str) -> AppPassword | None:
    """Return what a line says, ``None`` for a comment or an empty one.

    Raises:
        ValueError: It is neither; the text says why and repeats nothing.
    """
    if not line.strip() or line.startswith("#"):
        return None
    fields = line.split(":", 6)
    if len(fields) != 7:
        raise ValueError("has not seven fields")
    address, identity, digest, created, expires, scope, label = fields
    if not is_name(address) or "@" not in address:
        raise ValueError("does not begin with an address")
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise ValueError("has no SHA-256 in hexadecimal")
    scopes = frozenset(scope.split(","))
    if not scopes <= set(SCOPES):
        raise ValueError(f"has a scope that is not among {', '.join(SCOPES)}")
    try:
        times = int(created), int(expires)
    except ValueError:
        raise ValueError("has a time that is no number") from None
    return AppPassword(address, identity, digest, *times, scopes, label)


class AppPasswordFile:
    """The app passwords of all users; everything blocks."""

    def __init__(self, path: str) -> None:
        """Use ``path``; it need not exist yet."""
        self._file = EditedFile(path)

    def make(self) -> None:
        """Make an empty file if there is none.

        Raises:
            OSError: It cannot be made.
        """
        self._file.make()

    def add(
        self,
        address: str,
        label: str,
        scope: frozenset[str],
        now: float,
        expires: float = 0,
    ) -> tuple[AppPassword, str]:
        """Make a password.

        Args:
            address: Whose; ``local@domain``.
            label: What for; 1 to 64 printable characters.
            scope: Some of :data:`SCOPES`.
            now: Seconds since 1970.
            expires: Seconds since 1970, 0 for never.

        Returns:
            What is kept, and the secret for the user to type. It is not kept
            and cannot be told again.

        Raises:
            ValueError: An argument is not so; nothing was changed.
            OSError: The file cannot be replaced; nothing was changed.
        """
        if not is_name(address) or "@" not in address:
            raise ValueError(f"{address!r} cannot be the address of a user")
        if not label.isprintable() or not 0 < len(label.strip()) <= _LABEL_LENGTH:
            raise ValueError(f"a label has 1 to {_LABEL_LENGTH} printable characters")
        if not scope or not scope <= set(SCOPES):
            raise ValueError(f"a scope is one of {', '.join(SCOPES)}")
        local, _, domain = address.rpartition("@")
        secret = _text(os.urandom(_SECRET_OCTETS))
        made = AppPassword(
            f"{local}@{domain.lower()}",
            os.urandom(4).hex(),
            _digest(secret.encode()),
            int(now),
            int(expires),
            scope,
            label.strip(),
        )

        def added(lines: list[str]) -> list[str]:
            if sum(_is_of(line, made.address) for line in lines) >= _MOST:
                raise ValueError(f"{address} has {_MOST} app passwords already")
            return [*lines, made.line()]

        self._file.change(added)
        return made, "-".join(secret[at : at + 5] for at in range(0, 26, 5))

    def list(self, address: str | None = None) -> list[AppPassword]:
        """Return a user's passwords, or everybody's, in the file's order.

        Raises:
            OSError: The file cannot be read.
        """
        found = []
        for line in self._file.lines():
            try:
                one = parse_line(line)
            except ValueError:
                # The host tells of it in its log.
                continue
            if one is not None and (address is None or _is_of(line, address)):
                found.append(one)
        return found

    def remove(self, address: str, identity: str) -> None:
        """Take a password away; sessions that it opened go on.

        Args:
            address: Whose.
            identity: Its ``id``.

        Raises:
            ValueError: There is none such; nothing was changed.
            OSError: The file cannot be replaced; nothing was changed.
        """

        def removed(lines: list[str]) -> list[str]:
            left = [
                line
                for line in lines
                if not (_is_of(line, address) and line.split(":")[1:2] == [identity])
            ]
            if len(left) == len(lines):
                raise ValueError(f"{address} has no app password {identity}")
            return left

        self._file.change(removed)


@implementer(ICredentialsChecker)
class AppPasswordChecker:
    """Let in whoever has an app password that is for the service and still good."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(
        self,
        path: str,
        directory: Any,
        default_domain: str,
        *,
        seconds: Callable[[], float],
        run: Callable[..., Awaitable[Any]],
    ) -> None:
        """Use the file ``path``; it is first read when somebody asks.

        Args:
            path: The file.
            directory: Provides ``IUserDirectory``: whoever is no user any more
                does not come in by what was left behind.
            default_domain: For names without one.
            seconds: Seconds since 1970.
            run: Calls a function with arguments in a thread.
        """
        self._directory = directory
        self._default_domain = default_domain
        self._seconds = seconds
        self._path = path
        self._file = WatchedFile(path, _parse, seconds, run)
        self._reported: _Read | None = None

    def requestAvatarId(self, credentials: Any) -> "Deferred[Any]":
        """Return the canonical address ``local@domain`` in UTF-8.

        Raises:
            UnauthorizedLogin: It is no app password of this user.
            RefusedLogin: It is one, and has expired or is for other services.
            TemporaryFailure: The file was never readable, or the directory
                cannot be asked.
        """
        return Deferred.fromCoroutine(self._check(credentials))

    async def _check(self, credentials: Any) -> bytes:
        name = account_name(
            credentials.username.decode("utf-8", "replace"), self._default_domain
        )
        typed = _typed(credentials.password)
        if name is None or typed is None:
            raise UnauthorizedLogin("not an app password")
        users = await self._users()
        digest = _digest(typed)
        found = None
        for one in users.get(name.user.casefold(), ()):
            if hmac.compare_digest(one.digest, digest):
                found = one
        if found is None:
            raise UnauthorizedLogin("not an app password")
        if found.expires and found.expires <= self._seconds():
            raise RefusedLogin("expired")
        mind = mind_of(credentials)
        if mind is None or mind.service not in found.scope:
            raise RefusedLogin("scope")
        entry = await self._directory.find(found.address)
        # An address that has become an alias opens nobody else's account.
        if entry is None or entry.address.casefold() != found.address.casefold():
            raise RefusedLogin("closed")
        address: str = entry.address
        return address.encode()

    async def _users(self) -> Mapping[str, list[AppPassword]]:
        read = await self._file.current()
        if read is not self._reported:
            self._reported = read
            tell_bad_lines(_log, self._path, read.troubles)
        return read.users


class _Read(NamedTuple):
    """What one version of the file means."""

    users: Mapping[str, list[AppPassword]]
    troubles: list[tuple[int, str]]


def _parse(octets: bytes) -> _Read:
    read = _Read({}, [])
    users: dict[str, list[AppPassword]] = {}
    for number, line in enumerate(octets.decode("utf-8", "replace").split("\n"), 1):
        try:
            one = parse_line(line)
        except ValueError as error:
            read.troubles.append((number, str(error)))
        else:
            if one is not None:
                users.setdefault(one.address.casefold(), []).append(one)
    return read._replace(users=users)


def _typed(password: bytes) -> bytes | None:
    """Return the secret in one spelling, ``None`` if it can be none."""
    if len(password) > 64:
        return None
    compact = password.replace(b"-", b"").replace(b" ", b"").lower()
    return compact if _TYPED.match(compact) else None


def _text(secret: bytes) -> str:
    return base64.b32encode(secret).decode().rstrip("=").lower()


def _digest(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()


def _is_of(line: str, address: str) -> bool:
    return line.partition(":")[0].casefold() == address.casefold()
