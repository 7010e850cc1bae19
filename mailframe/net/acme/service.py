"""Keeps a certificate of an ACME authority: asks for it, and again in time.

Until there is one, a self-signed certificate of the same names is served.

Source: RFC 8555 section 7.4.
"""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from twisted.application.service import MultiService
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailframe.net.acme.challenges import Challenges
from mailframe.net.self_signed import self_signed
from mailframe.replaced_file import replace_file

_log = Logger()

LOOK_INTERVAL = 12 * 3600.0
"""Seconds between two looks whether a certificate is due."""

FIRST_RETRY = 60.0
"""Seconds after the first failure; twice as many after each further one."""

LAST_RETRY = 12 * 3600.0

RENEW_AT = 1 / 3
"""A certificate is due when no more than this part of its life is left."""


class NotIssued(Exception):
    """There is no certificate; the text is one line for people."""


class ACMEService(MultiService):
    """Sees that the certificate file is always fresh; its children are responders.

    Attributes:
        path: PEM file of key and chain; there from the beginning.
        challenges: What the responders show.
    """

    def __init__(
        self,
        directory: Path,
        names: Sequence[str],
        obtain: Callable[[Sequence[str], Challenges], bytes],
        run: Callable[..., Awaitable[bytes]],
        reactor: Any,
    ) -> None:
        """Have a certificate to serve, if need be our own.

        Args:
            directory: Created with mode 0700 when missing.
            names: DNS names, A-labels.
            obtain: Returns key and chain, PEM, or raises :class:`NotIssued`;
                blocks.
            run: Calls a function in a thread.
            reactor: Provides IReactorTime, from 1970.

        Raises:
            OSError: The directory cannot be written.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._names = tuple(names)
        self._obtain = obtain
        self._run = run
        self._reactor = reactor
        self._call: Any = None
        self._asking: Deferred[None] | None = None
        self._failures = 0
        self.challenges = Challenges()
        self.path = directory / "certificates" / "host.pem"
        if not self.path.exists():
            own, key = self_signed(directory / "self-signed", names)
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            replace_file(self.path, key.read_bytes() + own.read_bytes())

    def startService(self) -> None:
        """Begin to look after it."""
        super().startService()  # type: ignore[no-untyped-call]
        self._call = self._reactor.callLater(0, self._look)

    def stopService(self) -> Any:
        """Stop; what a thread is doing is not waited for."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if self._asking is not None:
            self._asking.cancel()
        return super().stopService()  # type: ignore[no-untyped-call]

    def due(self) -> bool:
        """Tell whether it is time for a new certificate.

        Raises:
            OSError: The file cannot be read.
            ValueError: There is no certificate in it.
        """
        [certificate, *_] = x509.load_pem_x509_certificates(self.path.read_bytes())
        begin = certificate.not_valid_before_utc.timestamp()
        end = certificate.not_valid_after_utc.timestamp()
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value.get_values_for_type(x509.DNSName)
        return (
            certificate.issuer == certificate.subject
            or not set(self._names) <= set(names)
            or end - self._reactor.seconds() <= (end - begin) * RENEW_AT
        )

    def _look(self) -> None:
        self._call = None
        self._asking = Deferred.fromCoroutine(self._renew())
        self._asking.addErrback(_pass_over_end)

    async def _renew(self) -> None:
        wait = LOOK_INTERVAL
        try:
            if self.due():
                octets = await self._run(self._obtain, self._names, self.challenges)
                replace_file(self.path, octets)
                _log.info("a new certificate for {names}", names=", ".join(self._names))
            self._failures = 0
        except (NotIssued, OSError, ValueError) as error:
            wait = min(FIRST_RETRY * 2**self._failures, LAST_RETRY)
            self._failures += 1
            _log.error(
                "no new certificate: {error}; again in {minutes} minutes",
                error=str(error),
                minutes=round(wait / 60),
            )
        self._asking = None
        if self.running:
            self._call = self._reactor.callLater(wait, self._look)


def _pass_over_end(failure: Failure) -> None:
    failure.trap(CancelledError)  # type: ignore[no-untyped-call]
