"""One user named on the command line, or one password for whoever comes.

For tests, and for a host that is one person's.
"""

import time
from collections.abc import Callable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailframe.auth.account_name import account_name
from mailframe.auth.passwd_line import PasswdUser, is_name
from mailframe.auth.passwd_table import PasswdTable
from mailframe.auth.password_hash import check_scheme, is_usable, verify
from mailframe.auth.table_checker import AvatarId, TableChecker
from mailframe.auth.verified_cache import VerifiedCache
from mailframe.auth.worker_threads import WorkerThreads
from mailframe.interfaces.auth import IUserDirectory, UserEntry

ANYBODY = "*"
"""The USER that stands for every name."""


def static_checker(argstring: str, threads: WorkerThreads) -> Any:
    """Return the checker of ``USER:{SCHEME}hash``.

    Args:
        argstring: The name and what is stored of the password, which may have
            colons of its own.
        threads: Where the hash is computed.

    Raises:
        ValueError: It is not such a pair; the text repeats nothing of the hash.
    """
    name, colon, stored = argstring.partition(":")
    if not colon or not name:
        raise ValueError("static needs USER:{SCHEME}hash")
    if name != ANYBODY and not is_name(name):
        raise ValueError("static: USER cannot be the name of a user")
    if not stored or stored[0] in "!*":
        raise ValueError("static: there is no hash, so that nobody could log in")
    try:
        check_scheme(stored)
    except ValueError as error:
        raise ValueError(f"static: {error}") from None
    if name == ANYBODY:
        return AnybodyChecker(stored, threads)
    return OneUserChecker(name, stored, threads)


class OneUserChecker(TableChecker):
    """Let in, and know, one user."""

    def __init__(
        self,
        name: str,
        stored: str,
        threads: WorkerThreads,
        default_domain: str = "localhost",
        *,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Know the user ``name``.

        Args:
            name: With or without a domain.
            stored: ``{SCHEME}hash``.
            threads: Where the hash is computed.
            default_domain: For names without one.
            seconds: A clock.
        """
        super().__init__("--auth static", threads, default_domain, seconds=seconds)
        self._user = PasswdUser(1, name, stored)
        self.forget()

    async def table(self) -> PasswdTable:
        """Return the table of one."""
        return self._table

    def forget(self) -> None:
        """Make the table anew, for another default domain."""
        self._table = PasswdTable([self._user], self.default_domain)


@implementer(ICredentialsChecker, IUserDirectory)
class AnybodyChecker:
    """Let in every name that comes with one password; every address exists."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(
        self,
        stored: str,
        threads: WorkerThreads,
        default_domain: str = "localhost",
        *,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take one password for all.

        Args:
            stored: ``{SCHEME}hash``.
            threads: Where the hash is computed.
            default_domain: For names without one.
            seconds: A clock.
        """
        self.default_domain = default_domain
        self.threads = threads
        self._stored = stored
        self._verified = VerifiedCache(seconds)

    def requestAvatarId(self, credentials: Any) -> "Deferred[AvatarId]":
        """Return the address ``local@domain`` in UTF-8.

        Raises:
            UnauthorizedLogin: Not this password, or nothing that can be a name.
            TemporaryFailure: Too many wait.
        """
        return Deferred.fromCoroutine(
            self._check(credentials.username, credentials.password)
        )

    async def find(self, address: str) -> UserEntry | None:
        """Return an entry for whatever can be an address."""
        user = self._address(address)
        return None if user is None else UserEntry(user)

    async def _check(self, username: bytes, password: bytes) -> AvatarId:
        address = self._address(username.decode("utf-8", "replace"))
        if address is None or not is_usable(password):
            raise UnauthorizedLogin("nobody has such a name or password")
        if not self._verified.knows("", self._stored, password):
            try:
                right = await self.threads.run(verify, password, self._stored)
            except ValueError as error:
                raise UnauthorizedLogin(str(error)) from None
            if not right:
                raise UnauthorizedLogin("not this password")
            self._verified.remember("", self._stored, password)
        return address.encode()

    def _address(self, text: str) -> str | None:
        name = account_name(text, self.default_domain) if is_name(text) else None
        return None if name is None else name.user
