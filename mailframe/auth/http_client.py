"""Ask a web service one question, and take one JSON answer of bounded size.

Servers are verified by name, redirections are not followed (they would carry the
secret to somewhere nobody named), and whatever goes wrong is a temporary failure.
"""

import ipaddress
import json
import re
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    BrowserLikePolicyForHTTPS,
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseNeverReceived,
)
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers

from mailframe.authorities import read_authorities
from mailframe.errors import TemporaryFailure
from mailframe.http_body import OctetsBody
from mailframe.model.secret import Secret

_log = Logger()


@dataclass(frozen=True, slots=True)
class HTTPLimits:
    """How long, how many, how much."""

    timeout: float = 10.0
    """Seconds for one question, waiting for its turn included."""
    connections: int = 20
    """Questions asked at a time."""
    waiting: int = 500
    """Questions that wait for their turn."""
    body: int = 65_536
    """Octets of an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service said.

    Attributes:
        status: Of HTTP, such as 200.
        value: The JSON, ``None`` if there was no body.
    """

    status: int
    value: Any = field(repr=False)


def check_url(text: str) -> str:
    """Return a URL that secrets may be sent to.

    Raises:
        ValueError: It is no ``https`` URL, nor an ``http`` one of this machine.
    """
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if not host or not text.isascii() or re.search(r"[\s\x00-\x1f\x7f]", text):
        raise ValueError("must be a URL, https://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not have a password in the URL")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(host)):
        raise ValueError("must be https, or http to this machine itself")
    return text


def tls_policy(ca: str | None) -> Any:
    """Return what verifies servers.

    Args:
        ca: A file of certificates in PEM to trust instead of the system's.

    Raises:
        ValueError: There are none in it.
        OSError: It cannot be read.
    """
    if ca is None:
        return BrowserLikePolicyForHTTPS()  # type: ignore[no-untyped-call]
    trusted = read_authorities(ca)
    return BrowserLikePolicyForHTTPS(trusted)  # type: ignore[no-untyped-call]


def authorization(user: str, password: Secret | None) -> dict[str, Secret]:
    """Return the header that says who we are: Basic with a user, else Bearer.

    Source: RFC 6750 section 2.1.
    """
    if password is None:
        return {}
    if not user:
        return {"Authorization": Secret(b"Bearer " + password.reveal())}
    pair = b64encode(user.encode() + b":" + password.reveal())
    return {"Authorization": Secret(b"Basic " + pair)}


