"""What checkers have in common whose users are kept by a service elsewhere."""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.cred.credentials import IUsernamePassword
from twisted.internet.defer import Deferred

from mailframe.auth.account_name import AccountName, account_name
from mailframe.auth.default_domain import InDefaultDomain
from mailframe.auth.directory_cache import DirectoryCache
from mailframe.auth.table_checker import AvatarId
from mailframe.interfaces.auth import UserEntry


class DirectoryChecker(InDefaultDomain):
    """Asks for each login, and remembers for a while who exists.

    A subclass says how the service is asked: ``check`` and ``look_up``.
    """

    credentialInterfaces: tuple[Any, ...] = (IUsernamePassword,)

    def __init__(
        self,
        default_domain: str,
        seconds: Callable[[], float],
        positive: float = 60.0,
        negative: float = 10.0,
    ) -> None:
        """Know nobody yet.

        Args:
            default_domain: For names without one.
            seconds: A clock.
            positive: Seconds a user is remembered for; 0 for not at all.
            negative: The same for an address nobody has.
        """
        super().__init__(default_domain)
        self._cache = DirectoryCache(self._look_up, seconds, positive, negative)

    def check(self, credentials: Any) -> Coroutine[Deferred[Any], Any, AvatarId]:
        """Return the canonical address of whom the credentials let in.

        Raises:
            UnauthorizedLogin: No such user, or not this password.
            TemporaryFailure: The service does not say.
        """
        raise NotImplementedError

    def look_up(
        self, name: AccountName
    ) -> Coroutine[Deferred[Any], Any, UserEntry | None]:
        """Ask who has an address.

        Raises:
            TemporaryFailure: The service does not say.
        """
        raise NotImplementedError

    def forget(self) -> None:
        """Ask again who exists."""
        self._cache.clear()

    def requestAvatarId(self, credentials: Any) -> "Deferred[AvatarId]":
        """Return the canonical address ``local@domain`` in UTF-8.

        Raises:
            UnauthorizedLogin: No such user, or not this password.
            TemporaryFailure: The service does not say.
        """
        return Deferred.fromCoroutine(self.check(credentials))

    async def find(self, address: str) -> UserEntry | None:
        """Return the user who has this address.

        Raises:
            TemporaryFailure: The service does not say.
        """
        name = account_name(address, self._default_domain)
        return None if name is None else await self._cache.find(name.user)

    async def _look_up(self, address: str) -> UserEntry | None:
        name = account_name(address, self._default_domain)
        # Of U-labels a domain may have become too long for a name.
        return None if name is None else await self.look_up(name)
