"""Postfix's policy services, asked at the states the operator names.

Connections are kept and used again, a few at a time; a service that closed one
meanwhile is asked once more on a fresh one.
"""

from collections import deque
from collections.abc import Collection
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from mailframe.errors import BadSyntax, TemporaryFailure
from mailframe.interfaces.check import IDataCheck, IInquiryCheck, Verdict
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, Origin, ReversePath
from mailframe.policy import delegation_codec as codec
from mailframe.policy.check import Indifferent
from mailframe.policy.client_name import client_name
from mailframe.policy.delegation_attributes import of_client, of_recipients
from mailframe.policy.resolver import Resolver

STATES = ("connect", "helo", "mail", "rcpt", "data", "end", "vrfy", "etrn")
"""When a service can be asked; ``end`` is Postfix's END-OF-MESSAGE."""

USUAL_STATES = ("rcpt",)
"""When it is asked if nobody says otherwise."""


class _Connection(Protocol):
    """Asks one question at a time."""

    def __init__(self) -> None:
        self._reader = codec.AnswerReader()
        self._wanted: Deferred[str] | None = None
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        """Give the answer to whoever waits."""
        transport: Any = self.transport
        try:
            answers = self._reader.receive(data)
        except BadSyntax as error:
            self._give(error)
            transport.abortConnection()
            return
        if len(answers) > 1 or (answers and self._wanted is None):
            # Not what was asked: nothing it says can be believed any more.
            transport.abortConnection()
        if answers:
            self._give(answers[0])

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell whoever waits."""
        self.lost = True
        self._give(TemporaryFailure("the policy service went away"))

    async def ask(self, question: bytes) -> str:
        """Return the action the service wants."""
        transport: Any = self.transport
        wanted = self._wanted = Deferred()
        transport.write(question)
        return await wanted

    def _give(self, answer: str | Exception) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is None or wanted.called:
            return
        if isinstance(answer, Exception):
            wanted.errback(answer)
        else:
            wanted.callback(answer)


class _Factory(Factory):
    noisy = False
    protocol = _Connection


@implementer(IDataCheck, IInquiryCheck)
class PolicyService(Indifferent):
    """One policy service."""

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        *,
        states: Collection[str] = USUAL_STATES,
        connections: int = 20,
        context: str = "",
        resolver: Resolver | None = None,
    ) -> None:
        """Prepare.

        Args:
            endpoint: Where it listens.
            states: When it is asked, some of :data:`STATES`.
            connections: How many there may be at the same time.
            context: The attribute ``policy_context``.
            resolver: Asked what clients are called; ``None`` for never mind.
        """
        self._resolver = resolver
        self._endpoint = endpoint
        self._states = frozenset(states)
        self._context = context
        self._idle: deque[Any] = deque()
        self._turns = DeferredSemaphore(connections)
        self._instances = 0

    async def connect(self, origin: Origin) -> Verdict | None:
        """Ask about a client."""
        return await self._ask_of_client("connect", origin, "CONNECT")

    async def helo(self, origin: Origin) -> Verdict | None:
        """Ask about what it calls itself."""
        verb = "HELO" if origin.protocol == "SMTP" else "EHLO"
        return await self._ask_of_client("helo", origin, verb)

    async def vrfy(self, origin: Origin, text: str) -> Verdict | None:
        """Ask whether it may ask about an address."""
        return await self._ask_of_client("vrfy", origin, "VRFY", recipient=text)

    async def etrn(self, origin: Origin, domain: str) -> Verdict | None:
        """Ask whether it may have a queue started."""
        return await self._ask_of_client("etrn", origin, "ETRN", etrn_domain=domain)

    async def mail(
        self, memory: dict[str, object], origin: Origin, reverse_path: ReversePath
    ) -> Verdict | None:
        """Note what every question of this message has in it; ask about the sender."""
        self._instances += 1
        sender = reverse_path.address
        memory["common"] = {
            **await self._attributes(origin),
            "queue_id": str(memory.get("id", "")),
            "instance": f"mailframe.{self._instances}",
            "sender": str(sender) if sender is not None else "",
            "sasl_sender": reverse_path.auth or "",
            "size": str(reverse_path.size or 0),
        }
        memory["size"] = 0
        return await self._ask_of_message("mail", memory, "MAIL", {})

    async def rcpt(
        self, memory: dict[str, object], forward_path: ForwardPath
    ) -> Verdict | None:
        """Ask about one recipient."""
        recipient = {"recipient": str(forward_path.address)}
        return await self._ask_of_message("rcpt", memory, "RCPT", recipient)

    async def data(self, memory: dict[str, object]) -> Verdict | None:
        """Ask whether the content may come."""
        told = of_recipients(_recipients(memory))
        return await self._ask_of_message("data", memory, "DATA", told)

    def content(self, memory: dict[str, object], octets: bytes) -> None:
        """Count it."""
        size = memory["size"]
        assert isinstance(size, int)
        memory["size"] = size + len(octets)

    async def end(self, memory: dict[str, object]) -> Verdict | None:
        """Ask about the whole message."""
        told = of_recipients(_recipients(memory)) | {"size": str(memory["size"])}
        return await self._ask_of_message("end", memory, "END-OF-MESSAGE", told)

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._idle:
            self._idle.pop().transport.loseConnection()

    async def _attributes(self, origin: Origin) -> dict[str, str]:
        called = await client_name(self._resolver, origin)
        return {**of_client(origin, called), "policy_context": self._context}

    async def _ask_of_client(
        self, state: str, origin: Origin, name: str, **more: str
    ) -> Verdict | None:
        if state not in self._states:
            return None
        told = await self._attributes(origin)
        return await self._ask({**told, "protocol_state": name, **more}, {})

    async def _ask_of_message(
        self, state: str, memory: dict[str, object], name: str, more: dict[str, str]
    ) -> Verdict | None:
        if state not in self._states:
            return None
        common: Any = memory["common"]
        return await self._ask({**common, "protocol_state": name, **more}, memory)

    async def _ask(
        self, attributes: dict[str, str], memory: dict[str, object]
    ) -> Verdict | None:
        question = codec.question(attributes)
        await self._turns.acquire()
        try:
            return codec.verdict(await self._asked(question, memory))
        finally:
            self._turns.release()

    async def _asked(self, question: bytes, memory: dict[str, object]) -> str:
        """Return an action, over a connection that is kept if there is one.

        That of the message before it, if it is free: a service that is a process for
        each connection remembers messages by their ``instance``.
        """
        connection = self._kept(memory.get("connection"))
        if connection is not None:
            try:
                return await self._through(connection, question, memory)
            except TemporaryFailure:
                # It was closed while nobody looked.
                pass
        try:
            connection = await self._endpoint.connect(_Factory())
        except (ConnectError, OSError) as error:
            raise TemporaryFailure(f"policy service: {type(error).__name__}") from None
        return await self._through(connection, question, memory)

    async def _through(
        self, connection: Any, question: bytes, memory: dict[str, object]
    ) -> str:
        try:
            action: str = await connection.ask(question)
        except BaseException:
            # Whose answer the next one would be, nobody knows.
            connection.transport.abortConnection()
            raise
        if not connection.lost:
            self._idle.append(connection)
            memory["connection"] = connection
        return action

    def _kept(self, wanted: object) -> Any:
        """Return a connection that is free, this one if it is."""
        if wanted in self._idle:
            self._idle.remove(wanted)
            self._idle.append(wanted)
        while self._idle:
            connection = self._idle.pop()
            if not connection.lost:
                return connection
        return None


def _recipients(memory: dict[str, object]) -> list[Address]:
    found = memory["recipients"]
    assert isinstance(found, list)
    return found
