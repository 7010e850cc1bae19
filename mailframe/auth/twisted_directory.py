"""Twisted's own checkers, made fit to serve mail.

``--auth`` knows Twisted's ``memory``, ``file``, ``unix`` and ``anonymous``. They
know no directory of users, two of them wait for a disk, and none refuses an empty
password. :func:`adapted` returns a checker that asks the same users and does.
"""

import hmac
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from twisted.cred.checkers import (
    AllowAnonymousAccess,
    FilePasswordDB,
    ICredentialsChecker,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.credentials import (
    IAnonymous,
    IUsernameHashedPassword,
    IUsernamePassword,
)
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, succeed
from twisted.plugins.cred_unix import UNIXChecker
from zope.interface import implementer

from mailframe.auth.passwd_line import PasswdUser, is_name
from mailframe.auth.passwd_table import PasswdTable
from mailframe.auth.password_hash import is_usable
from mailframe.auth.shadow import ShadowChecker
from mailframe.auth.system_users import SystemUsers
from mailframe.auth.table_checker import AvatarId
from mailframe.auth.watched_file import WatchedFile
from mailframe.auth.worker_threads import WorkerThreads
from mailframe.interfaces.auth import IUserDirectory, UserEntry

ANONYMOUS = "anonymous"
"""The local part of whoever does not say who he is."""


def adapted(
    checker: Any,
    threads: WorkerThreads,
    default_domain: str = "localhost",
    seconds: Callable[[], float] = time.monotonic,
) -> Any:
    """Return a checker over the users of one of Twisted's; any other as it is.

    Args:
        checker: As ``twisted.cred.strcred.makeChecker`` returned it.
        threads: Where files are read, and hashes are computed.
        default_domain: For names without one.
        seconds: A clock.
    """
    if isinstance(checker, InMemoryUsernamePasswordDatabaseDontUse):
        return ListedUsersChecker(_MemorySource(checker.users, default_domain))
    if type(checker) is FilePasswordDB and checker.hash is None:
        return ListedUsersChecker(
            _FileSource(checker, threads, default_domain, seconds)
        )
    if isinstance(checker, UNIXChecker):
        users = SystemUsers(threads, default_domain, seconds=seconds)
        return ShadowChecker(users, threads, seconds=seconds)
    if isinstance(checker, AllowAnonymousAccess):
        return AnonymousChecker(default_domain)
    return checker


@implementer(ICredentialsChecker, IUserDirectory)
class ListedUsersChecker:
    """Let in, and know, users whose passwords are listed as they are."""

    credentialInterfaces = (IUsernamePassword, IUsernameHashedPassword)

    def __init__(self, source: "_MemorySource | _FileSource") -> None:
        """Ask nothing yet.

        Args:
            source: Where the list is.
        """
        self._source = source

    @property
    def default_domain(self) -> str:
        """The domain of names without one, in lower case."""
        return self._source.default_domain

    @default_domain.setter
    def default_domain(self, domain: str) -> None:
        self._source.set_default_domain(domain.lower())

    def requestAvatarId(self, credentials: Any) -> "Deferred[AvatarId]":
        """Return the canonical address ``local@domain`` in UTF-8.

        Raises:
            UnauthorizedLogin: No such user, or not this password.
            TemporaryFailure: The list was never readable.
        """
        return Deferred.fromCoroutine(self._check(credentials))

    async def find(self, address: str) -> UserEntry | None:
        """Return the user who has this address.

        Raises:
            TemporaryFailure: The list was never readable.
        """
        return (await self._source.table()).entry(address)

    async def _check(self, credentials: Any) -> AvatarId:
        try:
            name = credentials.username.decode("utf-8")
        except UnicodeDecodeError:
            raise UnauthorizedLogin("the name is not UTF-8") from None
        if not is_name(name):
            raise UnauthorizedLogin("nobody has such a name")
        table = await self._source.table()
        user = table.named(name)
        # Compared with something even if there is no such user.
        stored = user.stored.encode() if user is not None else b"\0"
        right = _matches(credentials, stored)
        if user is None or not stored or not right:
            raise UnauthorizedLogin("no such user, or not this password")
        return table.canonical(user.name).encode()


class _MemorySource:
    """The users of a dictionary, which may change at any time."""

    def __init__(self, users: Mapping[Any, Any], default_domain: str) -> None:
        self.default_domain = default_domain.lower()
        self._users = users

    def set_default_domain(self, domain: str) -> None:
        self.default_domain = domain

    async def table(self) -> PasswdTable:
        users = [
            _listed(number, _text(name), _text(password))
            for number, (name, password) in enumerate(self._users.items(), 1)
        ]
        return PasswdTable(users, self.default_domain)


class _FileSource:
    """The users of the lines of a file."""

    def __init__(
        self,
        database: FilePasswordDB,
        threads: WorkerThreads,
        default_domain: str,
        seconds: Callable[[], float],
    ) -> None:
        self.default_domain = default_domain.lower()
        self._database = database
        path = os.path.abspath(os.fspath(database.filename))
        self._file = WatchedFile(path, self._parse, seconds, threads.run)

    def set_default_domain(self, domain: str) -> None:
        self.default_domain = domain
        self._file.expire()

    async def table(self) -> PasswdTable:
        return await self._file.current()

    def _parse(self, octets: bytes) -> PasswdTable:
        return PasswdTable(self._lines(octets), self.default_domain)

    def _lines(self, octets: bytes) -> Iterator[PasswdUser | tuple[int, str]]:
        fields = self._database
        for number, line in enumerate(octets.split(b"\n"), 1):
            parts = line.rstrip().split(fields.delim)
            if max(fields.ufield, fields.pfield) < len(parts):
                name, password = parts[fields.ufield], parts[fields.pfield]
                yield _listed(number, _text(name), _text(password))


@implementer(ICredentialsChecker)
class AnonymousChecker:
    """Let in whoever says nothing of himself, all of them as one user.

    Nobody else is that user, and nobody can send him mail, unless another
    checker knows ``anonymous``.
    """

    credentialInterfaces = (IAnonymous,)

    def __init__(self, default_domain: str = "localhost") -> None:
        """Call them all ``anonymous`` at ``default_domain``."""
        self.default_domain = default_domain

    def requestAvatarId(self, credentials: Any) -> "Deferred[AvatarId]":
        """Return the address of whoever does not say who he is."""
        return succeed(f"{ANONYMOUS}@{self.default_domain.lower()}".encode())


def _matches(credentials: Any, stored: bytes) -> bool:
    """Tell whether credentials are made of the password that is stored."""
    if IUsernamePassword.providedBy(credentials):
        secret: bytes = credentials.password
        return is_usable(secret) and hmac.compare_digest(secret, stored)
    return bool(credentials.checkPassword(stored))


def _listed(number: int, name: str, password: str) -> PasswdUser | tuple[int, str]:
    if not is_name(name):
        return number, "does not begin with a user name"
    return PasswdUser(number, name, password)


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")
