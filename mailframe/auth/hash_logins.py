"""Compare passwords with a table of hashes, wherever the table comes from."""

from collections.abc import Awaitable, Callable

from twisted.cred.error import UnauthorizedLogin

from mailframe.auth.decoy_hash import spend_as_much
from mailframe.auth.passwd_line import PasswdUser, is_name
from mailframe.auth.passwd_table import PasswdTable
from mailframe.auth.password_hash import is_usable
from mailframe.auth.verified_cache import VerifiedCache


class HashLogins:
    """Says whose password it is; a right one is not computed again for a while.

    Attributes:
        decoy_key: Secret octets: of them it depends what unknown users cost.
    """

    def __init__(
        self,
        table: Callable[[], Awaitable[PasswdTable]],
        verify: Callable[[bytes, str], Awaitable[bool]],
        damaged: Callable[[int, str], None],
        *,
        seconds: Callable[[], float],
        decoy_key: bytes,
    ) -> None:
        """Know nobody yet.

        Args:
            table: Returns the table as it is now.
            verify: Tells whether a password is the one a hash was made of; raises
                ``ValueError`` for a damaged hash.
            damaged: Is told the line of such a hash, and what is wrong with it.
            seconds: A clock.
            decoy_key: As above.
        """
        self._table = table
        self._verify = verify
        self._damaged = damaged
        self._verified = VerifiedCache(seconds)
        self.decoy_key = decoy_key

    async def user(self, username: bytes, password: bytes) -> tuple[PasswdUser, str]:
        """Return whose name and password that are, and the canonical address.

        Raises:
            UnauthorizedLogin: No such user, or not this password.
            TemporaryFailure: It cannot be told now.
        """
        try:
            name = username.decode("utf-8")
        except UnicodeDecodeError:
            raise UnauthorizedLogin("the name is not UTF-8") from None
        if not is_name(name) or not is_usable(password):
            raise UnauthorizedLogin("nobody has such a name or password")
        table = await self._table()
        user = table.named(name)
        if user is None or not user.stored:
            await spend_as_much(
                self._verify, password, name, table.hashes, self.decoy_key
            )
        else:
            address = table.canonical(user.name)
            if self._verified.knows(address, user.stored, password):
                return user, address
            if await self._is_right(user, password):
                self._verified.remember(address, user.stored, password)
                return user, address
        raise UnauthorizedLogin("no such user, or not this password")

    async def _is_right(self, user: PasswdUser, password: bytes) -> bool:
        try:
            return await self._verify(password, user.stored)
        except ValueError as error:
            self._damaged(user.number, str(error))
            return False
