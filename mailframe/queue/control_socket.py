"""The queue's Unix socket: an operator's requests to a running server.

One request a connection, a JSON object on one line; the answer is JSON objects
on lines of their own, the last one ``{"done": ...}`` or ``{"error": "..."}``. An
empty line says that there is more to come.
Whoever can open the socket is the operator: it is for its owner alone.

Source: docs/queue.rst.
"""

import json
import os
import stat
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from zope.interface import implementer

from mailframe.errors import MailError, MessageGone
from mailframe.queue.control import BadRequest, QueueControl, Request

SOCKET = "queue.sock"
"""Name of the socket in the state directory."""

LINE_MAX = 65_536
"""Octets of a request."""

TIMEOUT = 60.0
"""Seconds a client has for its request, or to take more of the answer."""


class _Gone(Exception):
    """Nobody listens any more."""


@implementer(IPushProducer)
class ControlProtocol(Protocol):
    """One connection of an operator."""

    _log = Logger()

    def __init__(self, control: QueueControl, reactor: Any) -> None:
        """Begin; see :class:`ControlFactory`."""
        self._control = control
        self._reactor = reactor
        self._line = b""
        self._asked = False
        self._lost = False
        self._paused: Deferred[None] | None = None
        self._timer: Any = None

    def connectionMade(self) -> None:
        """Wait for the request."""
        wire: Any = self.transport
        self._wire = wire
        self._wire.registerProducer(self, True)
        self._timer = self._reactor.callLater(TIMEOUT, self._time_out)

    def connectionLost(self, reason: object = None) -> None:
        """Answer no more."""
        if self._timer.active():
            self._timer.cancel()
        self.stopProducing()

    def dataReceived(self, data: bytes) -> None:
        """Gather the request."""
        if self._asked:
            return
        self._line += data
        line, found, _ = self._line.partition(b"\n")
        if len(line) > LINE_MAX:
            self._asked = True
            self._last({"error": "the request is too long"})
        elif found:
            self._asked = True
            Deferred.fromCoroutine(self._answer(line))

    def _time_out(self) -> None:
        self._lost = True
        self._wire.abortConnection()

    async def _answer(self, line: bytes) -> None:
        try:
            request = json.loads(line)
            last = await self._control.answer(request, self._send)
        except ValueError:
            last = {"error": "the request is not JSON"}
        except BadRequest as error:
            last = {"error": str(error)}
        except MessageGone as error:
            last = {"error": f"{error}: there is no such message"}
        except MailError as error:
            self._log.warn("a request: {error!r}", error=error)
            last = {"error": "not possible now; the log says why"}
        except _Gone:
            return
        except Exception:
            self._log.failure("a request")
            last = {"error": "a fault of the server; the log says which"}
        self._last(last)

    async def _send(self, lines: Sequence[Request]) -> None:
        """Send lines, when the client has taken those before."""
        if self._paused is not None:
            await self._paused
        if self._lost:
            raise _Gone
        self._timer.reset(TIMEOUT)
        self._write(lines)

    def _last(self, line: Request) -> None:
        if not self._lost:
            self._write([line])
            self._wire.unregisterProducer()
            self._wire.loseConnection()

    def _write(self, lines: Sequence[Request]) -> None:
        text = "\n".join(map(json.dumps, lines))
        self._wire.write(text.encode() + b"\n")

    # What the transport says of its buffer.

    def pauseProducing(self) -> None:
        """The client is slow."""
        if self._paused is None:
            self._paused = Deferred()

    def resumeProducing(self) -> None:
        """It has taken what was sent."""
        paused, self._paused = self._paused, None
        if paused is not None:
            paused.callback(None)

    def stopProducing(self) -> None:
        """It is gone."""
        self._lost = True
        self.resumeProducing()


class ControlFactory(Factory):
    """Serves the queue's socket."""

    noisy = False

    def __init__(self, control: QueueControl, reactor: Any) -> None:
        """Begin.

        Args:
            control: Does what is asked.
            reactor: Provides ``IReactorTime`` and ``IReactorUNIX``.
        """
        self._control = control
        self._reactor = reactor

    def buildProtocol(self, addr: Any) -> ControlProtocol:
        """Return the protocol of one connection."""
        return ControlProtocol(self._control, self._reactor)

    def listen(self, path: str) -> Any:
        """Listen on a Unix socket, in place of one that was left behind.

        Whoever calls this holds the state directory for itself.

        Args:
            path: Where; its directory is ours alone.

        Returns:
            An ``IListeningPort``.

        Raises:
            CannotListenError: Something else is in its place.
        """
        try:
            if stat.S_ISSOCK(os.lstat(path).st_mode):
                os.unlink(path)
        except FileNotFoundError:
            pass
        return self._reactor.listenUNIX(path, self, mode=0o600)
