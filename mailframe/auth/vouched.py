"""Let in whom a trusted proxy has let in, if there is such a user.

Whether the proxy may be believed was for the protocol to find out.
"""

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailframe.auth.account_name import account_name
from mailframe.interfaces.auth import IUserDirectory, UnauthorizedLogin
from mailframe.interfaces.credentials import IVouchedName
from mailframe.started import started


@implementer(ICredentialsChecker)
class VouchedChecker:
    """Ask nothing but who exists."""

    credentialInterfaces = (IVouchedName,)

    def __init__(self, directory: IUserDirectory, default_domain: str) -> None:
        """Know the users of a directory.

        Args:
            directory: Who there is.
            default_domain: For names without one.
        """
        self._directory = directory
        self._default_domain = default_domain

    def requestAvatarId(self, credentials: Any) -> "Deferred[bytes | tuple[()]]":
        """Return the canonical address, or fail.

        Raises:
            UnauthorizedLogin: There is no such user.
            TemporaryFailure: It cannot be told now.
        """
        return started(self._check(credentials))

    async def _check(self, credentials: Any) -> bytes:
        text = credentials.username.decode("utf-8", "replace")
        name = account_name(text, self._default_domain)
        entry = None if name is None else await self._directory.find(name.user)
        if entry is None:
            raise UnauthorizedLogin("no such user")
        return entry.address.encode()
