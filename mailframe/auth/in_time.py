"""A checker whose every answer comes in time: nobody's client waits for ever.

Whatever is within may hang, or break in a way nobody foresaw; the login is then
deferred, and the session goes on.
"""

from collections.abc import Awaitable, Coroutine
from types import CoroutineType
from typing import Any, TypeVar

from twisted.cred.error import LoginFailed
from twisted.internet import defer
from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import implementer

from mailframe.auth.around import Around
from mailframe.auth.trouble import tell_of
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory, UserEntry
from mailframe.interfaces.credentials import ISecurityContext
from mailframe.model.scram_keys import ScramKeys
from mailframe.started import going_on, started

LOGIN_SECONDS = 60.0
"""More than each of our own backends takes until it gives up."""

_T = TypeVar("_T")


class InTime(Around):
    """Ask another checker, and wait so long and no longer."""

    def __init__(
        self, checker: Any, clock: Any, seconds: float = LOGIN_SECONDS
    ) -> None:
        """Ask ``checker``.

        Args:
            checker: The one to ask.
            clock: Provides ``IReactorTime``.
            seconds: How long one answer may take.
        """
        super().__init__(checker)
        self._clock = clock
        self._seconds = seconds

    def requestAvatarId(self, credentials: Any) -> "Deferred[Any]":
        """Return the avatar ID.

        Raises:
            LoginFailed: The checker does not let it in.
            TemporaryFailure: It cannot tell, broke, or took too long.
        """
        asked = maybeDeferred(self.checker.requestAvatarId, credentials)
        return started(self._answer(asked))

    async def scram_keys(self, username: bytes, digest: str) -> ScramKeys:
        """Return the keys of a user.

        Raises:
            TemporaryFailure: As :meth:`requestAvatarId`.
        """
        return await self._answer(super().scram_keys(username, digest))

    async def security_context(self) -> ISecurityContext:
        """Begin a dialogue.

        Raises:
            TemporaryFailure: As :meth:`requestAvatarId`.
        """
        return await self._answer(super().security_context())

    async def _answer(self, asked: Awaitable[_T]) -> _T:
        return await in_time(self.checker, asked, self._clock, self._seconds)


@implementer(IUserDirectory)
class DirectoryInTime:
    """Ask another directory, and wait so long and no longer."""

    def __init__(
        self, directory: Any, clock: Any, seconds: float = LOGIN_SECONDS
    ) -> None:
        """Ask ``directory``; the rest as for :class:`InTime`."""
        self._directory = directory
        self._clock = clock
        self._seconds = seconds

    def find(self, address: str) -> Coroutine[Any, Any, UserEntry | None]:
        """Look an address up.

        Raises:
            TemporaryFailure: The directory cannot tell, broke, or took too long.
        """
        asked = self._directory.find(address)
        return in_time(self._directory, asked, self._clock, self._seconds)


async def in_time(who: Any, asked: Awaitable[_T], clock: Any, seconds: float) -> _T:
    """Return an answer.

    Args:
        who: Who was asked.
        asked: Gives the answer.
        clock: Provides ``IReactorTime``.
        seconds: How long it may take.

    Raises:
        LoginFailed: It does.
        TemporaryFailure: It raises this or anything else, or takes too long.
    """
    work: Coroutine[Any, Any, _T] = (
        asked if isinstance(asked, CoroutineType) else _waited_for(asked)
    )
    try:
        awaited = work.send(None)
        return await going_on(work, awaited).addTimeout(seconds, clock)
    except StopIteration as end:
        # As nearly always: it did not have to wait.
        answer: _T = end.value
        return answer
    except defer.TimeoutError:
        raise TemporaryFailure("no answer in time") from None
    except (LoginFailed, TemporaryFailure, defer.CancelledError):
        raise
    except Exception as error:
        tell_of(who, error)
        raise TemporaryFailure("a checker failed") from None


async def _waited_for(asked: Awaitable[_T]) -> _T:
    return await asked
