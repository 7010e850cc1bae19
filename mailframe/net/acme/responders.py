"""What the authority connects to: a web server and a TLS server with one answer each.

Source: RFC 8555 section 8.3 (HTTP-01), RFC 8737 section 3 (TLS-ALPN-01).
"""

from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import (
    IHandshakeListener,
    IOpenSSLContextFactory,
    IProtocolFactory,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.policies import TimeoutMixin
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.web.resource import Resource
from twisted.web.server import Site
from zope.interface import implementer

from mailframe.net.acme.challenges import Challenges

TIMEOUT = 10
"""Seconds the authority has for its question."""

_PREFIX = b"/.well-known/acme-challenge/"


def http_factory(challenges: Challenges, reactor: Any) -> IProtocolFactory:
    """Return what answers HTTP-01, and 404 to everything else."""
    make: Any = Site
    site: Any = make(_Answer(challenges), timeout=TIMEOUT, reactor=reactor)
    site.displayTracebacks = False
    site.noisy = False
    answer: IProtocolFactory = site
    return answer


def tls_factory(challenges: Challenges, reactor: Any) -> IProtocolFactory:
    """Return what answers TLS-ALPN-01, and does not shake hands otherwise."""
    within: Any = Factory.forProtocol(_Closing)
    within.noisy = False
    within.reactor = reactor
    factory: Any = TLSMemoryBIOFactory(_ByName(challenges), False, within)
    factory.noisy = False
    answer: IProtocolFactory = factory
    return answer


class _Answer(Resource):
    """The whole web site."""

    isLeaf = True

    def __init__(self, challenges: Challenges) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._challenges = challenges

    def render_GET(self, request: Any) -> bytes:
        """Return the proof for the token asked for, or 404."""
        found = None
        if request.path.startswith(_PREFIX):
            token = request.path[len(_PREFIX) :].decode("ascii", "replace")
            found = self._challenges.by_token(token)
        if found is None:
            request.setResponseCode(404)
            return b""
        request.setHeader(b"content-type", b"application/octet-stream")
        return found.encode()


@implementer(IOpenSSLContextFactory)
class _ByName:
    """Has a certificate only for names that are being validated."""

    def __init__(self, challenges: Challenges) -> None:
        self._challenges = challenges
        self._context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._context.set_tlsext_servername_callback(self._choose)

    def getContext(self) -> SSL.Context:
        """Return the context of a handshake."""
        return self._context

    def _choose(self, connection: SSL.Connection) -> None:
        asked = connection.get_servername() or b""
        context = self._challenges.by_name(asked.decode("ascii", "replace").lower())
        if context is not None:
            connection.set_context(context)


@implementer(IHandshakeListener)
class _Closing(Protocol, TimeoutMixin):
    """Closes after the handshake, which is all there is to it."""

    factory: Any
    transport: Any

    def callLater(self, period: float, function: Any) -> Any:
        """Have the time measured by the host's reactor."""
        return self.factory.reactor.callLater(period, function)

    def connectionMade(self) -> None:
        """Wait for the handshake."""
        self.setTimeout(TIMEOUT)  # type: ignore[no-untyped-call]

    def handshakeCompleted(self) -> None:
        """Close: the certificate was shown."""
        self.transport.loseConnection()

    def connectionLost(self, reason: Any = None) -> None:
        """Wait no more."""
        self.setTimeout(None)  # type: ignore[no-untyped-call]
