"""The IMAP service as a Twisted factory."""

from typing import Any

from mailframe.imap.server import IMAPServer
from mailframe.imap.url_access import URLAccess
from mailframe.interfaces.auth import ILoginPortal
from mailframe.interfaces.connection import IServer
from mailframe.interfaces.content import IIntake
from mailframe.limits import IMAPLimits
from mailframe.net.factory import MailFactory


class IMAPFactory(MailFactory):
    """Serves IMAP to whoever the portal lets in."""

    def __init__(
        self,
        portal: ILoginPortal,
        *,
        intake: IIntake,
        reactor: Any,
        hostname: str = "localhost",
        limits: IMAPLimits | None = None,
        url_access: URLAccess | None = None,
        **transport: Any,
    ) -> None:
        """Prepare to serve.

        Args:
            portal: Its realm answers for ``IMailAccount``.
            intake: Where appended messages rest while they arrive.
            reactor: Provides IReactorTime.
            hostname: Our name, for the greeting.
            limits: What one session may use.
            url_access: Follows URLs with tokens (URLAUTH); ``None`` for none.
            transport: ``tls_context``, ``allow_plaintext_auth`` and
                ``connections``, see :class:`.factory.MailFactory`.
        """
        super().__init__(reactor, **transport)
        self._portal = portal
        self._intake = intake
        self._hostname = hostname
        self._limits = limits or IMAPLimits()
        self._url_access = url_access

    def build_server(self) -> IServer:
        """Return a fresh session."""
        return IMAPServer(
            self._portal,
            hostname=self._hostname,
            limits=self._limits,
            intake=self._intake,
            report=self.report,
            now=self.reactor.seconds,
            url_access=self._url_access,
        )
