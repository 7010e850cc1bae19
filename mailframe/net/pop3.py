"""The POP3 service as a Twisted factory."""

from collections.abc import Callable
from typing import Any

from mailframe.interfaces.auth import ILoginPortal
from mailframe.interfaces.connection import IServer
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.interfaces.maildrop import IMaildrop
from mailframe.limits import POP3Limits
from mailframe.net.factory import MailFactory
from mailframe.pop3.options import POP3Options
from mailframe.pop3.server import POP3Server


class POP3Factory(MailFactory):
    """Serves POP3 to whoever the portal lets in."""

    def __init__(
        self,
        portal: ILoginPortal,
        *,
        maildrop_of: Callable[[IMailAccount], IMaildrop],
        reactor: Any,
        hostname: str = "localhost",
        limits: POP3Limits | None = None,
        options: POP3Options | None = None,
        **transport: Any,
    ) -> None:
        """Prepare to serve.

        Args:
            portal: Its realm answers for ``IMaildrop`` or ``IMailAccount``.
            maildrop_of: Makes a maildrop of an account, such as
                ``mailframe.storage.maildrop.Maildrops()``.
            reactor: Provides IReactorTime.
            hostname: Our name, for the greeting.
            limits: What one session may use.
            options: How it shall behave.
            transport: ``tls_context``, ``allow_plaintext_auth`` and
                ``connections``, see :class:`.factory.MailFactory`.
        """
        super().__init__(reactor, **transport)
        self._portal = portal
        self._maildrop_of = maildrop_of
        self._hostname = hostname
        self._limits = limits or POP3Limits()
        self._options = options or POP3Options()

    def build_server(self) -> IServer:
        """Return a fresh session."""
        return POP3Server(
            self._portal,
            maildrop_of=self._maildrop_of,
            hostname=self._hostname,
            limits=self._limits,
            report=self.report,
            now=self.reactor.seconds,
            options=self._options,
        )
