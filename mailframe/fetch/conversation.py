"""One connection to a server elsewhere: Twisted below, a protocol's client above.

Source: RFC 8314 section 4.1 (implicit TLS), RFC 2595 section 3 (STARTTLS).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from typing import Protocol as Shape

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import TLSVersion, optionsForClientTLS, platformTrust
from zope.interface import implementer

from mailframe.authorities import read_authorities
from mailframe.errors import MessageTooLarge, TemporaryFailure
from mailframe.interfaces.content import IContent, IIntake

HANDSHAKE_TIMEOUT = 60.0
"""Seconds a TLS handshake may take."""

CONNECT_TIMEOUT = 30.0
"""Seconds one address of a host may take to answer."""

MakeTLS = Callable[[str], Any]
"""Given a host name, returns what ``startTLS`` takes; the name is verified."""


class Silent(TemporaryFailure):
    """Nothing came from the server in time; the conversation can go on."""


class Client(Shape):
    """What the clients of both protocols have."""

    timeout: float

    def receive(self, octets: bytes) -> None:
        """Take what the server sent."""

    def next_event(self) -> Any:
        """Return what happened next, or ``None``."""

    def take_output(self) -> bytes:
        """Return what is to be sent."""

    def tls_started(self) -> None:
        """TLS stands."""


class Reply(Shape):
    """What the replies of both protocols have."""

    @property
    def ok(self) -> bool:
        """Whether the server does what it was told."""


R = TypeVar("R", bound=Reply)


def make_tls(authorities: Path | None) -> MakeTLS:
    """Return what makes the TLS of a connection: 1.2 at least, names verified.

    Args:
        authorities: PEM certificates to believe; ``None`` for the system's.

    Raises:
        ValueError: The file cannot be read or has no certificate.
    """
    trust: Any = platformTrust()  # type: ignore[no-untyped-call]
    if authorities is not None:
        try:
            trust = read_authorities(authorities)
        except OSError as error:
            raise ValueError(f"{authorities}: {error.strerror}") from None
    lowest = {"raiseMinimumTo": TLSVersion.TLSv1_2}

    def make(host: str) -> Any:
        return optionsForClientTLS(
            host, trustRoot=trust, extraCertificateOptions=lowest
        )

    return make


@implementer(IHandshakeListener)
class Conversation(Protocol):
    """Commands and what comes of them, for one coroutine.

    Attributes:
        client: The protocol.
        secure: Whether TLS stands, with the right name.
    """

    def __init__(self, client: Client, reactor: Any) -> None:
        """Wait for the transport.

        Args:
            client: A fresh one.
            reactor: Provides IReactorTime.
        """
        self.client = client
        self.secure = False
        self._reactor = reactor
        self._waiting: Deferred[None] | None = None
        self._lost = False
        self._paused = False
        self._why = "the connection broke"

    async def next(self, silence: float | None = None) -> Any:
        """Return the next event.

        Args:
            silence: Seconds the server may be silent, ``None`` for the usual.

        Raises:
            BadSyntax: The server broke the grammar.
            UnauthorizedLogin: It could not prove who it is.
            TemporaryFailure: The connection broke, or it is silent.
        """
        while True:
            try:
                event = self.client.next_event()
            finally:
                self.flush()
            if event is not None:
                return event
            await self._more(self.client.timeout if silence is None else silence)

    async def reply(self, kind: type[R]) -> R:
        """Send what there is, and return the reply to it.

        Args:
            kind: What the protocol calls a reply.

        Raises:
            As :meth:`next`.
        """
        self.flush()
        reply = await self.next()
        assert isinstance(reply, kind)
        return reply

    async def good(self, kind: type[R]) -> R:
        """Return the reply to what was sent, which has to be a yes.

        Raises:
            TemporaryFailure: It is none; and as :meth:`next`.
        """
        reply = await self.reply(kind)
        if not reply.ok:
            raise TemporaryFailure("the server refuses")
        return reply

    async def receive_message(self, intake: IIntake, most: int) -> tuple[Any, IContent]:
        """Return the Reply after a message, and the message, which is closed by you.

        Args:
            intake: Where it rests.
            most: Octets it may have.

        Raises:
            MessageTooLarge: It is larger; the connection is of no use any more.
            MailError: It cannot be kept, or the connection broke.
        """
        writer = intake.begin()
        size = 0
        try:
            while True:
                event = await self.next()
                octets = getattr(event, "octets", None)
                if octets is None:
                    return event, await writer.finish()
                size += len(octets)
                if size > most:
                    raise MessageTooLarge("larger than it was said to be")
                wait = writer.write(octets)
                if wait is not None:
                    await wait
        except BaseException:
            writer.discard()
            raise

    async def start_tls(self, tls: Any) -> None:
        """Protect the connection.

        Args:
            tls: What ``startTLS`` takes.

        Raises:
            TemporaryFailure: It did not come about: the certificate is not
                right, or not for this name.
        """
        self.client.tls_started()
        self._why = "TLS did not come about, or the certificate is not right"
        self._transport.startTLS(tls)
        while not self.secure:
            await self._more(HANDSHAKE_TIMEOUT)
        self._why = "the connection broke"

    def flush(self) -> None:
        """Send what the client says."""
        output = self.client.take_output()
        if output and not self._lost:
            self._transport.write(output)

    def abort(self) -> None:
        """End the connection at once."""
        if not self._lost:
            self._transport.abortConnection()

    # What the transport tells us.

    def dataReceived(self, data: bytes) -> None:
        """Keep octets for the client; while nobody asks, take no more."""
        self.client.receive(data)
        if self._waiting is not None:
            self._wake()
        elif not self._paused:
            self._paused = True
            self._transport.pauseProducing()

    def handshakeCompleted(self) -> None:
        """TLS stands; the options have verified certificate and name."""
        self.secure = True
        self._wake()

    def connectionLost(self, reason: Any = connectionDone) -> None:
        """Let whoever waits know."""
        self._lost = True
        self._wake()

    # Inside.

    @property
    def _transport(self) -> Any:
        return self.transport

    async def _more(self, silence: float) -> None:
        if self._lost:
            raise TemporaryFailure(self._why)
        # Before resuming: that may hand something over at once.
        waiting: Deferred[None] = Deferred()
        self._waiting = waiting
        waiting.addTimeout(silence, self._reactor)
        if self._paused:
            self._paused = False
            self._transport.resumeProducing()
        try:
            await waiting
        except DeferredTimeout:
            raise Silent("the server is silent") from None
        finally:
            self._waiting = None

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)


async def connect(endpoint: Any, client: Client, reactor: Any) -> Conversation:
    """Return a conversation that has just begun.

    Args:
        endpoint: Where to.
        client: A fresh one.
        reactor: Provides IReactorTime.

    Raises:
        TemporaryFailure: The host does not answer.
    """
    conversation = Conversation(client, reactor)
    try:
        await endpoint.connect(Factory.forProtocol(lambda: conversation))
    except (ConnectError, ConnectionClosed, DNSLookupError, OSError) as error:
        raise TemporaryFailure(f"cannot connect: {type(error).__name__}") from None
    return conversation
