"""What every test of a checker with threads and a real server needs."""

import os
from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet import reactor  # noqa: TID251 - real servers, real time
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from mailframe.errors import TemporaryFailure

REACTOR: Any = reactor


class HandTimed(Clock):
    """The reactor, but what is due by its clock waits until the test says so."""

    def __getattr__(self, name: str) -> Any:
        """Return all that has nothing to do with time."""
        return getattr(REACTOR, name)


class CheckerCase(TestCase):
    """Logs in and says what came of it; keeps what the backend logs."""

    timeout = 110

    def setUp(self) -> None:
        self.logged: list[str] = []

    def write(self, text: str) -> str:
        """Write a file; return its path."""
        path = os.path.abspath(self.mktemp())
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def login(self, checker: Any, name: str, password: str) -> Deferred[Any]:
        """Ask for somebody's avatar ID."""
        return checker.requestAvatarId(
            UsernamePassword(name.encode(), password.encode())
        )

    async def assert_in(
        self, checker: Any, name: str, password: str, avatar: str
    ) -> None:
        """Make sure somebody gets in, and as whom."""
        found = await self.login(checker, name, password)
        self.assertEqual(found, avatar.encode(), name)

    async def assert_out(self, checker: Any, name: str, password: str) -> None:
        """Make sure somebody does not, and the text does not say why."""
        error = await self.assertFailure(
            self.login(checker, name, password), UnauthorizedLogin
        )
        self.assertIn(
            str(error),
            (
                "no such user, or not this password",
                "nobody has such a name or password",
            ),
        )

    async def assert_unsure(self, checker: Any, name: str, password: str) -> None:
        """Make sure nobody is told that a password is wrong."""
        await self.assertFailure(self.login(checker, name, password), TemporaryFailure)

    async def assert_not_found(self, checker: Any, address: str) -> None:
        """Make sure that it cannot be said now whether there is such a user."""
        await self.assertFailure(
            Deferred.fromCoroutine(checker.find(address)), TemporaryFailure
        )

    def error(self, text: str, **values: object) -> None:
        """Take what is logged."""
        self.logged.append(text.format(**values))

    info = warn = error
