"""Threads that run at once, and what tests of checkers without a server share."""

import hashlib
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import TemporaryFailure


def sha(password: str) -> str:
    """Return a hash that is quick to make, and not the password itself."""
    digest = hashlib.sha256(password.encode()).digest()
    return "{SHA256}" + b64encode(digest).decode()


class ThreadsAtOnce:
    """Does as ``WorkerThreads``, but at once.

    Attributes:
        calls: What ran, with its arguments.
        full: Whether too many wait already.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.full = False

    async def run(self, call: Callable[..., Any], *args: Any) -> Any:
        """Call it."""
        if self.full:
            raise TemporaryFailure("too many wait for an answer")
        self.calls.append((call, *args))
        return call(*args)


class LoginCase(SynchronousTestCase):
    """A checker in ``self.checker``, and who gets in."""

    checker: Any

    def setUp(self) -> None:
        self.clock = Clock()
        self.threads: Any = ThreadsAtOnce()
        self.logged: list[str] = []

    def write(self, path: str, *lines: str) -> None:
        """Make a file have these lines, and let it be noticed."""
        with open(path, "wb") as file:
            file.write("\n".join(lines).encode())
        self.clock.advance(1)

    def login(self, name: str, password: str) -> Deferred[Any]:
        """Ask for somebody's avatar ID."""
        return self.checker.requestAvatarId(
            UsernamePassword(name.encode(), password.encode())
        )

    def assert_in(self, name: str, password: str, avatar_id: bytes) -> None:
        """Make sure somebody gets in, and as whom."""
        self.assertEqual(self.successResultOf(self.login(name, password)), avatar_id)

    def assert_out(self, name: str, password: str) -> None:
        """Make sure somebody does not."""
        self.failureResultOf(self.login(name, password), UnauthorizedLogin)

    def assert_unsure(self, name: str, password: str) -> None:
        """Make sure nobody is told that a password is wrong."""
        self.failureResultOf(self.login(name, password), TemporaryFailure)

    def find(self, address: str) -> Any:
        """Return what the directory says."""
        return self.successResultOf(Deferred.fromCoroutine(self.checker.find(address)))

    def assert_find_fails(self, address: str) -> None:
        """Make sure that it cannot be said now whether there is such a user."""
        self.failureResultOf(
            Deferred.fromCoroutine(self.checker.find(address)), TemporaryFailure
        )

    def verified(self) -> list[tuple[Any, ...]]:
        """Return the passwords and hashes compared so far, and forget them."""
        found = [call[1:] for call in self.threads.calls if len(call) == 3]
        self.threads.calls.clear()
        return found

    def warn(self, text: str, **values: object) -> None:
        """Take what is logged."""
        self.logged.append(text.format(**values))

    info = error = warn
