"""Let a Dovecot on this machine check passwords and say who exists.

For a host that has one already: whatever Dovecot's databases are, mailframe uses
them, and its passwords stay where they are.

Source: https://doc.dovecot.org/2.3/developer_manual/design/auth_protocol/ (1.1).
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.logger import Logger
from zope.interface import alsoProvides, implementer

from mailframe.auth.account_name import AccountName, account_name
from mailframe.auth.directory_checker import DirectoryChecker
from mailframe.auth.dovecot_codec import DovecotCodec
from mailframe.auth.dovecot_socket import DovecotSocket
from mailframe.auth.login_mind import mind_of
from mailframe.auth.passwd_line import is_name
from mailframe.auth.password_hash import is_usable
from mailframe.auth.quota import quota_octets
from mailframe.auth.table_checker import AvatarId
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory, UserEntry

_log = Logger()

_TEMPORARY = ("temp", "temp_fail")
"""What ``code`` says when it was not the password; the first before 2.3."""

_LOOKUP_SERVICE = "lmtp"


@implementer(ICredentialsChecker)
class DovecotChecker(DirectoryChecker):
    """Let in whom Dovecot lets in; with ``lookups``, know whom it knows."""

    def __init__(
        self,
        passwords: DovecotSocket,
        lookups: DovecotSocket | None = None,
        default_domain: str = "localhost",
        *,
        full_names: bool = True,
        service: str = "smtp",
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask nothing yet.

        Args:
            passwords: Dovecot's ``auth-client``.
            lookups: Dovecot's ``auth-userdb``; ``None``: we know nobody
                without a password, and no ``IUserDirectory`` is provided.
            default_domain: For names without one.
            full_names: Whether Dovecot's users have a domain,
                ``local@domain``; else they are the local parts of the default
                domain.
            service: What Dovecot is told of who asks, where that is not known.
            seconds: A clock.
        """
        super().__init__(default_domain, seconds)
        self._passwords = passwords
        self._lookups = lookups
        self._full_names = full_names
        self._service = service
        if lookups is not None:
            alsoProvides(self, IUserDirectory)

    def close(self) -> None:
        """Close the connections."""
        self._passwords.close()
        if self._lookups is not None:
            self._lookups.close()

    async def check(self, credentials: Any) -> AvatarId:
        """Return the canonical address of whom Dovecot lets in.

        Raises:
            UnauthorizedLogin: No such user, not this password, or not to come in.
            TemporaryFailure: Dovecot cannot tell, or does not answer.
        """
        password: bytes = credentials.password
        try:
            name = self._name(credentials.username.decode("utf-8"))
        except UnicodeDecodeError:
            raise UnauthorizedLogin("the name is not UTF-8") from None
        asked = None if name is None else self._asked(name)
        if asked is None or not is_usable(password):
            raise UnauthorizedLogin("nobody has such a name or password")
        mind = mind_of(credentials)
        reply = await self._passwords.ask(
            partial(
                DovecotCodec.password,
                username=asked.encode(),
                password=password,
                service=mind.service if mind else self._service,
                client_address=mind.client_address if mind else None,
            )
        )
        if reply.verdict == "FAIL":
            # A flag in 2.2, a code since.
            code = reply.fields.get("code", "")
            if code in _TEMPORARY or "temp" in reply.fields:
                raise TemporaryFailure("Dovecot has trouble")
            raise UnauthorizedLogin(code or "refused")
        if reply.verdict != "OK":
            raise TemporaryFailure("Dovecot asks for more than a password")
        if "nologin" in reply.fields:
            raise UnauthorizedLogin("not to come in")
        return self._canonical(reply.user or asked).encode()

    async def look_up(self, name: AccountName) -> UserEntry | None:
        """Ask Dovecot who has an address.

        Raises:
            TemporaryFailure: Dovecot cannot tell, or does not answer.
        """
        assert self._lookups is not None
        asked = self._asked(name)
        if asked is None:
            return None
        reply = await self._lookups.ask(
            partial(DovecotCodec.user, name=asked, service=_LOOKUP_SERVICE)
        )
        if reply.verdict == "NOTFOUND":
            return None
        if reply.verdict != "USER":
            raise TemporaryFailure("Dovecot has trouble")
        extra = dict(reply.fields)
        return UserEntry(
            self._canonical(reply.user or asked),
            quota=_quota(extra),
            home=extra.pop("home", "") or None,
            extra=extra,
        )

    def _name(self, text: str) -> AccountName | None:
        return account_name(text, self._default_domain) if is_name(text) else None

    def _asked(self, name: AccountName) -> str | None:
        """Return what Dovecot calls a user, ``None`` if it cannot have him."""
        if self._full_names:
            return name.user
        return name.local if name.domain == self._default_domain else None

    def _canonical(self, user: str) -> str:
        """Return the address of a user of Dovecot's.

        Raises:
            TemporaryFailure: His name can be no address.
        """
        name = account_name(user, self._default_domain)
        if name is None:
            _log.error("Dovecot has a user whose name cannot be an address")
            raise TemporaryFailure("a user without an address")
        return name.user


def _quota(fields: Mapping[str, str]) -> int | None:
    """Return the quota in octets; what cannot be read is no bound."""
    size = fields.get("quota_storage_size", "")
    rule = fields.get("quota_rule", "")
    for part in rule.removeprefix("*:").split(":") if rule.startswith("*:") else ():
        kind, _, value = part.partition("=")
        if kind == "storage":
            # Without a unit it is KiB.
            size = f"{value}k" if value.isdigit() else value
        elif kind == "bytes":
            size = value
    try:
        return quota_octets(size)
    except ValueError:
        return None
