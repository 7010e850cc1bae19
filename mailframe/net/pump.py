"""The one join between Twisted and the sans-I/O servers.

A :class:`Pump` is one connection. It hands a server what the transport read,
runs the steps the server offers one after another, and sends what comes out
in one write. It is the only place that knows back-pressure, silence and TLS
upgrades; the servers are asked, and never call their transport.
"""

import os
from collections.abc import Callable, Coroutine
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IPushProducer,
    ISSLTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from mailframe.interfaces.connection import IConnection, IServer, TLSInfo
from mailframe.net.channel_binding import channel_binding
from mailframe.net.eager import EagerServer, become_eager
from mailframe.net.tls_info import tls_info

_log = Logger()

GOODBYE_TIMEOUT = 15.0
"""Seconds a peer has to read our last words before the connection is cut."""

TURN = 100
"""Steps of one connection in a row before others get their turn."""

Step = Coroutine[Any, Any, None]


@implementer(IConnection, IHalfCloseableProtocol, IHandshakeListener, IPushProducer)
class Pump(Protocol):
    """One connection: a transport below, a server above.

    A running step is never interrupted: when the connection goes while a
    store is writing, the step ends first and ``lost`` is called after it. Only
    a step that waits for the peer to read is closed at that point.
    """

    transport: Any

    def __init__(
        self,
        server: IServer,
        reactor: Any,
        *,
        tls_context: Any = None,
        trust_plaintext: bool = False,
        gone: Callable[["Pump"], None] = lambda pump: None,
    ) -> None:
        """Drive ``server``.

        Args:
            server: A fresh one; this connection's own.
            reactor: Provides IReactorTime.
            tls_context: What ``startTLS`` takes, or ``None`` for no STARTTLS.
            trust_plaintext: Whether secrets may cross any network without TLS.
            gone: Called once, when the connection and its last step are over.
        """
        self._server: Any = server
        self._reactor = reactor
        self._tls_context = tls_context
        self._trust_plaintext = trust_plaintext
        self._gone = gone
        self._running = False
        self._pulling = False
        self._lost = False
        self._full = False
        self._ended = False
        self._deaf = False
        self._drained: Deferred[None] | None = None
        self._step: Step | None = None
        self._awaited: Any = None
        self._turn: IDelayedCall | None = None
        self._alarm: IDelayedCall | None = None
        self._last_octets = 0.0
        self._waiting_since = 0.0
        self._tls_info: TLSInfo | None = None
        self._begun = False
        self._shaken = False
        self._tcp: EagerServer | None = None

    # What the transport tells us.

    def connectionMade(self) -> None:
        """Begin the session."""
        transport = self.transport
        self._tcp = become_eager(transport)
        if hasattr(transport, "setTcpNoDelay"):
            transport.setTcpNoDelay(True)
        if hasattr(transport, "setTcpKeepAlive"):
            transport.setTcpKeepAlive(True)
        peer, host = transport.getPeer(), transport.getHost()
        self.client_address = getattr(peer, "host", None)
        self.client_port = getattr(peer, "port", None)
        self.server_address = getattr(host, "host", None)
        self.server_port = getattr(host, "port", None)
        transport.registerProducer(self, True)
        self._last_octets = self._reactor.seconds()
        if self._is_tls():
            # What a greeting offers depends on what the handshake finds.
            self._watch_silence()
        else:
            self._begin()

    def handshakeCompleted(self) -> None:
        """TLS is as it will be: begin the session, if TLS came first."""
        self._shaken = True
        if not self._begun and not self._server.closing:
            self._begin()

    def dataReceived(self, data: bytes) -> None:
        """Hand octets over; a peer that writes on while we work has to wait."""
        if self._server.closing:
            return
        self._last_octets = self._reactor.seconds()
        self._server.receive(data)
        if self._running or self._full or self._turn is not None:
            self._be_deaf(True)
        else:
            self._pull()
            if self._tcp is not None and not self._running:
                # Without an answer, more of this is to come.
                self._tcp.acknowledge()

    def readConnectionLost(self) -> None:
        """The peer sends no more, but may still read our answers."""
        self._ended = True
        if not self._running and not self._full:
            self._pull()

    def writeConnectionLost(self) -> None:
        """The peer reads no more: nothing is left to do here."""
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Let a running step end, then have the server let go of everything."""
        self._lost = True
        for call in (self._turn, self._alarm):
            if call is not None and call.active():
                call.cancel()
        if self._step is not None and self._awaited is self._drained:
            self._give_up(self._step)
        elif not self._running:
            self._let_go()

    # What the producer contract asks of us.

    def pauseProducing(self) -> None:
        """The transport holds as much as it wants to."""
        self._full = True

    def resumeProducing(self) -> None:
        """The transport takes more."""
        self._full = False
        self._last_octets = self._reactor.seconds()
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.callback(None)
        elif not self._running and not self._lost:
            self._pull()

    def stopProducing(self) -> None:
        """The connection is about to be lost; connectionLost follows."""

    # What the server may ask of us: IConnection.

    client_address: str | None = None
    client_port: int | None = None
    server_address: str | None = None
    server_port: int | None = None

    @property
    def tls(self) -> TLSInfo | None:
        """What protects the connection."""
        if self._tls_info is None and self._is_tls():
            found = tls_info(self.transport.getHandle())
            if not self._shaken:
                return found
            self._tls_info = found
        return self._tls_info

    @property
    def trusted(self) -> bool:
        """Whether no network lies between the peer and us."""
        if self._trust_plaintext or self.client_address is None:
            return True
        return _loopback(self.client_address) and _loopback(self.server_address)

    @property
    def can_start_tls(self) -> bool:
        """Whether there is a certificate and no TLS yet."""
        return self._tls_context is not None and self.tls is None

    def channel_binding(self, kind: str) -> bytes | None:
        """Return what only the two ends of this TLS session have."""
        if not self._shaken:
            return None
        return channel_binding(self.transport.getHandle(), kind)

    def nonce(self, size: int) -> bytes:
        """Return octets that nobody can foresee."""
        return os.urandom(size)

    def drain(self) -> "Deferred[None] | None":
        """Send what is there; wait while the peer is slow to read."""
        self._flush()
        if not self._full and not self._lost:
            return None
        self._drained = Deferred()
        self._watch_silence()
        return self._drained

    def wake(self) -> None:
        """Pull soon."""
        if self._turn is None and not self._lost:
            self._turn = self._reactor.callLater(0, self._take_turn)

    # What the factory asks of us.

    def shut_down(self) -> None:
        """The host stops: say goodbye, unless a step is running; then after it."""
        if self._lost or self._server.closing:
            return
        self._server.shut_down()
        if not self._running:
            self._pull()

    # The pumping itself.

    def _is_tls(self) -> bool:
        transport = self.transport
        return ISSLTransport.providedBy(transport) or isinstance(
            transport, TLSMemoryBIOProtocol
        )

    def _begin(self) -> None:
        self._begun = True
        self._server.connected(self)
        self._pull()

    def _take_turn(self) -> None:
        self._turn = None
        if not self._running and not self._full:
            self._pull()

    def _pull(self) -> None:
        """Run steps until the server needs octets, the peer's ear or a result."""
        if self._pulling or self._lost:
            return
        self._pulling = True
        server = self._server
        try:
            for _ in range(TURN):
                if server.closing or server.starting_tls or not self._begun:
                    break
                step = server.next_step()
                if step is None:
                    break
                try:
                    awaited = step.send(None)
                except StopIteration:
                    # Most steps have nothing to wait for.
                    if self._full:
                        break
                else:
                    self._wait(step, awaited)
                    self._flush()
                    return
            else:
                self.wake()
        except Exception:
            self._broken()
        finally:
            self._pulling = False
        self._settle()

    def _settle(self) -> None:
        """Send what came out, and arrange for what comes next."""
        self._flush()
        server = self._server
        if self._lost:
            return
        if server.closing:
            self._close()
        elif server.starting_tls:
            self._start_tls()
        elif self._turn is None:
            if not self._full:
                self._be_deaf(False)
            if self._ended and not self._full:
                self._close()
            elif self._alarm is None:
                self._watch_silence()

    def _advance(self, resume: Callable[[Any], Any], argument: Any, step: Step) -> bool:
        """Have a step go on until it waits or ends; return whether it has ended."""
        try:
            awaited = resume(argument)
        except StopIteration:
            self._end_step()
            return True
        except Exception:
            self._end_step()
            self._broken()
            return True
        self._wait(step, awaited)
        return False

    def _wait(self, step: Step, awaited: Any) -> None:
        """Have a step go on when there is what it waits for."""
        if not self._running:
            self._waiting_since = self._reactor.seconds()
            self._running, self._step = True, step
        self._awaited = awaited
        if self._lost and awaited is self._drained:
            self._give_up(step)
        else:
            awaited.addCallbacks(
                self._resumed, self._failed, callbackArgs=(step,), errbackArgs=(step,)
            )

    def _end_step(self) -> None:
        self._running, self._step, self._awaited = False, None, None

    def _resumed(self, result: Any, step: Step) -> None:
        self._go_on(step, step.send, result)

    def _failed(self, failure: Failure, step: Step) -> None:
        self._go_on(step, step.throw, failure.value)

    def _go_on(self, step: Step, resume: Callable[[Any], Any], argument: Any) -> None:
        if not self._advance(resume, argument, step):
            self._flush()
            return
        # What we took is not the peer's silence.
        now = self._reactor.seconds()
        self._last_octets = min(now, self._last_octets + now - self._waiting_since)
        if self._lost:
            self._let_go()
        elif self._full:
            self._settle()
        else:
            self._pull()

    def _give_up(self, step: Step) -> None:
        """End a step that waits for a peer that is gone."""
        self._end_step()
        try:
            step.close()
        except RuntimeError:
            _log.failure("a step did not end")
        self._let_go()

    def _flush(self) -> None:
        output = self._server.take_output()
        if output and not self._lost:
            self.transport.write(output)

    def _be_deaf(self, deaf: bool) -> None:
        """Stop or go on reading from the peer."""
        if deaf is not self._deaf and not self._lost:
            self._deaf = deaf
            if deaf:
                self.transport.pauseProducing()
            else:
                self.transport.resumeProducing()

    def _broken(self) -> None:
        """Our own bug came through the server: end this session, and only it."""
        _log.failure("a session of {client} broke", client=self.client_address)
        if not self._lost:
            self.transport.abortConnection()

    def _start_tls(self) -> None:
        self.transport.startTLS(self._tls_context)
        self._last_octets = self._reactor.seconds()
        self._be_deaf(False)
        self._server.tls_started()
        self._pull()

    def _close(self) -> None:
        self.transport.unregisterProducer()
        self._be_deaf(False)
        self.transport.loseConnection()
        if self._alarm is not None and self._alarm.active():
            self._alarm.cancel()
        if not self._lost:
            self._alarm = self._reactor.callLater(
                GOODBYE_TIMEOUT, self.transport.abortConnection
            )

    def _let_go(self) -> None:
        """Have the server release what it holds, once."""
        server, self._server = self._server, _CLOSED
        if server is _CLOSED:
            return
        left = server.lost() if self._begun else None
        if left is None:
            self._gone(self)
            return
        ended = Deferred.fromCoroutine(left)
        ended.addErrback(lambda failure: _log.failure("at logout", failure=failure))
        ended.addBoth(lambda ignored: self._gone(self))

    # Silence.

    def _watch_silence(self) -> None:
        """See to it that somebody looks when the peer has been silent too long.

        One timer a connection that is moved only when it goes off: most
        octets come long before.
        """
        if self._alarm is None and self._server.timeout is not None:
            self._alarm = self._reactor.callLater(self._server.timeout, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self._lost:
            return
        allowed = self._server.timeout
        if allowed is None:
            return
        waiting_for_peer = not self._running or self._drained is not None
        left = self._last_octets + allowed - self._reactor.seconds()
        if left > 0 or not waiting_for_peer:
            self._alarm = self._reactor.callLater(
                left if left > 0 else allowed, self._ring
            )
        elif self._full:
            self.transport.abortConnection()
        else:
            self._server.timed_out()
            self._settle()


class _Closed:
    """Stands in for the server once it was let go."""

    timeout = None
    closing = True
    starting_tls = False

    def take_output(self) -> bytes:
        """Nothing."""
        return b""


_CLOSED = _Closed()


@lru_cache(maxsize=4096)
def _loopback(address: str | None) -> bool:
    if address is None:
        return False
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback
