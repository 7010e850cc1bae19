"""Fetches MTA-STS policies over HTTPS.

Source: RFC 8461 section 3.3.
"""

from typing import Any

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    wrapClientTLS,
)
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import optionsForClientTLS
from twisted.web.client import Agent, ResponseDone, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from mailframe.errors import TemporaryFailure
from mailframe.net.dns import Resolver
from mailframe.net.mta_sts import MAX_POLICY, BadPolicy

FETCH_TIMEOUT = 60.0
"""Seconds a policy may take (RFC 8461 section 3.3)."""

CONNECT_TIMEOUT = 15.0
"""Seconds for one address."""


NO_CONNECTION = (
    CancelledError,
    ConnectError,
    DeferredTimeout,
    OSError,
    TemporaryFailure,
)
"""What a request fails with when there is nobody to answer it."""


def https_agent(
    reactor: Any, resolver: Resolver, trust_root: Any = None, port: int | None = None
) -> Any:
    """Return an ``Agent`` whose hosts are found by our resolver; for HTTPS only.

    Args:
        reactor: Provides IReactorTime and IReactorTCP.
        resolver: Tells where hosts are.
        trust_root: An ``IOpenSSLTrustRoot``; ``None`` for the system's.
        port: Where they listen whatever the URL says, ``None`` for what it says.
    """
    agent: Any = Agent
    endpoints = _Endpoints(reactor, resolver, trust_root, port)
    return agent.usingEndpointFactory(reactor, endpoints)


class PolicyFetcher:
    """Fetches one policy at each call."""

    def __init__(
        self,
        reactor: Any,
        resolver: Resolver,
        *,
        trust_root: Any = None,
        port: int = 443,
    ) -> None:
        """Prepare to fetch.

        Args:
            reactor: Provides IReactorTime and IReactorTCP.
            resolver: Tells where ``mta-sts`` hosts are.
            trust_root: An ``IOpenSSLTrustRoot``; ``None`` for the system's.
            port: Another one is for tests.
        """
        self._reactor = reactor
        self._agent = https_agent(reactor, resolver, trust_root, port)

    async def __call__(self, domain: str) -> str:
        """Return the text of a domain's policy.

        Raises:
            BadPolicy: It cannot be had.
        """
        url = f"https://mta-sts.{domain}/.well-known/mta-sts.txt".encode("ascii")
        fetching = Deferred.fromCoroutine(self._get(url))
        fetching.addTimeout(FETCH_TIMEOUT, self._reactor)
        try:
            return await fetching
        except NO_CONNECTION:
            raise BadPolicy("sts-policy-fetch-error", "no connection") from None
        except ResponseFailed as error:
            for reason in error.reasons:
                if reason.check(SSL.Error, VerificationError):
                    raise BadPolicy("sts-webpki-invalid", "bad certificate") from None
            raise BadPolicy("sts-policy-fetch-error", "no answer") from None

    async def _get(self, url: bytes) -> str:
        response = await self._agent.request(b"GET", url, Headers({}))
        # Redirects are not followed: RFC 8461 section 3.3.
        if response.code != 200:
            raise BadPolicy("sts-policy-fetch-error", f"HTTP status {response.code}")
        kinds = response.headers.getRawHeaders(b"content-type") or [b""]
        if kinds[0].partition(b";")[0].strip().lower() != b"text/plain":
            raise BadPolicy("sts-policy-invalid", "not text/plain")
        body = _Body()
        response.deliverBody(body)
        octets = await body.whole
        try:
            return octets.decode("utf-8")
        except UnicodeDecodeError:
            raise BadPolicy("sts-policy-invalid", "not UTF-8") from None


class _Body(Protocol):
    """Gathers the body of an answer, which may be only so long."""

    def __init__(self) -> None:
        self.whole: Deferred[bytes] = Deferred()
        self._octets = b""

    def dataReceived(self, data: bytes) -> None:
        self._octets += data
        if len(self._octets) > MAX_POLICY:
            self._end(BadPolicy("sts-policy-invalid", "too long"))
            transport: Any = self.transport
            transport.abortConnection()

    def connectionLost(self, reason: Any = connectionDone) -> None:
        good = reason.check(ResponseDone)
        cut = BadPolicy("sts-policy-fetch-error", "the answer was cut")
        self._end(None if good else cut)

    def _end(self, error: BadPolicy | None) -> None:
        if self.whole.called:
            return
        if error is None:
            self.whole.callback(self._octets)
        else:
            self.whole.errback(error)


@implementer(IAgentEndpointFactory)
class _Endpoints:
    """Says where the agent connects to."""

    def __init__(
        self, reactor: Any, resolver: Resolver, trust_root: Any, port: int | None
    ) -> None:
        self._reactor = reactor
        self._resolver = resolver
        self._trust_root = trust_root
        self._port = port

    def endpointForURI(self, uri: Any) -> Any:  # noqa: N802
        if uri.scheme != b"https":
            raise ConnectError(string="not https")  # type: ignore[no-untyped-call]
        host = uri.host.decode("ascii")
        port = self._port or uri.port
        plain = _HostEndpoint(self._reactor, self._resolver, host, port)
        options = optionsForClientTLS(host, self._trust_root)
        return wrapClientTLS(options, plain)


@implementer(IStreamClientEndpoint)
class _HostEndpoint:
    """Connects to the first address of a host that answers."""

    def __init__(self, reactor: Any, resolver: Resolver, host: str, port: int) -> None:
        self._reactor = reactor
        self._resolver = resolver
        self._host = host
        self._port = port

    def connect(self, factory: Any) -> "Deferred[Any]":
        return Deferred.fromCoroutine(self._connect(factory))

    async def _connect(self, factory: Any) -> Any:
        found = await self._resolver.addresses(self._host)
        trouble: Exception = ConnectError(string="no address")  # type: ignore[no-untyped-call]
        for address in found.addresses:
            kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
            endpoint = kind(self._reactor, address, self._port, CONNECT_TIMEOUT)
            try:
                return await endpoint.connect(factory)
            except ConnectError as error:
                trouble = error
        raise trouble
