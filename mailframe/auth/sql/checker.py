"""Check passwords and look users up in the tables of an SQL database."""

import os
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.logger import Logger
from zope.interface import implementer

from mailframe.auth.account_name import AccountName, account_name
from mailframe.auth.decoy_hash import spend_as_much
from mailframe.auth.directory_checker import DirectoryChecker
from mailframe.auth.password_hash import hash_argon2id, is_usable, verify
from mailframe.auth.sql.connections import Connections
from mailframe.auth.sql.options import SQLOptions
from mailframe.auth.sql.questions import Questions, StoredUser
from mailframe.auth.table_checker import AvatarId
from mailframe.auth.verified_cache import VerifiedCache
from mailframe.auth.worker_threads import WorkerThreads
from mailframe.interfaces.auth import IUserDirectory, UserEntry

_log = Logger()

# {SCHEME} or $id$: hashes that begin alike take about the same time.
_SCHEME = re.compile(r"\{[^}]{1,20}\}(?:\$\w{1,10}\$)?|\$\w{1,10}\$")

_DECOYS = 16
"""Schemes whose cost we remember."""


@implementer(ICredentialsChecker, IUserDirectory)
class SQLChecker(DirectoryChecker):
    """Let in, and know, the users of one database."""

    def __init__(
        self,
        options: SQLOptions,
        reactor: Any,
        default_domain: str = "localhost",
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect later.

        Args:
            options: Which database, and how.
            reactor: Provides time and threads.
            default_domain: For names without one.
            seconds: A clock.
        """
        limits = options.limits
        super().__init__(default_domain, seconds, limits.positive, limits.negative)
        self._connections = Connections(
            options.database, limits.timeout, limits.idle, seconds
        )
        self._questions = Questions(options, self._connections)
        self._threads = WorkerThreads(
            reactor,
            "sql",
            threads=limits.threads,
            waiting=limits.waiting,
            limit=limits.give_up,
        )
        self._verified = VerifiedCache(seconds)
        self._decoys: dict[str, str] = {}
        self._decoy_key = os.urandom(32)

    def close(self) -> None:
        """End threads and connections."""
        self._threads.stop()
        self._connections.close()

    async def check(self, credentials: Any) -> AvatarId:
        """Return the canonical address of whom the database lets in.

        Raises:
            UnauthorizedLogin: No such user, or not this password.
            TemporaryFailure: The database does not say.
        """
        password: bytes = credentials.password
        try:
            text = credentials.username.decode("utf-8")
            name = account_name(text, self._default_domain)
        except UnicodeDecodeError:
            name = None
        if name is None or not is_usable(password):
            raise UnauthorizedLogin("nobody has such a name or password")
        user = await self._threads.run(
            self._questions.stored, name, self._default_domain
        )
        if user is None or not user.stored:
            await self._spend_as_much(name.user, password)
        elif self._verified.knows(user.address, user.stored, password):
            return user.address.encode()
        elif await self._is_password(user, password):
            self._verified.remember(user.address, user.stored, password)
            return user.address.encode()
        raise UnauthorizedLogin("no such user, or not this password")

    async def look_up(self, name: AccountName) -> UserEntry | None:
        """Ask the database who has an address.

        Raises:
            TemporaryFailure: The database does not say.
        """
        return await self._threads.run(self._questions.find, name, self._default_domain)

    async def _is_password(self, user: StoredUser, password: bytes) -> bool:
        scheme = _SCHEME.match(user.stored)
        if scheme is not None and len(self._decoys) < _DECOYS:
            # From now on the cost is that of the schemes in use.
            self._decoys.pop("", None)
            self._decoys.setdefault(scheme[0].upper(), user.stored)
        try:
            return await self._verify(password, user.stored)
        except ValueError as error:
            _log.error("{user}: {why}; no login", user=user.address, why=str(error))
            return False

    async def _spend_as_much(self, name: str, password: bytes) -> None:
        if not self._decoys:
            unknown = os.urandom(16).hex().encode()
            self._decoys[""] = await self._threads.run(hash_argon2id, unknown)
        decoys = list(self._decoys.values())
        await spend_as_much(self._verify, password, name, decoys, self._decoy_key)

    def _verify(self, password: bytes, stored: str) -> Awaitable[bool]:
        return self._threads.run(verify, password, stored)
