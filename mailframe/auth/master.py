"""People who may log in as others: ``user*master``, with the master's password.

For support, migration and backup programs. What a master does is in the log, for
the name that was sent is there.
"""

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.cred.error import LoginFailed
from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import implementer

from mailframe.auth.account_name import account_name
from mailframe.auth.around import Around
from mailframe.auth.refusal import RefusedLogin
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import UserEntry

SEPARATOR = "*"
"""What stands between the user and the master."""


@implementer(ICredentialsChecker)
class MasterUsers(Around):
    """Let masters in as somebody else; everyone else is for the checker within.

    Mechanisms that do not send the password are offered as they are without
    masters, who have to take one that does.
    """

    def __init__(
        self,
        checker: Any,
        masters: Any,
        directory: Any,
        default_domain: str,
        separator: str = SEPARATOR,
    ) -> None:
        """Let in whom ``masters`` knows.

        Args:
            checker: For everyone else.
            masters: A checker for the passwords of masters; they need be no
                users.
            directory: Provides ``IUserDirectory``: nobody logs in as one who
                does not exist.
            default_domain: For names without one.
            separator: What stands between the two names.
        """
        super().__init__(checker)
        self._masters = masters
        self._directory = directory
        self._default_domain = default_domain
        self._separator = separator.encode()

    def requestAvatarId(self, credentials: Any) -> "Deferred[Any]":
        """Return the canonical address of whom a master wants to be, or of a user.

        Raises:
            UnauthorizedLogin: It is no master and no user, or the master's
                user does not exist.
            TemporaryFailure: It cannot be told now.
        """
        if IUsernamePassword.providedBy(credentials):
            user, _, master = credentials.username.rpartition(self._separator)
            if user and master:
                return Deferred.fromCoroutine(self._check(credentials, user, master))
        return maybeDeferred(self.checker.requestAvatarId, credentials)

    async def _check(self, credentials: Any, user: bytes, master: bytes) -> Any:
        asked = _Master(master, credentials.password, credentials)
        unsure: TemporaryFailure | None = None
        try:
            await maybeDeferred(self._masters.requestAvatarId, asked)
        except LoginFailed:
            pass
        except TemporaryFailure as failure:
            unsure = failure
        else:
            return await self._address(user)
        try:
            # A user's own name may look like this.
            return await maybeDeferred(self.checker.requestAvatarId, credentials)
        except LoginFailed:
            if unsure is not None:
                raise unsure from None
            raise

    async def _address(self, user: bytes) -> bytes:
        name = account_name(user.decode("utf-8", "replace"), self._default_domain)
        entry: UserEntry | None = None
        if name is not None:
            entry = await self._directory.find(name.user)
        if entry is None:
            raise RefusedLogin("master")
        return entry.address.encode()


class _Master(UsernamePassword):
    """The master's own credentials, from the same place."""

    def __init__(self, username: bytes, password: bytes, credentials: Any) -> None:
        super().__init__(username, password)
        self.mind = getattr(credentials, "mind", None)
