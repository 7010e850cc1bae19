"""GSSAPI: Kerberos 5, whose tokens a checker makes and reads.

No security layer is offered: TLS is below.

Source: RFC 4752 section 3.
"""

from typing import Any

from mailframe.errors import BadSyntax
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.interfaces.connection import IConnection
from mailframe.interfaces.credentials import (
    IKerberosName,
    ISecurityContext,
    ISecurityContextSource,
    KerberosName,
)
from mailframe.sasl.mechanism import Answer, Challenge, Mechanism, Question, Success
from mailframe.sasl.password import check_name

# One octet: which security layers; three: the largest message then.
_NO_LAYER = b"\x01\0\0\0"


class GSSAPI(Mechanism):
    """Tokens go to and fro until both sides know each other."""

    name = "GSSAPI"
    credentials_interface = IKerberosName
    source_interface = ISecurityContextSource
    plaintext = False

    def __init__(self, connection: IConnection) -> None:
        """Begin before the client's first token."""
        super().__init__(connection)
        self._context: ISecurityContext | None = None
        self._offered = False

    def respond(self, octets: bytes) -> Answer:
        """Take a token, at the end the client's choice.

        Raises:
            BadSyntax: It is not what is to come now.
            UnauthorizedLogin: Another layer than was offered, or a name that
                cannot be one.
        """
        context = self._context
        if self._offered:
            assert context is not None
            return self._take_choice(context, octets)
        if context is not None and context.complete:
            # The client has taken our last token.
            if octets:
                raise BadSyntax("an empty response")
            return self._offer(context)

        async def ask(source: Any) -> bytes:
            self._context = context or await source.security_context()
            token: bytes = await self._context.step(octets)
            return token

        return Question(ask, self._take_token)

    def _take_token(self, token: bytes) -> Challenge:
        assert self._context is not None
        if self._context.complete and not token:
            return self._offer(self._context)
        return Challenge(token)

    def _offer(self, context: ISecurityContext) -> Challenge:
        self._offered = True
        return Challenge(context.wrap(_NO_LAYER))

    def _take_choice(self, context: ISecurityContext, octets: bytes) -> Success:
        choice = context.unwrap(octets)
        if len(choice) < 4:
            raise BadSyntax("a choice of four octets, and a name")
        if choice[:4] != _NO_LAYER:
            raise UnauthorizedLogin("a security layer that was not offered")
        username = choice[4:]
        if username:
            check_name(username)
        return Success(KerberosName(context.initiator, username or None))
