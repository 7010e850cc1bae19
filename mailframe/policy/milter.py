"""Filters of others, over the milter protocol: DKIM, antivirus, anything.

One connection for each client, as the protocol has it: the client and its HELO
are told, and answered, once; any number of messages follow. A milter that went
away is connected to anew for the next message. Mail that comes without a client
(``local``), and a client that an earlier check let in at once (ACCEPT), is told
of at MAIL.

It may add and change header fields, replace the body, add and take away
recipients, change the sender, quarantine, and choose replies. Parameters it gives a
sender or a recipient (DSN) are not looked at, as in Postfix.
"""

from collections.abc import Awaitable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from zope.interface import implementer

from mailframe.errors import MailError, TemporaryFailure
from mailframe.interfaces.check import (
    IDataCheck,
    IRejectionCheck,
    IVisitCheck,
    Verdict,
)
from mailframe.interfaces.content import IIntake
from mailframe.model.envelope import ForwardPath, Origin, ReversePath
from mailframe.policy.check import Indifferent
from mailframe.policy.client_name import client_name
from mailframe.policy.milter_connection import MilterConnection, MilterFactory
from mailframe.policy.milter_macros import Macros
from mailframe.policy.milter_message import MilterMessage
from mailframe.policy.milter_session import MilterSession
from mailframe.policy.resolver import Resolver


@implementer(IVisitCheck, IRejectionCheck, IDataCheck)
class Milter(Indifferent):
    """One milter."""

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        intake: IIntake,
        name: str = "milter",
        resolver: Resolver | None = None,
    ) -> None:
        """Prepare.

        Args:
            endpoint: Where it listens.
            intake: Where a body rests that it replaces.
            name: For the log and the reply.
            resolver: Asked what clients are called; ``None`` for never mind.
        """
        self._resolver = resolver
        self._endpoint = endpoint
        self._intake = intake
        self._name = name

    async def connect(self, origin: Origin) -> Verdict | None:
        """Connect, negotiate, and tell of the client."""
        session = await self._connected(origin)
        return await session.arrive(origin)

    async def helo(self, origin: Origin) -> Verdict | None:
        """Tell what the client calls itself; later, if a message is under way.

        That one goes on when the name is refused (RFC 5321 section 4.1.4).
        """
        session = self._session(origin)
        if session is None or session.talking:
            return None
        return await session.greet(origin)

    async def mail(
        self, memory: dict[str, object], origin: Origin, reverse_path: ReversePath
    ) -> Verdict | None:
        """Tell of the sender, and of what the milter has not heard before that."""
        session = self._session(origin)
        found = None
        if session is None:
            session = await self._connected(origin)
            if origin.visit is None:
                memory["session"] = session
            found = await session.arrive(origin)
        if found is None:
            found = await session.greet(origin)
        if found is not None:
            return found
        session.macros.mail(origin, reverse_path, str(memory.get("id", "")))
        memory["message"] = message = MilterMessage(session, self._intake)
        return await message.begin(reverse_path)

    async def rcpt(
        self, memory: dict[str, object], forward_path: ForwardPath
    ) -> Verdict | None:
        """Tell of a recipient."""
        return await _message(memory).recipient(forward_path)

    async def rejected(
        self, memory: dict[str, object], forward_path: ForwardPath, refusal: MailError
    ) -> None:
        """Tell of a recipient that is refused, if the milter wants to hear of it."""
        await _message(memory).rejected(forward_path, refusal)

    async def data(self, memory: dict[str, object]) -> Verdict | None:
        """Tell that the content comes."""
        return await _message(memory).data()

    def content(
        self, memory: dict[str, object], octets: bytes
    ) -> Awaitable[None] | None:
        """Pass content on; wait while the milter is slow."""
        passing = Deferred.fromCoroutine(_message(memory).content(octets))
        if passing.called:
            trouble: list[Any] = []
            passing.addErrback(trouble.append)
            if trouble:
                trouble[0].raiseException()
            return None
        return passing

    async def end(self, memory: dict[str, object]) -> Verdict | None:
        """Ask what it thinks of the whole message."""
        return await _message(memory).end()

    def over(self, memory: dict[str, object]) -> None:
        """Have it forget the message; say goodbye where no client is to do it."""
        message, session = memory.get("message"), memory.get("session")
        if isinstance(message, MilterMessage):
            message.leave()
        if isinstance(session, MilterSession):
            session.leave()
        memory.clear()

    def left(self, origin: Origin) -> None:
        """Say goodbye."""
        session = (origin.visit or {}).pop(self, None)
        if isinstance(session, MilterSession):
            session.leave()

    def _session(self, origin: Origin) -> MilterSession | None:
        """Return what the milter was told of a client, if it is still there."""
        session = (origin.visit or {}).get(self)
        if isinstance(session, MilterSession) and session.usable:
            return session
        return None

    async def _connected(self, origin: Origin) -> MilterSession:
        """Return a new connection, kept for as long as the client stays."""
        called = await client_name(self._resolver, origin)
        connecting: Any = self._endpoint.connect(MilterFactory())
        try:
            connection: MilterConnection = await connecting
        except (ConnectError, OSError) as error:
            raise TemporaryFailure(f"{self._name}: {type(error).__name__}") from None
        session = MilterSession(connection, Macros(origin, called))
        if origin.visit is not None:
            origin.visit[self] = session
        return session


def _message(memory: dict[str, object]) -> MilterMessage:
    message = memory.get("message")
    if not isinstance(message, MilterMessage):
        raise TemporaryFailure("the milter was not there for MAIL")
    return message
