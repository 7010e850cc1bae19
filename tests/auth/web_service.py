"""A web service for tests: real connections, with TLS, that says what it is told."""

import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from twisted.internet import reactor  # noqa: TID251 - real connections, real time
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import deferLater
from twisted.protocols import policies
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from mailframe.net.self_signed import self_signed


class Asked:
    """One question as it came.

    Attributes:
        method: Such as ``POST``.
        path: Such as ``/login``.
        headers: By name in lower case.
        body: Its octets.
    """

    def __init__(self, request: Any) -> None:
        self.method = request.method.decode()
        self.path = request.uri.decode()
        self.headers = {
            name.decode().lower(): values[0].decode()
            for name, values in request.requestHeaders.getAllRawHeaders()
        }
        self.body = request.content.read()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class WebService(Resource):
    """Answers every question.

    Attributes:
        asked: The questions so far.
        status: Of the next answers.
        body: Of the next answers: octets, or what becomes JSON.
        headers: Of the next answers.
        hangs: Whether there is no answer at all.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Asked] = []
        self.status = 200
        self.body: Any = b""
        self.headers: dict[str, str] = {}
        self.hangs = False
        self.url = ""
        self._port: Any = None
        self._live: Any = None
        self._channels: set[Any] = set()

    def listen(self, directory: str) -> "Coroutine[Deferred[Any], Any, WebService]":
        """Listen with TLS; ``ca`` is then the certificate to trust.

        Args:
            directory: Where the certificate goes.
        """
        certificate, key = self_signed(Path(directory).absolute(), ("localhost",))
        self.ca = str(certificate)
        return self._listen(
            f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={certificate}", "https"
        )

    async def listen_plainly(self) -> "WebService":
        """Listen without TLS."""
        return await self._listen("tcp:0:interface=127.0.0.1", "http")

    async def close(self) -> None:
        """Stop listening, and close every connection."""
        await self._port.stopListening()
        self.disconnect()
        while self._live.protocols:
            await deferLater(reactor, 0.01)  # type: ignore[arg-type]

    @property
    def connections(self) -> int:
        """How many there have been."""
        return len(self._channels)

    def disconnect(self) -> None:
        """End every connection."""
        for channel in self._channels:
            channel.loseConnection()

    def render(self, request: Any) -> Any:
        """Answer."""
        self.asked.append(Asked(request))
        self._channels.add(request.channel)
        request.setResponseCode(self.status)
        for name, value in self.headers.items():
            request.setHeader(name, value)
        if self.hangs:
            return NOT_DONE_YET
        body = self.body
        return body if isinstance(body, bytes) else json.dumps(body).encode()

    async def _listen(self, endpoint: str, scheme: str) -> "WebService":
        self._live = _Connections(_Site(self))
        listening: Deferred[Any] = serverFromString(reactor, endpoint).listen(
            self._live
        )
        self._port = await listening
        self.url = f"{scheme}://localhost:{self._port.getHost().port}"
        return self


class _Connections(policies.WrappingFactory):
    """Has the connections that are open in ``protocols``."""

    noisy = False


class _Site(Site):
    """Logs nothing."""

    noisy = False

    def log(self, request: Any) -> None:
        """Do nothing."""
