"""Ask the machine's PAM whether a password is right and the account open.

PAM blocks, and may wait for seconds on purpose after a wrong password; it runs in
threads of its own, so many at a time, and is not waited for for ever.

Source: pam(3), pam_authenticate(3), pam_acct_mgmt(3).
"""

from collections.abc import Callable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from mailframe.auth.account_name import AccountName, account_name
from mailframe.auth.passwd_line import is_name
from mailframe.auth.password_hash import is_usable
from mailframe.auth.system_users import SystemUsers
from mailframe.auth.table_checker import AvatarId
from mailframe.auth.worker_threads import WorkerThreads
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory, UserEntry

_log = Logger()

SERVICE = "mailframe"
"""The file in ``/etc/pam.d`` that is used when none is named."""

PAM_THREADS = {"threads": 8, "waiting": 200, "limit": 30.0}
"""For :class:`WorkerThreads`: questions asked at a time, those that wait, and the
seconds until somebody is told to come again."""

_SUCCESS = 0
# What says that this name and password do not come in; anything else is trouble
# of PAM's own, and no refusal.
_REFUSALS = {
    6: "PERM_DENIED",
    7: "AUTH_ERR",
    8: "CRED_INSUFFICIENT",
    10: "USER_UNKNOWN",
    11: "MAXTRIES",
    12: "NEW_AUTHTOK_REQD",
    13: "ACCT_EXPIRED",
    16: "CRED_EXPIRED",
    27: "AUTHTOK_EXPIRED",
}


def pam_code(service: str, name: str, secret: bytes) -> int:
    """Ask PAM, authentication first and then the account; blocks.

    Returns:
        A code of ``<security/_pam_types.h>``; 0 is success.
    """
    # Here, so that only who uses PAM needs the library.
    import pam  # type: ignore[import-untyped]

    asking = pam.PamAuthenticator()
    # Credentials of the system are for processes that run as the user.
    asking.authenticate(name, secret, service, resetcreds=False)
    return int(asking.code)


@implementer(ICredentialsChecker, IUserDirectory)
class PAMChecker:
    """Let in whom PAM lets in; know the people who have an account here."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(
        self,
        users: SystemUsers,
        threads: WorkerThreads,
        service: str = SERVICE,
        *,
        full_names: bool = False,
        ask: Callable[[str, str, bytes], int] = pam_code,
    ) -> None:
        """Ask nothing yet.

        Args:
            users: Who has an account, for mail that comes in.
            threads: Where PAM is asked.
            service: Which file in ``/etc/pam.d`` says how.
            full_names: Whether PAM's users have a domain, ``local@domain``;
                else they are the local parts of the default domain.
            ask: Asks PAM; runs in a thread.
        """
        self._users = users
        self._threads = threads
        self._service = service
        self._full_names = full_names
        self._ask = ask

    @property
    def default_domain(self) -> str:
        """The domain of names without one, in lower case."""
        return self._users.default_domain

    @default_domain.setter
    def default_domain(self, domain: str) -> None:
        self._users.default_domain = domain

    def requestAvatarId(self, credentials: Any) -> "Deferred[AvatarId]":
        """Return the canonical address ``local@domain`` in UTF-8.

        Raises:
            UnauthorizedLogin: No such user, not this password, or no account.
            TemporaryFailure: PAM has trouble, or does not answer.
        """
        return Deferred.fromCoroutine(
            self._check(credentials.username, credentials.password)
        )

    async def find(self, address: str) -> UserEntry | None:
        """Return the user of an address, if he has an account of the system's.

        Raises:
            TemporaryFailure: The system did not answer in time.
        """
        return await self._users.find(address)

    async def _check(self, username: bytes, password: bytes) -> AvatarId:
        try:
            text = username.decode("utf-8")
        except UnicodeDecodeError:
            raise UnauthorizedLogin("the name is not UTF-8") from None
        name = account_name(text, self.default_domain) if is_name(text) else None
        # An empty password may be right for PAM: pam_unix(8), nullok.
        if name is None or not is_usable(password):
            raise UnauthorizedLogin("nobody has such a name or password")
        asked = name.user if self._full_names else name.local
        if not self._full_names and name.domain != self.default_domain:
            raise UnauthorizedLogin("PAM has users of the default domain only")
        code = await self._threads.run(self._ask, self._service, asked, password)
        if code in _REFUSALS:
            raise UnauthorizedLogin(f"PAM says {_REFUSALS[code]}")
        if code != _SUCCESS:
            _log.error(
                "PAM service {service}: code {code}", service=self._service, code=code
            )
            raise TemporaryFailure("PAM has trouble")
        return (await self._address(name)).encode()

    async def _address(self, name: AccountName) -> str:
        """Return who that is, once PAM has said yes.

        Raises:
            UnauthorizedLogin: An account of the system's own, such as root.
        """
        if self._full_names:
            return name.user
        if await self._users.is_reserved(name.local):
            raise UnauthorizedLogin("an account of the system's own")
        # As the system spells it, where PAM takes names in any case. Not every
        # user of PAM need have an account.
        entry = await self._users.find(name.user)
        return name.user if entry is None else entry.address
