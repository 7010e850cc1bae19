"""One connection to a server: Twisted's transport below, the SMTP client above.

Waiting is done here: for the server's answers, for the transport to take more,
for TLS. Silence ends it, whatever it was waiting for. What is said at one time,
such as the end of one message and the beginning of the next, is one write.

Source: RFC 5321 section 4.5.3.2 (timeouts), RFC 3207 section 4.1.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IHandshakeListener,
    IPushProducer,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from mailframe.errors import MailError, TemporaryFailure
from mailframe.net.relay_content import PIECE, Prepared
from mailframe.net.tls_policy import ClientTLS, Evidence
from mailframe.smtp.client import SMTPClient
from mailframe.smtp.client_event import Done, Failed, Ready, SendContent, StartTLS
from mailframe.smtp.client_transaction import broken

HANDSHAKE_TIMEOUT = 60.0
"""Seconds a TLS handshake may take."""

GOODBYE_TIMEOUT = 10.0
"""Seconds between QUIT and the end of the connection, if the server is slow."""


QUICK = 0.1
"""Seconds for the verdict on a content, up to which another message may follow
closely on the next one. Behind a server that takes longer it would wait, while
other connections get more done at the same time."""


class TLSFailed(TemporaryFailure):
    """TLS did not come about, or not as it was demanded.

    Attributes:
        problem: In the words of RFC 8460 section 4.3.
    """

    status = "4.7.5"

    def __init__(self, problem: str, detail: str) -> None:
        """Say what is wrong."""
        super().__init__(f"TLS: {detail}")
        self.problem = problem


class _Sending:
    """A message that is sent, or waits until it can be.

    Attributes:
        prepared: The message.
        done: Fires when there is a verdict on everybody.
        begun: Whether the client has begun it.
        trouble: Why its content could not be read.
    """

    __slots__ = ("begun", "done", "prepared", "trouble")

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.done: Deferred[Done] = Deferred()
        self.begun = False
        self.trouble: Failure | None = None


@implementer(IHandshakeListener, IPushProducer)
class RelayConnection(Protocol):
    """One session, from the greeting to QUIT.

    Attributes:
        client: The protocol.
        evidence: What TLS has shown, ``None`` without it.
    """

    def __init__(
        self,
        client: SMTPClient,
        reactor: Any,
        *,
        tls: ClientTLS | None = None,
        implicit: bool = False,
        gone: Callable[["RelayConnection"], None] = lambda connection: None,
    ) -> None:
        """Wait for the transport.

        Args:
            client: A fresh one.
            reactor: Provides IReactorTime.
            tls: For STARTTLS; ``None`` when the client never starts it.
            implicit: Whether TLS comes before everything else.
            gone: Called when the connection is lost.
        """
        self.client = client
        self._reactor = reactor
        self._tls = tls
        self._implicit = implicit
        self.gone = gone
        self.evidence: Evidence | None = None
        self._coming: Deferred[Ready | Failed] = Deferred()
        self._sendings: deque[_Sending] = deque()
        self._pulling = False
        self._drained: Deferred[None] | None = None
        self._lost: Deferred[None] = Deferred()
        self._is_lost = False
        self._shaking = False
        self._tls_trouble: TLSFailed | None = None
        self._last = 0.0
        self._ended = 0.0
        self._is_quick = False
        self._alarm: IDelayedCall | None = None

    # What the relay does.

    async def come_up(self) -> None:
        """Wait until messages can be sent.

        Raises:
            TLSFailed: TLS did not come about, or is not as demanded.
            TemporaryFailure: The server takes no mail now, or is silent.
        """
        event = await self._coming
        if isinstance(event, Failed):
            raise self._tls_trouble or event.error

    def send(self, prepared: Prepared) -> "Deferred[Done]":
        """Send one message, as soon as the client takes it.

        Returns:
            The verdict on each recipient. When the connection broke,
            ``client.broken`` is set and who had no verdict yet has a
            TemporaryFailure without a ``reply``. It fails when the content
            cannot be read; the connection is gone then.
        """
        sending = _Sending(prepared)
        if not self._sendings:
            self._last = self._reactor.seconds()
        self._sendings.append(sending)
        self._begin_some()
        self._pull()
        return sending.done

    @property
    def has_room_behind(self) -> bool:
        """Whether another message may be sent closely behind the only one.

        The verdict on the one before has to have come quickly.
        """
        return (
            self._is_quick and len(self._sendings) == 1 and self.client.has_room_behind
        )

    def abort(self) -> None:
        """End it at once; nobody without a verdict gets one."""
        self._cut(broken("the connection was given up"))

    def close(self) -> "Deferred[None]":
        """Say goodbye.

        Returns:
            Fires when the connection is gone.
        """
        if not self._is_lost:
            self.client.quit()
            self._flush()
            self._transport.unregisterProducer()
            self._transport.loseConnection()
            self._set_alarm(GOODBYE_TIMEOUT, self._transport.abortConnection)
        return self._lost

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone."""
        return self._is_lost

    # What the transport tells us.

    def connectionMade(self) -> None:
        """Begin to wait for the greeting."""
        transport = self._transport
        if hasattr(transport, "setTcpNoDelay"):
            transport.setTcpNoDelay(True)
        transport.registerProducer(self, True)
        self._last = self._reactor.seconds()
        if self._implicit:
            self.client.tls = True
            self._shake()
        self._watch()

    def dataReceived(self, data: bytes) -> None:
        """Hand octets to the client."""
        self._last = self._reactor.seconds()
        self.client.receive(data)
        self._pull()

    def handshakeCompleted(self) -> None:
        """Judge the certificate before anything is sent over it."""
        if not self._shaking:
            return
        self._shaking = False
        self._last = self._reactor.seconds()
        assert self._tls is not None
        self.evidence = self._tls.judge()
        if self._tls.security.level == "verify" and self.evidence.problem is not None:
            self._tls_trouble = TLSFailed(self.evidence.problem, self.evidence.detail)
            self._cut(self._tls_trouble)
            return
        # Where the operator wants TLS of any kind, a password may go over it.
        self.client.trusted = (
            self.client.trusted
            or self.evidence.problem is None
            or self._tls.security.level == "encrypt"
        )
        if not self._implicit:
            self.client.tls_started()
        self._pull()

    def connectionLost(self, reason: Any = connectionDone) -> None:
        """Settle what is not settled."""
        self._is_lost = True
        self._stop_alarm()
        if self._shaking:
            tls_error = reason.check(SSL.Error) is not None
            detail = "the handshake failed" if tls_error else "the connection broke"
            self._tls_trouble = TLSFailed("validation-failure", detail)
        self.client.give_up(broken("the connection broke"))
        self._pull()
        self._go_on()
        self.gone(self)
        self._lost.callback(None)

    # What the producer contract asks of us.

    def pauseProducing(self) -> None:
        """The transport holds as much as it wants to."""
        if self._drained is None:
            self._drained = Deferred()

    def resumeProducing(self) -> None:
        """The transport takes more."""
        self._last = self._reactor.seconds()
        self._go_on()

    def stopProducing(self) -> None:
        """The connection is about to be lost; connectionLost follows."""

    # Inside.

    @property
    def _transport(self) -> Any:
        return self.transport

    def _pull(self) -> None:
        """Take what happened from the client, and send what it says."""
        if self._pulling:
            return  # Whoever does that already goes on with it.
        self._pulling = True
        try:
            while (event := self.client.next_event()) is not None:
                if isinstance(event, Done):
                    self._end(event)
                elif isinstance(event, SendContent):
                    self._send_content(self._sendings[0])
                elif isinstance(event, StartTLS):
                    self._flush()
                    if not self._is_lost:
                        self._shake()
                else:
                    self._coming.callback(event)
        finally:
            self._pulling = False
        self._flush()
        if self.client.broken:
            self._give_back()
            if not self._is_lost:
                # A goodbye of the server, or what cannot be understood.
                self._transport.loseConnection()
        self._watch()

    def _begin_some(self) -> None:
        """Have the client begin what it takes, in its turn."""
        for sending in self._sendings:
            if sending.begun:
                continue
            if not self.client.takes(sending.prepared.delivery):
                break
            sending.begun = True
            self.client.begin(sending.prepared.delivery)

    def _end(self, event: Done) -> None:
        """Hand over the verdicts on the message that is first."""
        sending = self._sendings.popleft()
        if event.sent:
            self._is_quick = self._last - self._ended <= QUICK
        self._begin_some()
        if sending.trouble is not None:
            sending.done.errback(sending.trouble)
        else:
            sending.done.callback(event)

    def _give_back(self) -> None:
        """Nothing more can be begun: what waits for that is open."""
        for sending in [one for one in self._sendings if not one.begun]:
            self._sendings.remove(sending)
            error = broken("the connection ended before its turn")
            count = len(sending.prepared.delivery.forward_paths)
            sending.done.callback(Done((error,) * count, sent=False))

    def _flush(self) -> None:
        output = self.client.take_output()
        if output and not self._is_lost:
            self._transport.write(output)

    def _shake(self) -> None:
        assert self._tls is not None
        self._shaking = True
        self._last = self._reactor.seconds()
        self._transport.startTLS(self._tls)

    def _send_content(self, sending: _Sending) -> None:
        octets = sending.prepared.octets
        if octets is not None:
            self.client.write(octets)
            self._finish()
            return
        feeding = Deferred.fromCoroutine(self._feed(sending))
        feeding.addErrback(self._unreadable, sending)

    async def _feed(self, sending: _Sending) -> None:
        """Send content piece by piece, as fast as the transport takes it."""
        client = self.client
        async for piece in sending.prepared.pieces():
            if not self._wants(sending):
                return
            client.write(piece)
            if len(piece) < PIECE:
                break  # The last one goes together with the end.
            self._flush()
            self._watch()
            if self._drained is not None and not self._is_lost:
                await self._drained
        if self._wants(sending):
            self._finish()
            self._flush()
            self._watch()

    def _finish(self) -> None:
        self._ended = self._reactor.seconds()
        self.client.finish()

    def _wants(self, sending: _Sending) -> bool:
        """Tell whether it is still this message that the server reads."""
        return (
            bool(self._sendings)
            and self._sendings[0] is sending
            and self.client.wants_content
        )

    def _unreadable(self, failure: Failure, sending: _Sending) -> None:
        sending.trouble = failure
        if sending in self._sendings:
            self._cut(broken("the content cannot be read", "4.3.0"))

    def _go_on(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.callback(None)

    def _cut(self, error: MailError) -> None:
        """End the connection at once, and settle everything."""
        self.client.give_up(error)
        if not self._is_lost:
            self._transport.abortConnection()
        self._pull()

    # Silence.

    def _watch(self) -> None:
        """See to it that somebody looks when the server has been silent too long."""
        allowed = self._allowed()
        if allowed is None or self._is_lost:
            return
        at = self._last + allowed
        if self._alarm is not None and self._alarm.getTime() > at:
            self._stop_alarm()
        if self._alarm is None:
            left = max(0.0, at - self._reactor.seconds())
            self._alarm = self._reactor.callLater(left, self._ring)

    def _allowed(self) -> float | None:
        return HANDSHAKE_TIMEOUT if self._shaking else self.client.timeout

    def _ring(self) -> None:
        self._alarm = None
        allowed = self._allowed()
        if allowed is None or self._is_lost:
            return
        left = self._last + allowed - self._reactor.seconds()
        if left > 0:
            self._alarm = self._reactor.callLater(left, self._ring)
            return
        if self._shaking:
            detail = "the server is silent"
            self._tls_trouble = TLSFailed("validation-failure", detail)
        self._cut(broken("the server is silent"))

    def _set_alarm(self, seconds: float, call: Callable[[], Any]) -> None:
        self._stop_alarm()
        if not self._is_lost:
            self._alarm = self._reactor.callLater(seconds, call)

    def _stop_alarm(self) -> None:
        if self._alarm is not None and self._alarm.active():
            self._alarm.cancel()
        self._alarm = None
