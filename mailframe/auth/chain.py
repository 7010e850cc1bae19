"""Several checkers asked in order, and several directories likewise.

Source: DESIGN.md section 3 (``--auth`` is repeatable).
"""

from collections.abc import Sequence
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import LoginFailed, UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory, UserEntry

_log = Logger()


@implementer(ICredentialsChecker)
class CheckerChain:
    """Let in whoever one of the checkers lets in.

    The avatar ID becomes a canonical address whatever the checker says: a
    name without a domain gets the default domain, and the domain is in lower
    case.
    """

    def __init__(self, checkers: Sequence[Any], default_domain: str) -> None:
        """Ask ``checkers`` in their order.

        Args:
            checkers: Each provides ``ICredentialsChecker``.
            default_domain: For names without one.
        """
        self._checkers = checkers
        self._default_domain = default_domain
        self.credentialInterfaces = tuple(
            dict.fromkeys(
                interface
                for checker in checkers
                for interface in checker.credentialInterfaces
            )
        )

    def requestAvatarId(self, credentials: Any) -> "Deferred[bytes | tuple[()]]":
        """Return the canonical address, or fail.

        Raises:
            UnauthorizedLogin: No checker lets these credentials in.
            TemporaryFailure: None did, and one could not tell.
        """
        return Deferred.fromCoroutine(self._check(credentials))

    async def _check(self, credentials: Any) -> bytes:
        unsure: TemporaryFailure | None = None
        for checker in self._checkers:
            if not any(
                interface.providedBy(credentials)
                for interface in checker.credentialInterfaces
            ):
                continue
            try:
                found = checker.requestAvatarId(credentials)
                avatar_id = await found if isinstance(found, Deferred) else found
            except LoginFailed:
                continue
            except TemporaryFailure as failure:
                unsure = failure
            except Exception:
                # A broken checker locks nobody out whom another knows, and
                # its trouble is not the password's.
                _log.failure("{checker!r} failed", checker=type(checker).__name__)
                unsure = TemporaryFailure("a checker failed")
            else:
                return self._canonical(avatar_id)
        if unsure is not None:
            raise unsure
        raise UnauthorizedLogin("no checker accepts these credentials")

    def _canonical(self, avatar_id: Any) -> bytes:
        if not isinstance(avatar_id, bytes | str) or not avatar_id:
            raise UnauthorizedLogin("nobody in particular")
        name = avatar_id if isinstance(avatar_id, str) else avatar_id.decode()
        local, at, domain = name.rpartition("@")
        if not at:
            local, domain = name, self._default_domain
        return f"{local}@{domain.lower()}".encode()


@implementer(IUserDirectory)
class DirectoryChain:
    """Know every user that one of the directories knows."""

    def __init__(self, directories: Sequence[Any]) -> None:
        """Ask ``directories`` in their order.

        Args:
            directories: Each provides ``IUserDirectory``.
        """
        self._directories = directories

    async def find(self, address: str) -> UserEntry | None:
        """Return the first answer.

        Raises:
            TemporaryFailure: Nobody knows the address, and one could not be
                asked.
        """
        unsure: TemporaryFailure | None = None
        for directory in self._directories:
            try:
                entry: UserEntry | None = await directory.find(address)
            except TemporaryFailure as failure:
                unsure = failure
            else:
                if entry is not None:
                    return entry
        if unsure is not None:
            raise unsure
        return None
