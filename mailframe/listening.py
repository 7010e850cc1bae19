"""What a host listens on: endpoints joined with the factories that serve them.

Part of :mod:`mailframe.wiring`.
"""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import gatherResults, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from mailframe.config import BadConfig, Listener
from mailframe.config_keys import IMPLICIT_TLS
from mailframe.net.factory import MailFactory
from mailframe.net.proxied import PREFIX, ProxiedFactory
from mailframe.net.tls import ServerTLS

_log = Logger()


class Listening:
    """The ports of one host: all are bound, or none is."""

    def __init__(
        self,
        listeners: Sequence[Listener],
        factory_of: Callable[[str], MailFactory],
        tls: ServerTLS,
        reactor: Any,
    ) -> None:
        """Make what will listen; nothing is bound yet.

        Args:
            listeners: What to listen on.
            factory_of: Returns what serves a service.
            tls: For services that begin with TLS; they are all for our users.
            reactor: The reactor to listen in.

        Raises:
            BadConfig: An endpoint string is not one.
        """
        self._tls = tls
        self._ports: list[Any] = []
        self._listeners = [
            (listener, _endpoint(listener, reactor), factory_of(listener.service))
            for listener in listeners
        ]
        self._reactor = reactor

    def bind(self) -> None:
        """Bind the ports, unless they are bound.

        Raises:
            BadConfig: One of them cannot be bound; none stays bound.
        """
        if not self._ports:
            for listener, endpoint, factory in self._listeners:
                self._listen(listener, endpoint, factory)

    def unbind(self) -> list[Any]:
        """Stop listening; return what to wait for."""
        ports, self._ports = self._ports, []
        return [maybeDeferred(port.stopListening) for port in ports]

    async def shut_down(self, seconds: float) -> None:
        """Take no more connections and let sessions end.

        Args:
            seconds: How long they may take; then they are left alone.
        """
        await gatherResults(self.unbind())
        ended = gatherResults(
            [factory.shut_down() for _, _, factory in self._listeners]
        )
        ended.addTimeout(seconds, self._reactor, lambda result, late: None)
        await ended

    @property
    def addresses(self) -> list[tuple[str, Any]]:
        """Return what is listened on, as pairs of service and ``IAddress``."""
        return [
            (listener.service, port.getHost())
            for (listener, _, _), port in zip(
                self._listeners, self._ports, strict=False
            )
        ]

    def _listen(self, listener: Listener, endpoint: Any, factory: MailFactory) -> None:
        serving: Any = factory
        if listener.service in IMPLICIT_TLS:
            serving = TLSMemoryBIOFactory(self._tls, False, factory)
            serving.noisy = False
        if listener.endpoint.startswith(PREFIX):
            serving = ProxiedFactory(serving, self._reactor)
        trouble: list[Failure] = []
        endpoint.listen(serving).addCallbacks(self._ports.append, trouble.append)
        if trouble:
            self.unbind()
            error: Any = trouble[0].value
            raise BadConfig(
                f"--{listener.service} {listener.endpoint}:"
                f" {said(getattr(error, 'socketError', None) or error)}"
            )
        _log.info(
            "{service} on {endpoint}",
            service=listener.service,
            endpoint=listener.endpoint,
        )


def _endpoint(listener: Listener, reactor: Any) -> Any:
    try:
        endpoint: Any = serverFromString(  # type: ignore[no-untyped-call]
            reactor, listener.endpoint.removeprefix(PREFIX)
        )
        return endpoint
    except (ValueError, TypeError, KeyError) as error:
        raise BadConfig(
            f"--{listener.service} {listener.endpoint}: not an endpoint: {error}"
        ) from None


def said(error: BaseException) -> str:
    """Return an error as one line for people."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    return str(error)
