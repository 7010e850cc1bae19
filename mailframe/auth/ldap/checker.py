"""Check passwords and look users up in an LDAP directory.

Source: RFC 4513 section 5.1 (simple bind), RFC 4515 section 3 (filters).
"""

import random
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.task import deferLater
from zope.interface import implementer

from mailframe.auth.account_name import AccountName, account_name
from mailframe.auth.directory_checker import DirectoryChecker
from mailframe.auth.ldap.options import LDAPOptions
from mailframe.auth.ldap.questions import Questions
from mailframe.auth.ldap.servers import Servers
from mailframe.auth.password_hash import is_usable
from mailframe.auth.table_checker import AvatarId
from mailframe.auth.worker_threads import WorkerThreads
from mailframe.interfaces.auth import IUserDirectory, UserEntry

_SAMPLES = 32
"""How many logins we remember the time of."""


@implementer(ICredentialsChecker, IUserDirectory)
class LDAPChecker(DirectoryChecker):
    """Let in, and know, the users of one directory."""

    def __init__(
        self,
        options: LDAPOptions,
        reactor: Any,
        default_domain: str = "localhost",
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect to no server yet.

        Args:
            options: Which servers, and how.
            reactor: Provides time and threads.
            default_domain: For names without one.
            seconds: A clock.
        """
        limits = options.limits
        super().__init__(default_domain, seconds, limits.positive, limits.negative)
        self._reactor = reactor
        self._servers = Servers(options, seconds)
        self._questions = Questions(options, self._servers)
        self._threads = WorkerThreads(
            reactor,
            "ldap",
            threads=limits.threads,
            waiting=limits.waiting,
            limit=limits.give_up,
        )
        self._spent: deque[float] = deque(maxlen=_SAMPLES)

    def close(self) -> None:
        """End threads and connections."""
        self._threads.stop()
        self._servers.close()

    async def check(self, credentials: Any) -> AvatarId:
        """Return the canonical address of whom the directory lets in.

        Raises:
            UnauthorizedLogin: No such user, or not this password.
            TemporaryFailure: No server says.
        """
        password: bytes = credentials.password
        name = self._name(credentials.username)
        # An empty password would bind, as nobody: RFC 4513 section 5.1.2.
        if name is None or not is_usable(password):
            raise UnauthorizedLogin("nobody has such a name or password")
        verdict = await self._threads.run(
            self._questions.login, name, password, self._is_default(name)
        )
        if verdict.address is None:
            await self._spend_as_much(verdict.spent)
            raise UnauthorizedLogin("no such user, or not this password")
        self._spent.append(verdict.spent)
        return verdict.address.encode()

    async def _spend_as_much(self, spent: float) -> None:
        """Take the time a right password took: nobody learns by it who is a user.

        A server answers at once for whom it does not know.
        """
        if self._spent:
            more = random.choice(self._spent) - spent  # noqa: S311 - no secret
            if more > 0:
                await deferLater(self._reactor, more)

    async def look_up(self, name: AccountName) -> UserEntry | None:
        """Ask the directory who has an address.

        Raises:
            TemporaryFailure: No server says.
        """
        return await self._threads.run(
            self._questions.find, name, self._is_default(name)
        )

    def _name(self, username: bytes) -> AccountName | None:
        try:
            return account_name(username.decode("utf-8"), self._default_domain)
        except UnicodeDecodeError:
            return None

    def _is_default(self, name: AccountName) -> bool:
        return name.domain == self._default_domain
