"""Checkers, directories and realms that say what they are told to."""

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm
from zope.interface import implementer

from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory, Mind, UserEntry


def mind(
    service: str = "imap", address: str | None = "192.0.2.1", secure: bool = True
) -> Mind:
    """Return where a login comes from."""
    return Mind(service, address, secure)


@implementer(ICredentialsChecker)
class Backend:
    """Knows some passwords.

    Attributes:
        passwords: By login name.
        asked: The credentials it was shown.
        away: Whether it cannot tell.
    """

    def __init__(
        self, passwords: dict[str, str], *interfaces: Any, domain: str = ""
    ) -> None:
        self.credentialInterfaces = interfaces or (IUsernamePassword,)
        self.passwords = passwords
        self.domain = domain
        self.asked: list[Any] = []
        self.away = False

    def requestAvatarId(self, credentials: Any) -> Any:
        self.asked.append(credentials)
        if self.away:
            raise TemporaryFailure("away")
        name = credentials.username.decode()
        if self.passwords.get(name) != credentials.password.decode():
            raise UnauthorizedLogin(f"not {credentials.password!r}")
        return f"{name}{self.domain}".encode()


@implementer(IUserDirectory)
class Directory:
    """Knows some users.

    Attributes:
        entries: By address.
        away: Whether it cannot tell.
    """

    def __init__(self, *entries: UserEntry) -> None:
        self.entries = {entry.address: entry for entry in entries}
        self.away = False

    async def find(self, address: str) -> UserEntry | None:
        if self.away:
            raise TemporaryFailure("away")
        return self.entries.get(address)


@implementer(IUserDirectory)
class KnowingBackend(Backend):
    """Knows its users without a password, too."""

    async def find(self, address: str) -> UserEntry | None:
        if self.away:
            raise TemporaryFailure("away")
        return UserEntry(address) if address in self.passwords else None


@implementer(IRealm)
class Realm:
    """Gives everybody an account that is the address."""

    def requestAvatar(self, avatarId: Any, mind: object, *interfaces: Any) -> Any:
        return interfaces[0], avatarId, lambda: None
