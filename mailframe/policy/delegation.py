"""Postfix's policy services: asked at each recipient, and once at the end.

Connections are kept and used again, a few at a time; a service that closed one
meanwhile is asked once more on a fresh one.
"""

from collections import deque
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from mailframe.errors import BadSyntax, TemporaryFailure
from mailframe.interfaces.check import Decision, Verdict
from mailframe.model.envelope import ForwardPath, Origin, ReversePath
from mailframe.policy import delegation_codec as codec
from mailframe.policy.check import Indifferent
from mailframe.policy.client_name import client_name
from mailframe.policy.resolver import Resolver
from mailframe.smtp.client_commands import xtext


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


class PolicyService(Indifferent):
    """One policy service."""

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        *,
        at_end: bool = False,
        connections: int = 20,
        context: str = "",
        resolver: Resolver | None = None,
    ) -> None:
        """Prepare.

        Args:
            endpoint: Where it listens.
            at_end: Whether it is asked at the end of the message, too.
            connections: How many there may be at the same time.
            context: The attribute ``policy_context``.
            resolver: Asked what clients are called; ``None`` for never mind.
        """
        self._resolver = resolver
        self._endpoint = endpoint
        self._at_end = at_end
        self._context = context
        self._idle: deque[Any] = deque()
        self._turns = DeferredSemaphore(connections)
        self._instances = 0

    async def mail(
        self, memory: dict[str, object], origin: Origin, reverse_path: ReversePath
    ) -> Verdict | None:
        """Note what every question of this message has in it."""
        self._instances += 1
        sender = reverse_path.address
        called = await client_name(self._resolver, origin)
        memory["common"] = {
            "request": "smtpd_access_policy",
            "protocol_name": "SMTP" if origin.protocol == "SMTP" else "ESMTP",
            "helo_name": origin.helo,
            "queue_id": str(memory.get("id", "")),
            "instance": f"mailframe.{self._instances}",
            "client_address": origin.client_address or "127.0.0.1",
            "client_port": _number(origin.client_port),
            "client_name": called.verified,
            "reverse_client_name": called.reverse,
            "sender": str(sender) if sender is not None else "",
            "recipient_count": "0",
            "sasl_method": origin.login_method,
            "sasl_username": origin.user or "",
            "sasl_sender": reverse_path.auth or "",
            "size": str(reverse_path.size or 0),
            "ccert_subject": xtext(origin.tls_subject or ""),
            "encryption_protocol": (origin.tls or "").partition(" ")[0],
            "encryption_cipher": (origin.tls or "").partition(" ")[2],
            "encryption_keysize": str(origin.tls_bits),
            "etrn_domain": "",
            "stress": "",
            "server_address": origin.server_address or "",
            "server_port": _number(origin.server_port),
            "policy_context": self._context,
        }
        memory["taken"] = []
        memory["size"] = 0
        return None

    async def rcpt(
        self, memory: dict[str, object], forward_path: ForwardPath
    ) -> Verdict | None:
        """Ask about one recipient."""
        found = await self._ask(
            memory, protocol_state="RCPT", recipient=str(forward_path.address)
        )
        if found is None or found.decision not in (Decision.REFUSE, Decision.DEFER):
            _taken(memory).append(str(forward_path.address))
        return found

    def content(self, memory: dict[str, object], octets: bytes) -> None:
        """Count it."""
        size = memory["size"]
        assert isinstance(size, int)
        memory["size"] = size + len(octets)

    async def end(self, memory: dict[str, object]) -> Verdict | None:
        """Ask about the whole message, where that is wanted."""
        if not self._at_end:
            return None
        taken = _taken(memory)
        return await self._ask(
            memory,
            protocol_state="END-OF-MESSAGE",
            recipient=taken[0] if len(taken) == 1 else "",
            recipient_count=str(len(taken)),
            size=str(memory["size"]),
        )

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._idle:
            self._idle.pop().transport.loseConnection()

    async def _ask(self, memory: dict[str, object], **more: str) -> Verdict | None:
        common: Any = memory["common"]
        question = codec.question({**common, **more})
        await self._turns.acquire()
        try:
            return codec.verdict(await self._asked(question))
        finally:
            self._turns.release()

    async def _asked(self, question: bytes) -> str:
        """Return an action, over a connection that is kept if there is one."""
        connection = self._kept()
        if connection is not None:
            try:
                return await self._through(connection, question)
            except TemporaryFailure:
                # It was closed while nobody looked.
                pass
        try:
            connection = await self._endpoint.connect(_Factory())
        except (ConnectError, OSError) as error:
            raise TemporaryFailure(f"policy service: {type(error).__name__}") from None
        return await self._through(connection, question)

    async def _through(self, connection: Any, question: bytes) -> str:
        try:
            action: str = await connection.ask(question)
        except BaseException:
            # Whose answer the next one would be, nobody knows.
            connection.transport.abortConnection()
            raise
        if not connection.lost:
            self._idle.append(connection)
        return action

    def _kept(self) -> Any:
        while self._idle:
            connection = self._idle.pop()
            if not connection.lost:
                return connection
        return None


def _taken(memory: dict[str, object]) -> list[str]:
    taken = memory["taken"]
    assert isinstance(taken, list)
    return taken


def _number(number: int | None) -> str:
    return "" if number is None else str(number)
