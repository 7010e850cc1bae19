"""What one milter hears of one client: one connection, from its arrival to QUIT.

What the milter decides at connect or HELO holds for all of the connection; what
it decides later, for one message (:mod:`mailframe.policy.milter_message`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from mailframe.errors import BadSyntax
from mailframe.interfaces.check import Verdict
from mailframe.model.envelope import Origin
from mailframe.policy import milter_codec as codec
from mailframe.policy.milter_connection import MilterConnection
from mailframe.policy.milter_macros import LOOPBACK, Macros
from mailframe.policy.milter_reply import verdict


class MilterSession:
    """One client, as one milter sees it.

    Attributes:
        macros: What is known of client and message.
        agreed: What both sides agreed on.
        over: Whether the milter wants to hear no more of this client.
        standing: What it then said of the client, ``None`` for yes.
        talking: Whether a message is under way.
    """

    def __init__(self, connection: MilterConnection, macros: Macros) -> None:
        """Begin on a connection that is there."""
        self._connection = connection
        self._greeting: tuple[str, str | None] | None = None
        self.macros = macros
        self.agreed = codec.Negotiated(codec.VERSION, codec.Action(0), codec.Step(0))
        self.over = False
        self.standing: Verdict | None = None
        self.talking = False

    @property
    def usable(self) -> bool:
        """Whether it can answer for what comes next."""
        return self.over or not self._connection.lost

    async def arrive(self, origin: Origin) -> Verdict | None:
        """Negotiate, and tell of the client."""
        connection = self._connection
        with self.in_step():
            await connection.write(codec.negotiation())
            self.agreed = codec.negotiated(await connection.next())
        self.macros.agree(self.agreed.macros)
        address, port = origin.client_address or LOOPBACK, origin.client_port or 0
        name = self.macros.client.encode()
        return await self._of_client(b"C", codec.connect(name, address, port))

    async def greet(self, origin: Origin) -> Verdict | None:
        """Tell what the client calls itself, once for each time it says so anew."""
        greeting = (origin.helo, origin.tls)
        if self.over or self._greeting == greeting:
            return self.standing
        self._greeting = greeting
        self.macros.greet(origin)
        name = origin.helo.encode(errors="replace")
        return await self._of_client(b"H", codec.packet(b"H", name))

    async def say(self, command: bytes, packet: bytes) -> codec.Packet | None:
        """Say a command; return the reply.

        Returns:
            ``None`` where the milter does not want to hear it, or answers nothing.
        """
        steps = self.agreed.steps
        if steps & codec.UNWANTED[command]:
            return None
        with self.in_step():
            await self._connection.write(self.macros.before(command) + packet)
            return None if steps & codec.UNANSWERED[command] else await self.reply()

    async def ask_for_all(self) -> None:
        """Say that the message is complete; the replies are to be read."""
        await self._connection.write(self.macros.before(b"E") + codec.raw_packet(b"E"))

    async def reply(self) -> codec.Packet:
        """Return the next reply that is more than a sign of life."""
        while True:
            reply = await self._connection.next()
            if reply.command != b"p":
                return reply

    @contextmanager
    def in_step(self) -> Iterator[None]:
        """Leave where a question and its answer do not come to an end together.

        Whose answer the next one would be, nobody knows.
        """
        try:
            yield
        except BaseException:
            self.leave()
            raise

    def abort(self) -> None:
        """Have the milter forget the message that is under way."""
        self._connection.put(codec.raw_packet(b"A"))

    def leave(self) -> None:
        """Say goodbye. Calling again is nothing."""
        self._connection.leave()

    async def _of_client(self, command: bytes, packet: bytes) -> Verdict | None:
        reply = await self.say(command, packet)
        if reply is None or reply.command == b"c":
            return None
        with self.in_step():
            if reply.command == b"d":
                raise BadSyntax("a reply a milter may give to connect and HELO")
            self.standing = None if reply.command == b"a" else verdict(reply)
        self.over = True
        self.leave()
        return self.standing
