"""Makes a server and a pump for each connection, and counts them.

Base of the factories operators and embedders use: :mod:`.smtp`, :mod:`.imap`
and :mod:`.pop3`.
"""

from collections import Counter
from typing import Any, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailframe.interfaces.connection import IServer
from mailframe.limits import ConnectionLimits
from mailframe.net.pump import Pump

_log = Logger()


class MailFactory(Factory):
    """A listening service: a subclass says which server it builds."""

    noisy = False

    def __init__(
        self,
        reactor: Any,
        *,
        tls_context: Any = None,
        allow_plaintext_auth: bool = False,
        connections: ConnectionLimits | None = None,
    ) -> None:
        """Prepare to serve.

        Args:
            reactor: Provides IReactorTime.
            tls_context: For STARTTLS, a :class:`.tls.ServerTLS`;
                ``None`` to offer none.
            allow_plaintext_auth: Whether passwords may cross any network
                without TLS.
            connections: How many there may be.
        """
        self.reactor = reactor
        self._tls_context = tls_context
        self._allow_plaintext_auth = allow_plaintext_auth
        self._connections = connections or ConnectionLimits()
        self._pumps: dict[Pump, str | None] = {}
        self._by_address: Counter[str | None] = Counter()
        self._emptied: Deferred[None] | None = None

    def build_server(self) -> IServer:
        """Return a fresh server for one connection."""
        raise NotImplementedError

    def report(self, error: BaseException) -> None:
        """Log a bug of ours that a server met; the peer sees a fixed text."""
        _log.error(
            "{kind}: {error!r}",
            kind=type(self).__name__,
            error=error,
            log_failure=cast(Any, Failure)(error),
        )

    def buildProtocol(self, addr: IAddress | None) -> Pump | None:
        """Return the protocol of a new connection; ``None`` when there are enough."""
        address = getattr(addr, "host", None)
        if self._emptied is not None or self._too_many(address):
            return None
        pump = Pump(
            self.build_server(),
            self.reactor,
            tls_context=self._tls_context,
            trust_plaintext=self._allow_plaintext_auth,
            gone=self._forget,
        )
        pump.factory = self
        self._pumps[pump] = address
        self._by_address[address] += 1
        return pump

    def shut_down(self) -> "Deferred[None]":
        """Have every session say goodbye.

        Returns:
            Fires when the last connection and its last step are over.
        """
        if self._emptied is None:
            self._emptied = Deferred()
            for pump in list(self._pumps):
                pump.shut_down()
            if not self._pumps:
                return succeed(None)
        return self._emptied if self._pumps else succeed(None)

    def _too_many(self, address: str | None) -> bool:
        limits = self._connections
        if len(self._pumps) >= limits.total:
            _log.warn("refused {address}: too many connections", address=address)
            return True
        # Everybody behind a proxy on this machine has the same address.
        if address is None or address in ("127.0.0.1", "::1"):
            return False
        if self._by_address[address] >= limits.per_address:
            _log.warn("refused {address}: too many from there", address=address)
            return True
        return False

    def _forget(self, pump: Pump) -> None:
        address = self._pumps.pop(pump, None)
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]
        if self._emptied is not None and not self._pumps and not self._emptied.called:
            self._emptied.callback(None)
