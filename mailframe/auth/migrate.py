"""Move users from one backend to another without asking anybody for a new password.

Whoever logs in for the first time is checked against the old backend; what was
typed is then stored as a hash of ours, and the old backend is not needed for that
user any more.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import LoginFailed, UnauthorizedLogin
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from zope.interface import implementer

from mailframe.auth.account_name import account_name
from mailframe.auth.chain import chained
from mailframe.auth.passwd_file import PasswdFile
from mailframe.auth.password_hash import hash_argon2id
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory, UserEntry

_log = Logger()


@implementer(ICredentialsChecker, IUserDirectory)
class MigratingChecker:
    """Let in whom the new file knows, else whom the old backend does, and store those.

    Once a user is in the new file, the old backend is not believed any more: a
    password that was changed since is not right again through it.
    """

    credentialInterfaces = (IUsernamePassword,)

    def __init__(
        self,
        old: Any,
        new: Any,
        file: PasswdFile,
        default_domain: str,
        run: Callable[..., Awaitable[Any]],
    ) -> None:
        """Move users from ``old`` to ``new``.

        Args:
            old: A checker for passwords.
            new: The checker of ``file``; provides ``IUserDirectory``, too.
            file: Where new hashes go.
            default_domain: For names without one.
            run: Calls a function with arguments in a thread.
        """
        self._old = old
        self._new = new
        self._file = file
        self._default_domain = default_domain
        self._run = run
        # The old one first: it has aliases and quotas, the new file hashes only.
        directories = [one for one in (old, new) if IUserDirectory.providedBy(one)]
        self._directory = chained(directories)

    def requestAvatarId(self, credentials: Any) -> "Deferred[Any]":
        """Return the canonical address, or fail.

        Raises:
            UnauthorizedLogin: Neither lets these in.
            TemporaryFailure: One that has to be asked cannot tell.
        """
        return Deferred.fromCoroutine(self._check(credentials))

    async def find(self, address: str) -> UserEntry | None:
        """Return who has the address, in the old backend or in the new file.

        Raises:
            TemporaryFailure: Nobody knows it, and one could not be asked.
        """
        entry: UserEntry | None = await self._directory.find(address)
        return entry

    async def _check(self, credentials: Any) -> Any:
        name = credentials.username.decode("utf-8", "replace")
        moved = await self._is_moved(name)
        try:
            return await maybeDeferred(self._new.requestAvatarId, credentials)
        except LoginFailed:
            # Everybody waits for both: nobody learns by the time who has moved,
            # or who there is.
            pass
        try:
            avatar_id = await maybeDeferred(self._old.requestAvatarId, credentials)
        except (LoginFailed, TemporaryFailure):
            if moved:
                raise UnauthorizedLogin("no such user, or not this password") from None
            raise
        address = self._canonical(avatar_id)
        # The old backend may know somebody by another name than the file does.
        if moved or await self._is_moved(address):
            raise UnauthorizedLogin("no such user, or not this password")
        await self._store(address, credentials.password)
        return address.encode()

    async def _is_moved(self, name: str) -> bool:
        found = account_name(name, self._default_domain)
        return found is not None and await self._new.find(found.user) is not None

    async def _store(self, address: str, password: bytes) -> None:
        """Keep a hash; whoever has the right password comes in even so."""
        try:
            stored = await self._run(hash_argon2id, password)
            await self._run(self._file.add, address, stored)
        except OSError as error:
            _log.error(
                "{address} was not moved: {why}", address=address, why=error.strerror
            )
        except TemporaryFailure:
            _log.warn("{address} was not moved: too much to do", address=address)
        except ValueError:
            # Another connection of the same client was first, as a rule.
            _log.info("{address} was not moved: it cannot be added", address=address)
        else:
            _log.info("{address} was moved", address=address)

    def _canonical(self, avatar_id: Any) -> str:
        text = avatar_id if isinstance(avatar_id, str) else bytes(avatar_id).decode()
        name = account_name(text, self._default_domain)
        if name is None:
            raise UnauthorizedLogin("nobody in particular")
        return name.user
