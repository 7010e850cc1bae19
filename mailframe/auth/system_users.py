"""The people who have an account on this machine, as mail sees them.

Names come from the system (``/etc/passwd`` and whatever else its NSS asks). NSS
does not tell an absent user from a source that is down; where users come from the
network, let something on this machine keep them, as sssd does.
"""

import pwd
import re
import time
from collections.abc import Callable

from mailframe.auth.account_name import account_name
from mailframe.auth.default_domain import InDefaultDomain
from mailframe.auth.directory_cache import DirectoryCache
from mailframe.auth.worker_threads import WorkerThreads
from mailframe.interfaces.auth import UserEntry

_RANGE = re.compile(r"([0-9]{1,10})-([0-9]{1,10})\Z")

PEOPLE = range(1000, 60_000)
"""The user IDs Debian gives to people; those below are the system's own."""


def uid_range(text: str) -> range:
    """Return the user IDs of ``MIN-MAX``, both included.

    Raises:
        ValueError: It is not such a range.
    """
    found = _RANGE.match(text)
    if found is None or int(found[1]) > int(found[2]):
        raise ValueError("uid must be MIN-MAX, such as 1000-59999")
    return range(int(found[1]), int(found[2]) + 1)


class SystemUsers(InDefaultDomain):
    """Know the system's accounts that are people's, at the default domain.

    It does what ``IUserDirectory`` says; checkers that provide it use this.
    """

    def __init__(
        self,
        threads: WorkerThreads,
        default_domain: str = "localhost",
        *,
        uids: range = PEOPLE,
        seconds: Callable[[], float] = time.monotonic,
        lookup: Callable[[str], pwd.struct_passwd] = pwd.getpwnam,
    ) -> None:
        """Ask nothing yet.

        Args:
            threads: Where the system is asked; it may take its time.
            default_domain: The domain these users are at.
            uids: Whose user ID is not among these does not exist.
            seconds: A clock.
            lookup: Returns an account, or raises ``KeyError``.
        """
        super().__init__(default_domain)
        self._threads = threads
        self._uids = uids
        self._lookup = lookup
        self._cache = DirectoryCache(self._ask, seconds)

    def forget(self) -> None:
        """Ask the system again."""
        self._cache.clear()

    async def find(self, address: str) -> UserEntry | None:
        """Return the user of an address.

        Raises:
            TemporaryFailure: The system did not answer in time.
        """
        name = account_name(address, self._default_domain)
        if name is None or name.domain != self._default_domain:
            return None
        return await self._cache.find(name.local)

    async def is_reserved(self, local: str) -> bool:
        """Tell whether a name is an account that is not a person's, such as root.

        Raises:
            TemporaryFailure: The system did not answer in time.
        """
        return await self._threads.run(self._is_reserved, local)

    def _is_reserved(self, local: str) -> bool:
        """Look an account up; runs in a thread."""
        try:
            return self._lookup(local).pw_uid not in self._uids
        except (KeyError, ValueError):
            return False

    async def _ask(self, local: str) -> UserEntry | None:
        return await self._threads.run(self._account, local)

    def _account(self, local: str) -> UserEntry | None:
        """Look an account up; runs in a thread."""
        for name in dict.fromkeys((local, local.lower())):
            try:
                account = self._lookup(name)
            except (KeyError, ValueError):
                continue
            if account.pw_uid in self._uids:
                return UserEntry(
                    f"{account.pw_name}@{self._default_domain}",
                    home=account.pw_dir or None,
                    extra={
                        "uid": str(account.pw_uid),
                        "gid": str(account.pw_gid),
                        "gecos": account.pw_gecos,
                    },
                )
        return None
