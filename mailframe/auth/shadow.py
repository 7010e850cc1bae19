"""Check passwords of this machine's accounts against ``/etc/shadow``.

Whoever runs this must be able to read that file. Where that is not to be, use
PAM (:mod:`mailframe.auth.pam`).

Source: shadow(5).
"""

import math
import os
import time
from collections.abc import Callable, Iterator

from twisted.cred.error import UnauthorizedLogin

from mailframe.auth.passwd_line import PasswdUser, name_of
from mailframe.auth.passwd_table import PasswdTable
from mailframe.auth.shadow_hash import verify_system
from mailframe.auth.system_users import SystemUsers
from mailframe.auth.table_checker import AvatarId, TableChecker
from mailframe.auth.watched_file import WatchedFile
from mailframe.auth.worker_threads import WorkerThreads
from mailframe.interfaces.auth import UserEntry

SHADOW = "/etc/shadow"

_DAY = 86_400
_CLOSES = "closes"


def parse_shadow(octets: bytes) -> Iterator[PasswdUser | tuple[int, str]]:
    """Yield the users of a whole file, and where a line is wrong its number and why.

    Their ``extra`` has ``closes``: the first day, counted from 1970-01-01, on
    which nobody comes in, be it that the account has expired or that the password
    would have to be changed first.

    Source: shadow(5).
    """
    for number, line in enumerate(octets.split(b"\n"), 1):
        if not line.strip():
            continue
        name = name_of(line)
        fields = line.decode("ascii", "replace").split(":")
        if name is None or len(fields) < 8:
            yield number, "not the nine fields of a user"
            continue
        # Dates first: a line that says something we cannot read lets nobody in.
        try:
            closes = _closes(fields)
        except ValueError:
            yield PasswdUser(number, name, "", trouble="a date that is no number")
            continue
        stored = "" if fields[1].startswith(("!", "*")) else fields[1]
        extra = {} if closes is None else {_CLOSES: str(closes)}
        yield PasswdUser(number, name, stored, extra=extra)


def _closes(fields: list[str]) -> int | None:
    changed, most, inactive, expires = (
        int(fields[place]) if fields[place] else None for place in (2, 4, 6, 7)
    )
    days = [] if expires is None or expires < 0 else [expires]
    if changed == 0:
        # To be changed at the next login, which mail cannot do.
        days.append(0)
    elif changed is not None and most is not None and most >= 0:
        days.append(changed + most + max(inactive or 0, 0) + 1)
    return min(days, default=None)


class ShadowChecker(TableChecker):
    """Let in, and know, the people who have an account on this machine."""

    def __init__(
        self,
        users: SystemUsers,
        threads: WorkerThreads,
        path: str = SHADOW,
        *,
        seconds: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Use the file ``path``; it is first read when somebody asks.

        Args:
            users: Who has an account.
            threads: Where the file is read, and hashes are computed.
            path: The file with the hashes.
            seconds: A clock.
            now: Seconds since 1970.
        """
        self._users = users
        self._now = now
        path = os.path.abspath(path)
        super().__init__(
            path, threads, users.default_domain, seconds=seconds, verify=verify_system
        )
        self._file = WatchedFile(path, self._parse, seconds, threads.run)

    async def table(self) -> PasswdTable:
        """Return the users of the file."""
        return await self._file.current()

    def forget(self) -> None:
        """Read the file again when it is next asked for."""
        self._users.default_domain = self.default_domain
        self._file.expire()

    def admits(self, user: PasswdUser) -> bool:
        """Tell whether account and password are still valid today."""
        return math.floor(self._now() / _DAY) < float(user.extra.get(_CLOSES, "inf"))

    async def find(self, address: str) -> UserEntry | None:
        """Return the user of an address, whether or not he has a password.

        Raises:
            TemporaryFailure: The system did not answer in time.
        """
        return await self._users.find(address)

    async def _check(self, username: bytes, password: bytes) -> AvatarId:
        avatar_id = await super()._check(username, password)
        entry = await self._users.find(bytes(avatar_id).decode())
        if entry is None:
            raise UnauthorizedLogin("an account of the system's own")
        return entry.address.encode()

    def _parse(self, octets: bytes) -> PasswdTable:
        return PasswdTable(parse_shadow(octets), self.default_domain)
