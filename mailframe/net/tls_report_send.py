"""Sends TLS reports: into the queue, or over HTTPS.

Source: RFC 8460 sections 5.3 and 5.4.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.web.client import ResponseFailed
from twisted.web.http_headers import Headers

from mailframe.errors import TemporaryFailure
from mailframe.http_body import OctetsBody
from mailframe.model.address import Address
from mailframe.model.envelope import Envelope, ForwardPath, Origin, ReversePath
from mailframe.net.dns import Resolver
from mailframe.net.mta_sts_fetch import NO_CONNECTION, https_agent
from mailframe.net.tls_report import Report
from mailframe.net.tls_report_mail import (
    MEDIA_TYPE,
    compressed,
    message,
    recipient_of,
)

POST_TIMEOUT = 60.0
"""Seconds an endpoint has to take a report."""

NEVER: frozenset[str] = frozenset()
"""NOTIFY=NEVER."""

Submit = Callable[[Envelope, bytes], Awaitable[object]]


class ReportSender:
    """Sends one report at each call."""

    def __init__(
        self,
        reactor: Any,
        resolver: Resolver,
        submit: Submit,
        *,
        submitter: str,
        sender: Address,
        identify: Callable[[], str],
        trust_root: Any = None,
    ) -> None:
        """Prepare to send.

        Args:
            reactor: Provides IReactorTime and IReactorTCP.
            resolver: Tells where endpoints are.
            submit: Takes a message's envelope and octets into the queue.
            submitter: Our name.
            sender: Who writes.
            identify: Makes identities of letters and digits.
            trust_root: An ``IOpenSSLTrustRoot``; ``None`` for the system's.
        """
        self._reactor = reactor
        self._submit = submit
        self._submitter = submitter
        self._sender = sender
        self._identify = identify
        self._agent = https_agent(reactor, resolver, trust_root)

    async def __call__(self, report: Report) -> None:
        """Send a report.

        Raises:
            MailError: It was not taken; another time, perhaps.
        """
        if report.uri.lower().startswith("mailto:"):
            recipient = recipient_of(report.uri)
            if recipient is not None:
                await self._mail(report, recipient)
            return
        posting = Deferred.fromCoroutine(self._post(report))
        posting.addTimeout(POST_TIMEOUT, self._reactor)
        try:
            await posting
        except (*NO_CONNECTION, ResponseFailed, ValueError) as error:
            raise TemporaryFailure(f"not posted: {error}") from None

    async def _mail(self, report: Report, recipient: Address) -> None:
        now = self._reactor.seconds()
        octets = message(
            report,
            recipient,
            submitter=self._submitter,
            sender=self._sender,
            now=now,
            identity=self._identify(),
        )
        envelope = Envelope(
            ReversePath(self._sender),
            # A report that is not delivered is nothing to write of.
            (ForwardPath(recipient, NEVER),),
            Origin("local", "", "", "", self._submitter),
        )
        await self._submit(envelope, octets)

    async def _post(self, report: Report) -> None:
        response = await self._agent.request(
            b"POST",
            report.uri.encode("ascii"),
            Headers({b"Content-Type": [MEDIA_TYPE.encode()]}),
            OctetsBody(compressed(report)),
        )
        response.deliverBody(_Unread())
        if response.code // 100 != 2:
            raise TemporaryFailure(f"HTTP status {response.code}")


class _Unread(Protocol):
    """Takes nothing of an answer's body, however long it is."""

    def connectionMade(self) -> None:
        """End the connection."""
        transport: Any = self.transport
        transport.abortConnection()
