"""Check passwords and look users up in a passwd-file.

Source: RFC 4616 section 2 (what PLAIN asks of a checker), RFC 5802 section 9.
"""

import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernameHashedPassword, IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from zope.interface import implementer

from mailframe.auth import challenge_secrets
from mailframe.auth.bad_lines import tell_bad_lines, tell_damaged_hash
from mailframe.auth.challenge_secrets import ChallengeSecrets
from mailframe.auth.default_domain import InDefaultDomain
from mailframe.auth.hash_logins import HashLogins
from mailframe.auth.networks import check_fields
from mailframe.auth.passwd_line import PasswdUser, is_name, parse_lines
from mailframe.auth.passwd_table import PasswdTable
from mailframe.auth.password_hash import scheme_of, verify
from mailframe.auth.refusal import RefusedLogin
from mailframe.auth.table_checker import AvatarId
from mailframe.auth.watched_file import WatchedFile
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory, UserEntry
from mailframe.interfaces.credentials import (
    IClientCertificate,
    IScramKeySource,
    IScramProof,
    ISelectiveChecker,
)
from mailframe.model.scram_keys import ScramKeys
from mailframe.started import started

_log = Logger()

_WAITING = 1000
"""Logins that may wait for their turn to be verified."""

_NETWORKS = frozenset({"allow_nets", "deny_nets"})


class _Read(NamedTuple):
    """What one version of the file means."""

    table: PasswdTable
    secrets: ChallengeSecrets


