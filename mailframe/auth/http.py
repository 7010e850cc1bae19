"""Ask a web service whether a password is right, and whether a user exists.

A login is a POST of ``username``, ``password``, ``service`` and ``client_address``
as JSON. 200 lets in, and may say who it is (``address``); 401, 403 and 404 refuse;
everything else is trouble. A lookup is a POST of ``address``; 200 says who that is,
404 that there is nobody.

Source: RFC 8259 (JSON).
"""

import time
from collections.abc import Callable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import alsoProvides, implementer

from mailframe.auth.account_name import AccountName, account_name
from mailframe.auth.directory_checker import DirectoryChecker
from mailframe.auth.http_client import Answer, HTTPClient
from mailframe.auth.http_options import HTTPOptions
from mailframe.auth.login_mind import mind_of
from mailframe.auth.passwd_line import is_name
from mailframe.auth.password_hash import is_usable
from mailframe.auth.quota import quota_octets
from mailframe.auth.table_checker import AvatarId
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory, UserEntry

_log = Logger()

_YES = (200, 204)
_NO = (401, 403, 404)


@implementer(ICredentialsChecker)
class HTTPChecker(DirectoryChecker):
    """Let in, and know, whom a web service says."""

    def __init__(
        self,
        options: HTTPOptions,
        reactor: Any,
        default_domain: str = "localhost",
        *,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect to nothing yet.

        Args:
            options: Where, and how. Without ``login`` nobody is let in;
                without ``users`` no ``IUserDirectory`` is provided.
            reactor: Provides time and connections.
            default_domain: For names without one.
            seconds: A clock.
        """
        super().__init__(default_domain, seconds, options.positive, options.negative)
        if not options.login:
            self.credentialInterfaces = ()
        self._options = options
        self._client = HTTPClient(
            reactor, options.policy, options.limits, dict(options.headers)
        )
        if options.users:
            alsoProvides(self, IUserDirectory)

    def close(self) -> "Deferred[Any]":
        """Close idle connections."""
        return self._client.close()

    async def check(self, credentials: Any) -> AvatarId:
        """Return the address of whom the service lets in.

        Raises:
            UnauthorizedLogin: The service says no.
            TemporaryFailure: It does not say.
        """
        try:
            text = credentials.username.decode("utf-8")
            secret = credentials.password.decode("utf-8")
        except UnicodeDecodeError:
            raise UnauthorizedLogin("not UTF-8") from None
        name = account_name(text, self._default_domain) if is_name(text) else None
        if name is None or not is_usable(credentials.password):
            raise UnauthorizedLogin("nobody has such a name or password")
        mind = mind_of(credentials)
        answer = await self._client.post_json(
            self._options.login,
            {
                "username": name.user,
                "password": secret,
                "service": mind.service if mind else None,
                "client_address": mind.client_address if mind else None,
            },
        )
        if answer.status in _NO:
            raise UnauthorizedLogin(f"the service says {answer.status}")
        if answer.status not in _YES:
            raise self._trouble(answer)
        if answer.value is None:
            return name.user.encode()
        return self._address(answer, name.user).encode()

    async def look_up(self, name: AccountName) -> UserEntry | None:
        """Ask the service who has an address.

        Raises:
            TemporaryFailure: It does not say.
        """
        asked = {"address": name.user}
        answer = await self._client.post_json(self._options.users, asked)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise self._trouble(answer)
        return self._entry(answer, name.user)

    def _entry(self, answer: Answer, asked: str) -> UserEntry:
        user = self._address(answer, asked)
        value = answer.value
        aliases, quota, home = (value.get(key) for key in ("aliases", "quota", "home"))
        try:
            listed = aliases or []
            if not isinstance(listed, list):
                raise ValueError("aliases is no list")
            names = [account_name(str(one), self._default_domain) for one in listed]
            octets = None if quota is None else quota_octets(str(quota))
        except ValueError as error:
            raise self._unusable(str(error)) from None
        return UserEntry(
            user,
            aliases=tuple(name.user for name in names if name is not None),
            quota=octets,
            home=home if isinstance(home, str) and home else None,
            extra={
                key: said
                for key, said in value.items()
                if isinstance(said, str) and key not in ("address", "home", "quota")
            },
        )

    def _address(self, answer: Answer, asked: str) -> str:
        """Return whom an answer is about; who was asked about if it says nothing."""
        if not isinstance(answer.value, dict):
            raise self._unusable("the answer is no object")
        said = answer.value.get("address", asked)
        if not isinstance(said, str):
            raise self._unusable("address is no text")
        name = account_name(said, self._default_domain)
        if name is None:
            raise self._unusable("address is none")
        return name.user

    def _trouble(self, answer: Answer) -> TemporaryFailure:
        return self._unusable(f"status {answer.status}")

    def _unusable(self, why: str) -> TemporaryFailure:
        _log.error("--auth http: {why}", why=why)
        return TemporaryFailure(why)
