"""What is sent over HTTP, when it is small and there already. For the adapters."""

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer


@implementer(IBodyProducer)
class OctetsBody:
    """Octets that are sent all at once."""

    def __init__(self, octets: bytes) -> None:
        """Take what is to be sent."""
        self._octets = octets
        self.length = len(octets)

    def startProducing(self, consumer: Any) -> "Deferred[None]":  # noqa: N802
        """Send it."""
        consumer.write(self._octets)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Do nothing; it is sent already."""

    def resumeProducing(self) -> None:
        """Do nothing; it is sent already."""

    def stopProducing(self) -> None:
        """Do nothing; it is sent already."""
