"""Check passwords and look users up in the tables of an SQL database."""

import os
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from mailframe.auth.account_name import account_name
from mailframe.auth.decoy_hash import spend_as_much
from mailframe.auth.directory_cache import DirectoryCache
from mailframe.auth.password_hash import hash_argon2id, is_usable, verify
from mailframe.auth.sql.connections import Connections
from mailframe.auth.sql.options import SQLOptions
from mailframe.auth.sql.questions import Questions, StoredUser
from mailframe.auth.verified_cache import VerifiedCache
from mailframe.auth.worker_threads import WorkerThreads
from mailframe.interfaces.auth import IUserDirectory, UserEntry

_log = Logger()

AvatarId = bytes | tuple[()]
"""As ``ICredentialsChecker`` has it; ours are never the empty tuple."""

# {SCHEME} or $id$: hashes that begin alike take about the same time.
_SCHEME = re.compile(r"\{[^}]{1,20}\}(?:\$\w{1,10}\$)?|\$\w{1,10}\$")

_DECOYS = 16
"""Schemes whose cost we remember."""


@implementer(ICredentialsChecker, IUserDirectory)
class SQLChecker:
    """Let in, and know, the users of one database."""

    credentialInterfaces = (IUsernamePassword,)

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
        self._default_domain = default_domain.lower()
        self._connections = Connections(
            options.database, options.timeout, options.idle, seconds
        )
        self._questions = Questions(options, self._connections)
        self._threads = WorkerThreads(
            reactor,
            "sql",
            threads=options.connections,
            waiting=options.waiting,
            limit=options.give_up,
        )
        self._cache = DirectoryCache(
            self._find, seconds, options.positive, options.negative
        )
        self._verified = VerifiedCache(seconds)
        self._decoys: dict[str, str] = {}
        self._decoy_key = os.urandom(32)

    @property
    def default_domain(self) -> str:
        """The domain of names without one, in lower case."""
        return self._default_domain

    @default_domain.setter
    def default_domain(self, domain: str) -> None:
        self._default_domain = domain.lower()
        self._cache.clear()

    def requestAvatarId(self, credentials: Any) -> "Deferred[AvatarId]":
        """Return the canonical address ``local@domain`` in UTF-8.

        Raises:
            UnauthorizedLogin: No such user, or not this password.
            TemporaryFailure: The database does not say.
        """
        return Deferred.fromCoroutine(
            self._check(credentials.username, credentials.password)
        )

    async def find(self, address: str) -> UserEntry | None:
        """Return the user who has this address.

        Raises:
            TemporaryFailure: The database does not say.
        """
        name = account_name(address, self._default_domain)
        return None if name is None else await self._cache.find(name.user)

    def close(self) -> None:
        """End threads and connections."""
        self._threads.stop()
        self._connections.close()

    async def _check(self, username: bytes, password: bytes) -> AvatarId:
        try:
            name = account_name(username.decode("utf-8"), self._default_domain)
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

    async def _find(self, address: str) -> UserEntry | None:
        name = account_name(address, self._default_domain)
        assert name is not None, address
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
