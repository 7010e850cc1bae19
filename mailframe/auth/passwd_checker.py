"""Check passwords and look users up in a passwd-file.

Source: RFC 4616 section 2 (what PLAIN asks of a checker).
"""

import hmac
import os
import time
from collections.abc import Callable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from zope.interface import implementer

from mailframe.auth.passwd_line import PasswdUser, is_name, parse_lines
from mailframe.auth.passwd_table import PasswdTable
from mailframe.auth.password_hash import is_usable, verify
from mailframe.auth.verified_cache import VerifiedCache
from mailframe.auth.watched_file import WatchedFile
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory, UserEntry

_log = Logger()

AvatarId = bytes | tuple[()]
"""As ``ICredentialsChecker`` has it; ours are never the empty tuple."""

_WAITING = 1000
"""Logins that may wait for their turn to be verified."""

_TROUBLES = 20
"""Bad lines named in the log each time the file is read."""


@implementer(ICredentialsChecker, IUserDirectory)
class PasswdFileChecker:
    """Let in, and know, the users of one file; what changes in it counts at once."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(
        self,
        path: str,
        default_domain: str = "localhost",
        *,
        seconds: Callable[[], float] = time.monotonic,
        run: Callable[..., Deferred[Any]] = deferToThread,
        verifiers: int = 4,
    ) -> None:
        """Use the file ``path``; it is first read when somebody asks.

        Args:
            path: The file.
            default_domain: For names without one.
            seconds: A clock.
            run: Calls a function with arguments in a thread.
            verifiers: Passwords verified at a time; each may take a thread,
                a processor and the memory its scheme asks for.
        """
        self._default_domain = default_domain.lower()
        self._run = run
        self._path = os.path.abspath(path)
        self._file = WatchedFile(self._path, self._parse, seconds, run)
        self._reported: PasswdTable | None = None
        self._verified = VerifiedCache(seconds)
        self._verifiers = DeferredSemaphore(verifiers)
        self._decoy_key = os.urandom(32)

    @property
    def default_domain(self) -> str:
        """The domain of names without one, in lower case."""
        return self._default_domain

    @default_domain.setter
    def default_domain(self, domain: str) -> None:
        self._default_domain = domain.lower()
        self._file.expire()

    def requestAvatarId(self, credentials: Any) -> "Deferred[AvatarId]":
        """Return the canonical address ``local@domain`` in UTF-8.

        Raises:
            UnauthorizedLogin: No such user, or not this password.
            TemporaryFailure: The file was never readable, or too many wait.
        """
        return Deferred.fromCoroutine(
            self._check(credentials.username, credentials.password)
        )

    async def find(self, address: str) -> UserEntry | None:
        """Return the user who has this address as a name or an alias.

        Raises:
            TemporaryFailure: The file was never readable.
        """
        table = await self._table()
        user = table.addressed(address)
        if user is None:
            return None
        return UserEntry(
            address=table.canonical(user.name),
            aliases=tuple(table.canonical(alias) for alias in user.aliases),
            quota=user.quota,
            home=user.home,
            extra=user.extra,
        )

    async def _check(self, username: bytes, password: bytes) -> AvatarId:
        try:
            name = username.decode("utf-8")
        except UnicodeDecodeError:
            raise UnauthorizedLogin("the name is not UTF-8") from None
        if not is_name(name) or not is_usable(password):
            raise UnauthorizedLogin("nobody has such a name or password")
        table = await self._table()
        user = table.named(name)
        if user is None or not user.stored:
            await self._spend_as_much(table, name, password)
        else:
            address = table.canonical(user.name)
            if self._verified.knows(address, user.stored, password):
                return address.encode()
            if await self._is_password(user, password):
                self._verified.remember(address, user.stored, password)
                return address.encode()
        raise UnauthorizedLogin("no such user, or not this password")

    async def _is_password(self, user: PasswdUser, password: bytes) -> bool:
        try:
            return await self._verify(password, user.stored)
        except ValueError as error:
            _log.error(
                "{path} line {number}: {why}; no login",
                path=self._path,
                number=user.number,
                why=str(error),
            )
            return False

    async def _spend_as_much(
        self, table: PasswdTable, name: str, password: bytes
    ) -> None:
        """Take the time a user would take: nobody learns by it who is one."""
        if not table.hashes:
            return
        # Always the same one for a name, as if it were that user's.
        digest = hmac.digest(self._decoy_key, name.encode(), "sha256")
        chosen = table.hashes[int.from_bytes(digest[:8], "big") % len(table.hashes)]
        try:
            await self._verify(password, chosen)
        except ValueError:
            # A damaged hash; reported when its owner comes.
            return

    async def _verify(self, password: bytes, stored: str) -> bool:
        """Verify in a thread, when it is this one's turn.

        Raises:
            ValueError: The hash is damaged.
            TemporaryFailure: Too many wait already, or memory is short.
        """
        if len(self._verifiers.waiting) >= _WAITING:
            raise TemporaryFailure("too many logins at a time")
        await self._verifiers.acquire()
        outcome: Deferred[bool] = Deferred()

        def done(result: Any) -> None:
            self._verifiers.release()
            if not outcome.called:
                outcome.callback(result)

        # A thread cannot be stopped. If the client goes away the outcome is
        # cancelled, yet the place is free only when the thread is.
        self._run(verify, password, stored).addBoth(done)
        return await outcome

    async def _table(self) -> PasswdTable:
        table = await self._file.current()
        if table is not self._reported:
            self._reported = table
            for number, why in table.troubles[:_TROUBLES]:
                _log.warn(
                    "{path} line {number}: {why}",
                    path=self._path,
                    number=number,
                    why=why,
                )
            more = len(table.troubles) - _TROUBLES
            if more > 0:
                _log.warn("{path}: {more} lines more", path=self._path, more=more)
        return table

    def _parse(self, octets: bytes) -> PasswdTable:
        return PasswdTable(parse_lines(octets), self._default_domain)