@implementer(ICredentialsChecker, IUserDirectory, ISelectiveChecker, IScramKeySource)
class PasswdFileChecker(InDefaultDomain):
    """Let in, and know, the users of one file; what changes in it counts at once."""

    credentialInterfaces = (
        IUsernamePassword,
        *challenge_secrets.INTERFACES,
        IClientCertificate,
    )

    def __init__(
        self,
        path: str,
        default_domain: str = "localhost",
        *,
        seconds: Callable[[], float] = time.monotonic,
        run: Callable[..., Deferred[Any]] = deferToThread,
        verifiers: int = 4,
        decoy_key: bytes | None = None,
    ) -> None:
        """Use the file ``path``; it is first read when somebody asks.

        Args:
            path: The file.
            default_domain: For names without one.
            seconds: A clock.
            run: Calls a function with arguments in a thread.
            verifiers: Passwords verified at a time; each may take a thread,
                a processor and the memory its scheme asks for.
            decoy_key: Secret octets, 32 or more, of which the salts of unknown
                users are made; the same in every process and after a restart,
                or those would tell who is no user. ``None``: other ones in
                each process.
        """
        super().__init__(default_domain)
        self._run = run
        self._path = os.path.abspath(path)
        self._file = WatchedFile(self._path, self._parse, seconds, run)
        self._last: _Read | None = None
        self._verifiers = DeferredSemaphore(verifiers)
        self._logins = HashLogins(
            self._table,
            self._verify,
            lambda number, why: tell_damaged_hash(_log, self._path, number, why),
            seconds=seconds,
            decoy_key=decoy_key or os.urandom(32),
        )

    @property
    def decoy_key(self) -> bytes:
        """Of which the salts of unknown users are made."""
        return self._logins.decoy_key

    @decoy_key.setter
    def decoy_key(self, key: bytes) -> None:
        self._logins.decoy_key = key
        self.forget()

    def forget(self) -> None:
        """Read the file again when it is next asked for."""
        self._file.expire()

    def requestAvatarId(self, credentials: Any) -> "Deferred[AvatarId]":
        """Return the canonical address ``local@domain`` in UTF-8.

        Raises:
            UnauthorizedLogin: No such user, or not this password; or, as
                :class:`RefusedLogin`, the user's line does not allow it:
                ``nologin``, ``allow_nets``, ``deny_nets``, ``services``.
            TemporaryFailure: The file was never readable, or too many wait.
        """
        return started(self._admitted(credentials))

    async def _admitted(self, credentials: Any) -> AvatarId:
        if IUsernamePassword.providedBy(credentials):
            found = self._logins.user(credentials.username, credentials.password)
        elif IScramProof.providedBy(credentials):
            found = self._check_proof(credentials)
        elif IUsernameHashedPassword.providedBy(credentials):
            found = self._check_digest(credentials)
        else:
            found = self._check_certificate(credentials)
        user, address = await found
        mind = getattr(credentials, "mind", None)
        if mind is None and _NETWORKS & user.extra.keys():
            # Whoever asks does not know where from: not from everywhere.
            raise RefusedLogin("network")
        check_fields(user.extra, mind)
        return address.encode()

    def serves(self, interface: Any) -> bool:
        """Tell whether everyone in the file can log in with such credentials.

        ``False`` for challenges until the file was read for the first time.
        """
        if interface not in challenge_secrets.INTERFACES:
            return True
        # What was read last is looked at; this looks whether it is still true.
        Deferred.fromCoroutine(self._read()).addErrback(lambda failure: None)
        return self._last is not None and self._last.secrets.serves(interface)

    async def scram_keys(self, username: bytes, digest: str) -> ScramKeys:
        """Return the keys of a user; of nobody, keys that fit no password.

        Raises:
            TemporaryFailure: The file was never readable, or too many wait.
        """
        read = await self._read()
        _, stored, name = _looked_up(read.table, username)
        keys: ScramKeys = await self._in_turn(
            read.secrets.scram_keys, stored, name, digest
        )
        return keys

    async def find(self, address: str) -> UserEntry | None:
        """Return the user who has this address as a name or an alias.

        Raises:
            TemporaryFailure: The file was never readable.
        """
        return (await self._read()).table.entry(address)

    async def _check_proof(self, credentials: Any) -> tuple[PasswdUser, str]:
        table = (await self._read()).table
        keys = await self.scram_keys(credentials.username, credentials.digest)
        user, _, _ = _looked_up(table, credentials.username)
        if credentials.proven_by(keys) and user is not None:
            return user, table.canonical(user.name)
        raise UnauthorizedLogin("no such user, or not this password")

    async def _check_digest(self, credentials: Any) -> tuple[PasswdUser, str]:
        table, secrets = await self._read()
        user, stored, name = _looked_up(table, credentials.username)
        if secrets.checks(stored, name, credentials) and user is not None:
            return user, table.canonical(user.name)
        raise UnauthorizedLogin("no such user, or not this password")

    async def _check_certificate(self, credentials: Any) -> tuple[PasswdUser, str]:
        table = (await self._read()).table
        user, _, _ = _looked_up(table, credentials.subject.encode())
        if user is None:
            raise UnauthorizedLogin("the certificate is no user's")
        wanted = credentials.username
        if wanted is not None and _looked_up(table, wanted)[0] is not user:
            raise UnauthorizedLogin("the certificate is another user's")
        return user, table.canonical(user.name)

    async def _verify(self, password: bytes, stored: str) -> bool:
        """Verify a password; raises as ``verify`` and ``_in_turn``."""
        right: bool = await self._in_turn(verify, password, stored)
        return right

    async def _in_turn(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in a thread, when it is this one's turn.

        Raises:
            TemporaryFailure: Too many wait already, or memory is short.
        """
        if len(self._verifiers.waiting) >= _WAITING:
            raise TemporaryFailure("too many logins at a time")
        await self._verifiers.acquire()
        outcome: Deferred[Any] = Deferred()

        def done(result: Any) -> None:
            self._verifiers.release()
            if not outcome.called:
                outcome.callback(result)

        # A thread cannot be stopped. If the client goes away the outcome is
        # cancelled, yet the place is free only when the thread is.
        self._run(function, *arguments).addBoth(done)
        return await outcome

    async def _table(self) -> PasswdTable:
        return (await self._read()).table

    async def _read(self) -> _Read:
        read = await self._file.current()
        if read is not self._last:
            self._last = read
            tell_bad_lines(_log, self._path, read.table.troubles)
        return read

    def _parse(self, octets: bytes) -> _Read:
        table = PasswdTable(parse_lines(octets), self._default_domain)
        return _Read(table, ChallengeSecrets(table.hashes, self.decoy_key))


def _looked_up(
    table: PasswdTable, username: bytes
) -> tuple[PasswdUser | None, str, str]:
    """Return the user of a name, what is stored, and the name in one spelling.

    Nobody, and ``""``, if there is no such user who can log in; the spelling is
    there for everybody, and the same whatever case and domain were written.
    """
    name = username.decode("utf-8", "replace")
    user = table.named(name) if is_name(name) else None
    if user is not None and scheme_of(user.stored) is None:
        user = None
    return user, user.stored if user else "", table.canonical(name).casefold()
