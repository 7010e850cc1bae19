"""Check passwords against a table of hashes, wherever the table comes from.

What htpasswd files, system accounts and a user named on the command line have in
common: unknown users cost what known ones cost, hashes are computed in threads,
and a right password is not computed again for a while.
"""

import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from mailframe.auth.bad_lines import tell_bad_lines, tell_damaged_hash
from mailframe.auth.default_domain import InDefaultDomain
from mailframe.auth.hash_logins import HashLogins
from mailframe.auth.passwd_line import PasswdUser
from mailframe.auth.passwd_table import PasswdTable
from mailframe.auth.password_hash import verify
from mailframe.auth.worker_threads import WorkerThreads
from mailframe.interfaces.auth import IUserDirectory, UserEntry

_log = Logger()

AvatarId = bytes | tuple[()]
"""As ``ICredentialsChecker`` has it; ours are never the empty tuple."""

VERIFIERS = {"threads": 4, "waiting": 1000, "limit": 30.0}
"""For :class:`WorkerThreads`: passwords verified at a time (each may take a
processor and the memory its scheme asks for), those that wait, and the seconds
until somebody is told to come again."""


@implementer(ICredentialsChecker, IUserDirectory)
class TableChecker(InDefaultDomain):
    """Let in, and know, the users of one table; give it one in ``table``."""

    credentialInterfaces: tuple[Any, ...] = (IUsernamePassword,)

    def __init__(
        self,
        where: str,
        threads: WorkerThreads,
        default_domain: str = "localhost",
        *,
        seconds: Callable[[], float] = time.monotonic,
        verify: Callable[[bytes, str], bool] = verify,
    ) -> None:
        """Read nothing yet.

        Args:
            where: What the table is called in the log.
            threads: Where hashes are computed.
            default_domain: For names without one.
            seconds: A clock.
            verify: Tells whether a password is the one a hash was made of; it
                runs in a thread, and raises ``ValueError`` for a damaged hash.
        """
        super().__init__(default_domain)
        self.threads = threads
        self._where = where
        self._verify = verify
        self._reported: PasswdTable | None = None
        self._logins = HashLogins(
            self._told,
            self._hashed,
            lambda number, why: tell_damaged_hash(_log, where, number, why),
            seconds=seconds,
            decoy_key=os.urandom(32),
        )

    def table(self) -> Awaitable[PasswdTable]:
        """Return the table as it is now, the same object while it is the same.

        Raises:
            TemporaryFailure: It cannot be read.
        """
        raise NotImplementedError

    def forget(self) -> None:
        """Make the table anew when it is next asked for."""
        raise NotImplementedError

    def admits(self, user: PasswdUser) -> bool:
        """Tell whether a user with the right password may come in."""
        return True

    def requestAvatarId(self, credentials: Any) -> "Deferred[AvatarId]":
        """Return the canonical address ``local@domain`` in UTF-8.

        Raises:
            UnauthorizedLogin: No such user, or not this password.
            TemporaryFailure: The table was never readable, or too many wait.
        """
        return Deferred.fromCoroutine(
            self._check(credentials.username, credentials.password)
        )

    async def find(self, address: str) -> UserEntry | None:
        """Return the user who has this address.

        Raises:
            TemporaryFailure: The table was never readable.
        """
        return (await self._told()).entry(address)

    async def _check(self, username: bytes, password: bytes) -> AvatarId:
        user, address = await self._logins.user(username, password)
        if not self.admits(user):
            raise UnauthorizedLogin("the account is closed")
        return address.encode()

    def _hashed(self, password: bytes, stored: str) -> Awaitable[bool]:
        return self.threads.run(self._verify, password, stored)

    async def _told(self) -> PasswdTable:
        """Return the table, and tell once what of it is not used."""
        table = await self.table()
        if table is not self._reported:
            self._reported = table
            tell_bad_lines(_log, self._where, table.troubles)
        return table
