"""Ask a slow backend once in a while, not at each login.

Clients come every few minutes, each with several connections. What was right is
remembered for a short time, as a keyed digest; what was wrong never.
"""

import hmac
import os
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import implementer

from mailframe.auth.around import Around
from mailframe.auth.login_mind import mind_of


@implementer(ICredentialsChecker)
class LoginCache(Around):
    """A checker whose right answers to passwords are remembered.

    A password that was changed, or a user who was closed, gets in for up to
    ``ttl`` seconds more, from where and into what service it was let in before.
    """

    def __init__(
        self,
        checker: Any,
        seconds: Callable[[], float],
        *,
        ttl: float = 60.0,
        size: int = 10_000,
    ) -> None:
        """Begin empty.

        Args:
            checker: The one to ask.
            seconds: A clock.
            ttl: Seconds an answer is good for, from when it was asked for.
            size: Answers remembered; the oldest goes first.
        """
        super().__init__(checker)
        self._seconds = seconds
        self._ttl = ttl
        self._size = size
        self._key = os.urandom(32)
        self._answers: OrderedDict[bytes, tuple[float, Any]] = OrderedDict()

    def requestAvatarId(self, credentials: Any) -> "Deferred[Any]":
        """Return the avatar ID, as it was told lately or is now.

        Raises:
            UnauthorizedLogin: The checker does not let it in.
            TemporaryFailure: The checker cannot tell.
        """
        if not IUsernamePassword.providedBy(credentials):
            return maybeDeferred(self.checker.requestAvatarId, credentials)
        return Deferred.fromCoroutine(self._check(credentials))

    async def _check(self, credentials: Any) -> Any:
        key = self._digest(credentials)
        now = self._seconds()
        until, avatar_id = self._answers.get(key, (0.0, None))
        if until > now:
            return avatar_id
        self._answers.pop(key, None)
        avatar_id = await maybeDeferred(self.checker.requestAvatarId, credentials)
        self._answers[key] = (now + self._ttl, avatar_id)
        if len(self._answers) > self._size:
            self._answers.popitem(last=False)
        return avatar_id

    def _digest(self, credentials: Any) -> bytes:
        # With the address and the service: a backend may decide by them. Each
        # with its length, so that no two rows are alike.
        mind = mind_of(credentials)
        parts = (
            mind.service.encode() if mind else b"",
            (mind.client_address or "").encode() if mind else b"",
            credentials.username,
            credentials.password,
        )
        octets = b"".join(b"%d:%b" % (len(part), part) for part in parts)
        return hmac.digest(self._key, octets, "sha256")
