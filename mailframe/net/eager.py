"""A TCP transport that sends at once what the socket takes.

Twisted's own waits for the next turn of the reactor with every write, which
costs two calls of epoll and the turn. What the socket does not take goes the
usual way, with producers and all.
"""

from socket import AF_INET, AF_INET6
from typing import Any

from twisted.internet.tcp import Port, Server


class EagerServer(Server):
    """One accepted connection."""

    SEND_LIMIT = 1_048_576

    def write(self, data: bytes) -> None:
        """Send, or keep for later what cannot be sent now."""
        if (
            self.TLS
            or not self.connected
            or self.disconnecting
            or self._writeDisconnecting
            or self.dataBuffer
            or self._tempDataBuffer
        ):
            super().write(data)  # type: ignore[no-untyped-call]
            return
        try:
            sent = self.socket.send(data)
        except OSError:
            # Full, or gone: the usual way finds out which.
            sent = 0
        if sent < len(data):
            rest = data[sent:] if sent else data
            super().write(rest)  # type: ignore[no-untyped-call]


def be_eager(port: Any) -> None:
    """Have a listening TCP port give its connections this transport.

    Args:
        port: What an endpoint's ``listen`` gave; other kinds stay as they are.
    """
    # Twisted's port of a Unix socket is one of TCP, too, with other transports.
    if isinstance(port, Port) and port.addressFamily in (AF_INET, AF_INET6):
        port.transport = EagerServer
