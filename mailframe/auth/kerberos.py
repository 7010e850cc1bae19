"""Let in whom Kerberos knows: the accepting side of GSSAPI.

Needs the package ``gssapi``, and a keytab with a key of each service:
``imap/HOST``, ``pop/HOST``, ``smtp/HOST``.

Source: RFC 4752 section 3, RFC 4121.
"""

import importlib
import os
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, succeed
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from zope.interface import implementer

from mailframe.auth.passwd_line import is_name
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.credentials import (
    IKerberosName,
    ISecurityContext,
    ISecurityContextSource,
)

_log = Logger()

gssapi: Any = importlib.import_module("gssapi")
"""Optional, and without types of its own on many machines."""

Run = Callable[..., Awaitable[Any]]


@implementer(ISecurityContext)
class KerberosContext:
    """One dialogue of tokens."""

    def __init__(self, context: Any, run: Run) -> None:
        """Begin.

        Args:
            context: A ``gssapi.SecurityContext`` that accepts.
            run: Calls a function with arguments in a thread.
        """
        self._context = context
        self._run = run

    @property
    def complete(self) -> bool:
        """Whether both sides know each other."""
        return bool(self._context.complete)

    @property
    def initiator(self) -> str:
        """The client's principal, once ``complete``."""
        return str(self._context.initiator_name) if self.complete else ""

    async def step(self, token: bytes) -> bytes:
        """Take a token; a thread reads keytab and replay cache meanwhile.

        Raises:
            UnauthorizedLogin: The token is not a good one.
        """
        try:
            answer = await self._run(self._context.step, token)
        except gssapi.exceptions.GSSError:
            # Its text may name keys and principals: neither log nor peer.
            raise UnauthorizedLogin("not a good token") from None
        return answer or b""

    def wrap(self, message: bytes) -> bytes:
        """Return ``message`` signed, not encrypted.

        Raises:
            UnauthorizedLogin: The client's ticket does not allow it.
        """
        try:
            wrapped: bytes = self._context.wrap(message, False).message
        except gssapi.exceptions.GSSError:
            raise UnauthorizedLogin("cannot sign") from None
        return wrapped

    def unwrap(self, message: bytes) -> bytes:
        """Return what the client wrapped.

        Raises:
            UnauthorizedLogin: It was not the client, or not so.
        """
        try:
            unwrapped: bytes = self._context.unwrap(message).message
        except gssapi.exceptions.GSSError:
            raise UnauthorizedLogin("not wrapped by the client") from None
        return unwrapped


@implementer(ICredentialsChecker, ISecurityContextSource)
class KerberosChecker:
    """Let the users of one realm in as addresses of the default domain."""

    credentialInterfaces = (IKerberosName,)

    def __init__(
        self,
        keytab: str,
        realm: str,
        default_domain: str = "localhost",
        *,
        run: Run = deferToThread,
    ) -> None:
        """Accept with the keys of ``keytab``; it is read for each login.

        Args:
            keytab: The file.
            realm: Whose users may come in; those of others may not.
            default_domain: Of their addresses.
            run: Calls a function with arguments in a thread.
        """
        self.default_domain = default_domain
        self._keytab = os.path.abspath(keytab)
        self._realm = realm
        self._run = run

    async def security_context(self) -> KerberosContext:
        """Begin a dialogue.

        Raises:
            TemporaryFailure: There is no key to accept with.
        """
        try:
            context = await self._run(self._accepting)
        except gssapi.exceptions.GSSError as error:
            _log.error("{keytab}: no key ({why!s})", keytab=self._keytab, why=error)
            raise TemporaryFailure("no key to accept with") from None
        return KerberosContext(context, self._run)

    def requestAvatarId(self, credentials: Any) -> "Deferred[bytes | tuple[()]]":
        """Return the address ``local@domain`` in UTF-8.

        Raises:
            UnauthorizedLogin: Another realm, a principal that is no user, or
                another name than its own was asked for.
        """
        local, _, realm = credentials.principal.rpartition("@")
        if realm != self._realm or not is_name(local) or "/" in local or "\\" in local:
            raise UnauthorizedLogin("no user of this realm")
        address = f"{local}@{self.default_domain}".encode()
        if credentials.username not in (None, local.encode(), address):
            raise UnauthorizedLogin("another name")
        return succeed(address)

    def _accepting(self) -> Any:
        own = gssapi.Credentials(usage="accept", store={"keytab": self._keytab})
        return gssapi.SecurityContext(creds=own, usage="accept")
