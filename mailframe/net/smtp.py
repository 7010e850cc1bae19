"""SMTP, submission and LMTP as a Twisted factory."""

from typing import Any

from mailframe.interfaces.auth import ILoginPortal
from mailframe.interfaces.connection import IServer
from mailframe.interfaces.delivery import IMailReceiver
from mailframe.limits import SMTPLimits
from mailframe.net.factory import MailFactory
from mailframe.smtp.options import SMTPOptions
from mailframe.smtp.server import SMTPServer


class SMTPFactory(MailFactory):
    """Takes mail and hands it to a receiver, which decides all policy."""

    def __init__(
        self,
        receiver: IMailReceiver,
        *,
        reactor: Any,
        portal: ILoginPortal | None = None,
        service: str = "smtp",
        hostname: str = "localhost",
        limits: SMTPLimits | None = None,
        options: SMTPOptions | None = None,
        **transport: Any,
    ) -> None:
        """Prepare to serve.

        Args:
            receiver: Takes the mail.
            reactor: Provides IReactorTime.
            portal: Who may log in; needed for ``submission``.
            service: ``smtp``, ``submission`` or ``lmtp``.
            hostname: Our name, for the greeting and the trace fields.
            limits: What one session may use.
            options: What is offered beyond the usual; ``None`` for nothing.
            transport: ``tls_context``, ``allow_plaintext_auth`` and
                ``connections``, see :class:`.factory.MailFactory`.
        """
        super().__init__(reactor, **transport)
        self._receiver = receiver
        self._portal = portal
        self._service = service
        self._hostname = hostname
        self._limits = limits or SMTPLimits()
        self._options = options

    def build_server(self) -> IServer:
        """Return a fresh session."""
        return SMTPServer(
            self._receiver,
            portal=self._portal,
            service=self._service,
            hostname=self._hostname,
            limits=self._limits,
            options=self._options,
            report=self.report,
            now=self.reactor.seconds,
        )
