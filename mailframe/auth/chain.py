"""Several checkers asked in order, and several directories likewise.

Source: DESIGN.md section 3 (``--auth`` is repeatable).
"""

from collections.abc import Sequence
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernameHashedPassword, IUsernamePassword
from twisted.cred.error import LoginFailed, UnauthorizedLogin
from twisted.internet.defer import CancelledError, Deferred
from zope.interface import implementer

from mailframe.auth.refusal import RefusedLogin
from mailframe.auth.trouble import tell_of
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory, UserEntry
from mailframe.interfaces.credentials import (
    IKerberosName,
    IScramKeySource,
    IScramSHA1,
    IScramSHA256,
    ISecurityContext,
    ISecurityContextSource,
    ISelectiveChecker,
)
from mailframe.model.scram_keys import ScramKeys
from mailframe.started import started

_PASSWORDS = (IUsernameHashedPassword, IScramSHA1, IScramSHA256)
"""Other ways to show that one knows a password."""

_SOURCES = {
    IScramSHA1: IScramKeySource,
    IScramSHA256: IScramKeySource,
    IKerberosName: ISecurityContextSource,
}
"""What a checker has to provide besides, to serve these credentials."""


@implementer(
    ICredentialsChecker, ISelectiveChecker, IScramKeySource, ISecurityContextSource
)
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
            UnauthorizedLogin: No checker lets these credentials in; the
                :class:`RefusedLogin` of one that could say why, if any did.
            TemporaryFailure: None did, and one could not tell.
        """
        return started(self._check(credentials))

    def serves(self, interface: Any) -> bool:
        """Tell whether a mechanism that makes these credentials may be offered.

        Another way to show a password is offered if it is one for the users
        of every checker for passwords: a client may try nothing else.
        """
        serving = self._serving(interface)
        if interface not in _PASSWORDS:
            return bool(serving)
        passwords = self._serving(IUsernamePassword)
        return bool(serving) and all(one in serving for one in passwords)

    async def scram_keys(self, username: bytes, digest: str) -> ScramKeys:
        """Return the keys of whoever knows the user; of nobody, the first's.

        Raises:
            TemporaryFailure: Nobody knows the user, and one could not tell.
        """
        unsure: TemporaryFailure | None = None
        decoy: ScramKeys | None = None
        wanted = {"sha1": IScramSHA1, "sha256": IScramSHA256}[digest]
        for checker in self._serving(wanted):
            try:
                keys: ScramKeys = await checker.scram_keys(username, digest)
            except TemporaryFailure as failure:
                unsure = failure
                continue
            except Exception as error:
                tell_of(checker, error)
                unsure = TemporaryFailure("a checker failed")
                continue
            if keys.known:
                return keys
            decoy = decoy or keys
        if unsure is not None or decoy is None:
            raise unsure or TemporaryFailure("no checker has keys now")
        return decoy

    async def security_context(self) -> ISecurityContext:
        """Begin a dialogue with the first checker for it.

        Raises:
            TemporaryFailure: There is none, or no key to accept with.
        """
        for checker in self._serving(IKerberosName):
            context: ISecurityContext = await checker.security_context()
            return context
        raise TemporaryFailure("no checker accepts tokens now")

    def _serving(self, interface: Any) -> list[Any]:
        """Return the checkers that serve these credentials now, in order."""
        source = _SOURCES.get(interface)
        return [
            one
            for one in self._checkers
            if any(interface.isOrExtends(base) for base in one.credentialInterfaces)
            and (source is None or source.providedBy(one))
            and (not ISelectiveChecker.providedBy(one) or one.serves(interface))
        ]

    async def _check(self, credentials: Any) -> bytes:
        unsure: TemporaryFailure | None = None
        refusal = UnauthorizedLogin("no checker accepts these credentials")
        for checker in self._checkers:
            if not any(
                interface.providedBy(credentials)
                for interface in checker.credentialInterfaces
            ):
                continue
            try:
                found = checker.requestAvatarId(credentials)
                avatar_id = await found if isinstance(found, Deferred) else found
            except RefusedLogin as failure:
                refusal = failure
            except LoginFailed:
                continue
            except TemporaryFailure as failure:
                unsure = failure
            except CancelledError:
                # Whoever asked has gone.
                raise
            except Exception as error:
                # A broken checker locks nobody out whom another knows, and
                # its trouble is not the password's.
                tell_of(checker, error)
                unsure = TemporaryFailure("a checker failed")
            else:
                return self._canonical(avatar_id)
        raise unsure or refusal

    def _canonical(self, avatar_id: Any) -> bytes:
        if not isinstance(avatar_id, bytes | str) or not avatar_id:
            raise UnauthorizedLogin("nobody in particular")
        name = (
            avatar_id
            if isinstance(avatar_id, str)
            else avatar_id.decode("utf-8", "replace")
        )
        if not name.isprintable() or "\ufffd" in name:
            raise UnauthorizedLogin("no name of anybody")
        local, at, domain = name.rpartition("@")
        if not at:
            local, domain = name, self._default_domain
        return f"{local}@{domain.lower()}".encode()


def chained(directories: Sequence[Any]) -> Any:
    """Return one directory for several; of one, that one itself."""
    return directories[0] if len(directories) == 1 else DirectoryChain(directories)


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
