"""Several servers, one after the other, and the connections kept to each.

Everything here blocks, and runs in several threads at a time.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from twisted.logger import Logger

from mailframe.auth.idle_connections import IdleConnections
from mailframe.auth.ldap.connection import LDAPConnection, Unanswered
from mailframe.auth.ldap.options import LDAPOptions, ServerAddress
from mailframe.auth.server_trouble import ServerTrouble
from mailframe.errors import TemporaryFailure

_log = Logger()
_T = TypeVar("_T")

Question = Callable[[LDAPConnection], _T]
"""Asks one connection; it may be called again, with another server's."""


class Servers:
    """The servers of one directory, the best of them first."""

    def __init__(
        self, options: LDAPOptions, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """Connect to none yet.

        Args:
            options: Which servers, and how.
            seconds: A clock.
        """
        self._options = options
        self._seconds = seconds
        self._servers = [_Server(one, options, seconds) for one in options.servers]

    def ask_as_service(self, question: Question[_T]) -> _T:
        """Return the first answer of a server; we are the service account.

        Raises:
            TemporaryFailure: No server answers.
        """
        return self._ask("service", question)

    def ask_as_user(self, question: Question[_T]) -> _T:
        """Return the first answer of a server; the question binds as it likes.

        Raises:
            TemporaryFailure: No server answers.
        """
        return self._ask("user", question)

    def close(self) -> None:
        """Close what is not in use."""
        for server in self._servers:
            server.close()

    def _ask(self, purpose: str, question: Question[_T]) -> _T:
        deadline = self._seconds() + self._options.limits.give_up
        # Those that failed a moment ago come last, in their order.
        for server in sorted(self._servers, key=_Server.is_down):
            if self._seconds() >= deadline:
                break
            try:
                answer = server.ask(purpose, question, deadline)
            except Unanswered as error:
                server.failed(str(error))
            else:
                server.answered()
                return answer
        raise TemporaryFailure("no LDAP server answers")


class _Server:
    """One server: its connections that wait for work, and whether it works."""

    def __init__(
        self, address: ServerAddress, options: LDAPOptions, seconds: Callable[[], float]
    ) -> None:
        self._address = address
        self._options = options
        self._seconds = seconds
        self._idle: dict[str, IdleConnections[LDAPConnection]] = {
            purpose: IdleConnections(options.limits.idle, seconds)
            for purpose in ("service", "user")
        }
        self._down_until = 0.0
        self._trouble = ServerTrouble(_log, address.url)

    def is_down(self) -> bool:
        return self._seconds() < self._down_until

    def ask(self, purpose: str, question: Question[_T], deadline: float) -> _T:
        """Ask on a connection that waits, else on a new one.

        Raises:
            Unanswered: The server does not work.
        """
        kept = self._idle[purpose].take()
        if kept is not None:
            try:
                return self._use(kept, purpose, question, deadline)
            except Unanswered:
                # It may have been closed long ago; so may the others be.
                self.close()
        fresh = LDAPConnection(self._address, self._options, deadline, self._seconds)
        if purpose == "service":
            try:
                fresh.bind_service()
            except Unanswered:
                fresh.close()
                raise
        return self._use(fresh, purpose, question, deadline)

    def failed(self, why: str) -> None:
        """Ask this one last for a while; told in the log once for each reason."""
        self._down_until = self._seconds() + self._options.limits.retry
        self._trouble.tell(why)

    def answered(self) -> None:
        """Ask this one in its turn again."""
        self._down_until = 0.0
        self._trouble.over()

    def close(self) -> None:
        for idle in self._idle.values():
            idle.close()

    def _use(
        self,
        connection: LDAPConnection,
        purpose: str,
        question: Question[_T],
        deadline: float,
    ) -> _T:
        connection.until(deadline)
        try:
            answer = question(connection)
        except BaseException:
            connection.close()
            raise
        self._idle[purpose].give(connection)
        return answer