class HTTPClient:
    """Asks one service, so many questions at a time."""

    def __init__(
        self,
        reactor: Any,
        policy: Any = None,
        limits: HTTPLimits = HTTPLimits(),
        headers: dict[str, Secret] | None = None,
    ) -> None:
        """Connect to nothing yet.

        Args:
            reactor: Provides ``IReactorTCP``, ``IReactorTime`` and the rest.
            policy: Verifies servers; ``None``: by the system's certificates.
            limits: How long, how many, how much.
            headers: Sent with every question.
        """
        self._reactor = reactor
        self._limits = limits
        self._headers = headers or {}
        self._places = DeferredSemaphore(limits.connections)
        self._pool: Any = HTTPConnectionPool(reactor)  # type: ignore[no-untyped-call]
        self._pool.maxPersistentPerHost = limits.connections
        self._pool.cachedConnectionTimeout = 30
        self._agent: Any = Agent(  # type: ignore[no-untyped-call]
            reactor,
            policy or tls_policy(None),
            connectTimeout=limits.timeout,
            pool=self._pool,
        )

    async def post_json(self, url: str, value: Any) -> Answer:
        """Post a value as JSON.

        Raises:
            TemporaryFailure: No answer that can be read, in time.
        """
        body = json.dumps(value).encode()
        return await self._ask("POST", url, body, "application/json")

    async def post_form(self, url: str, fields: dict[str, str]) -> Answer:
        """Post fields as a form does.

        Raises:
            TemporaryFailure: No answer that can be read, in time.
        """
        body = urlencode(fields).encode()
        return await self._ask("POST", url, body, "application/x-www-form-urlencoded")

    async def get(self, url: str) -> Answer:
        """Get what is there.

        Raises:
            TemporaryFailure: No answer that can be read, in time.
        """
        return await self._ask("GET", url, None, None)

    def close(self) -> "Deferred[Any]":
        """Close idle connections."""
        closed: Deferred[Any] = self._pool.closeCachedConnections()
        return closed

    async def _ask(
        self, method: str, url: str, body: bytes | None, kind: str | None
    ) -> Answer:
        if (
            self._places.tokens == 0
            and len(self._places.waiting) >= self._limits.waiting
        ):
            raise TemporaryFailure("too many wait for the service")
        asking = Deferred.fromCoroutine(self._in_turn(method, url, body, kind))
        asking.addTimeout(self._limits.timeout, self._reactor)
        try:
            return await asking
        except TemporaryFailure as failure:
            trouble = str(failure)
        except defer.TimeoutError:
            trouble = "no answer in time"
        except Exception as error:
            # The many errors of TCP, TLS and HTTP. Their texts may hold what was
            # sent; their names do not.
            reasons = getattr(error, "reasons", None)
            cause = reasons[0].value if reasons else error
            trouble = type(cause).__name__
            if isinstance(cause, CancelledError):
                trouble = "no answer in time"
        where = urlsplit(url)
        _log.error(
            "{scheme}://{host}{path}: {why}",
            scheme=where.scheme,
            host=where.netloc,
            path=where.path,
            why=trouble,
        )
        raise TemporaryFailure(trouble) from None

    async def _in_turn(
        self, method: str, url: str, body: bytes | None, kind: str | None
    ) -> Answer:
        await self._places.acquire()
        try:
            try:
                return await self._once(method, url, body, kind)
            except (RequestTransmissionFailed, ResponseNeverReceived) as error:
                if not _is_closed(error):
                    raise
                # A connection kept open that the server had just closed.
                return await self._once(method, url, body, kind)
        finally:
            self._places.release()

    async def _once(
        self, method: str, url: str, body: bytes | None, kind: str | None
    ) -> Answer:
        headers = Headers({"User-Agent": ["mailframe"], "Accept": ["application/json"]})
        for name, value in self._headers.items():
            headers.setRawHeaders(name.encode(), [value.reveal()])
        if kind is not None:
            headers.setRawHeaders("Content-Type", [kind])
        producer = None if body is None else OctetsBody(body)
        response = await self._agent.request(
            method.encode(), url.encode("ascii"), headers, producer
        )
        whole: Deferred[bytes] = Deferred(lambda _: taking.abort())
        taking = _Body(whole, self._limits.body)
        response.deliverBody(taking)
        octets = await whole
        if not 200 <= response.code < 300:
            # What is said besides is not for us.
            return Answer(response.code, None)
        if not octets.strip():
            return Answer(response.code, None)
        try:
            return Answer(response.code, json.loads(octets))
        except (ValueError, RecursionError):
            raise TemporaryFailure("the answer is not JSON") from None


class _Body(Protocol):
    """Takes the body of an answer, up to its bound."""

    transport: Any

    def __init__(self, whole: "Deferred[bytes]", most: int) -> None:
        self._whole = whole
        self._room = most
        self._pieces: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:
        """Take a piece."""
        self._room -= len(data)
        if self._room >= 0:
            self._pieces.append(data)
            return
        self._pieces.clear()
        self.abort()
        self._done(TemporaryFailure("the answer is too long"))

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Hand the body on, if it is whole."""
        # A body without a length ends with the connection; JSON shows whether
        # something is missing.
        error = None if reason is None else reason.value
        whole = isinstance(error, ResponseDone | PotentialDataLoss)
        self._done(b"".join(self._pieces) if whole else error)

    def abort(self) -> None:
        """Close the connection at once."""
        if self.transport is not None:
            # The proxy we get cannot abort, what is behind it can; losing a TLS
            # connection would wait for all that the server still sends.
            behind = getattr(self.transport, "_producer", None)
            lose = getattr(behind, "abortConnection", self.transport.loseConnection)
            lose()

    def _done(self, outcome: Any) -> None:
        if self._whole.called:
            return
        if isinstance(outcome, bytes):
            self._whole.callback(outcome)
        else:
            self._whole.errback(outcome or TemporaryFailure("no answer"))


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_closed(error: Any) -> bool:
    return any(reason.check(ConnectionDone, ConnectionLost) for reason in error.reasons)
