"""One client: what it said, who it is, and the mail transaction under way.

Commands and extensions work on this; octets, lines and steps are
:mod:`mailframe.smtp.server`'s matter.

Source: RFC 5321 sections 3.3 and 4.1.4.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from mailframe.errors import MailError
from mailframe.interfaces.auth import ILoginPortal
from mailframe.interfaces.connection import IConnection
from mailframe.interfaces.content import IContent
from mailframe.interfaces.delivery import (
    IDoorkeeper,
    IMailReceiver,
    IMailTransaction,
)
from mailframe.interfaces.reception import IContentGate, IRefusalNoter
from mailframe.limits import SMTPLimits
from mailframe.model.envelope import BodyType, Origin, ReversePath
from mailframe.smtp import replies
from mailframe.smtp.chunk import ChunkReader, PassedOver
from mailframe.smtp.data import DataReader
from mailframe.smtp.options import SMTPOptions

if TYPE_CHECKING:
    from mailframe.smtp.command import Extension, Parameter


VOUCHED = "XCLIENT"
"""The login method of a user a proxy has let in."""


class Session:
    """The state of one session.

    Attributes:
        receiver: Where mail goes.
        doorkeeper: Looks at the client before any mail, or ``None``.
        portal: Who may log in, or ``None``.
        service: ``smtp``, ``submission`` or ``lmtp``.
        hostname: Our own name.
        limits: What the client may use.
        report: Takes our own bugs.
        seconds: Tells the seconds since 1970.
        options: What the operator decided about the service.
        extensions: All there are, in announcing order.
        connection: The transport; set when it is there.
        arriving: Whether the client is to be greeted now.
        helo: What the client calls itself, ``""`` before it said so.
        extended: Whether it said EHLO or LHLO.
        mail_parameters: Parameters of MAIL it may use.
        rcpt_parameters: Parameters of RCPT it may use.
        user: The canonical address it logged in as, or ``None``.
        account: That user's account.
        logout: What to call at the end of a login, once.
        login_method: How: a SASL mechanism, or :data:`VOUCHED`.
        failed_logins: How many logins were refused.
        transaction: The mail transaction, or ``None``.
        smtputf8: Whether its MAIL had SMTPUTF8.
        body: What its MAIL said the content may contain.
        asked: Recipients it was asked to take.
        accepted: Recipients it took.
        data: Reads the content while it comes, else ``None``.
        chunks: Reads the chunks of this transaction, once one has come.
        source: Has what ``data`` reads, if that does not come from the client.
        take_line: Takes the next line of a login instead of a command, or
            ``None``.
        idle: Commands since a message came.
        errors: Refused commands since a message was accepted.
        messages: Messages that came.
        closing: Whether the session is over.
        starting_tls: Whether TLS begins now.
    """

    connection: IConnection

    def __init__(
        self,
        receiver: IMailReceiver,
        *,
        portal: ILoginPortal | None,
        service: str,
        hostname: str,
        limits: SMTPLimits,
        report: Callable[[BaseException], None],
        seconds: Callable[[], float],
        options: SMTPOptions,
        extensions: "Sequence[Extension]",
    ) -> None:
        """Begin before the greeting; the arguments are attributes above."""
        self.receiver = receiver
        self.doorkeeper: Any = receiver if IDoorkeeper.providedBy(receiver) else None
        self.portal = portal
        self.service = service
        self.hostname = hostname
        self.limits = limits
        self.report = report
        self.seconds = seconds
        self.options = options
        self.extensions = extensions
        self.arriving = False
        self._said: Mapping[str, Any] = {}
        self._visit: dict[object, object] = {}
        self.user: str | None = None
        self.account: object = None
        self.logout: Callable[[], Any] | None = None
        self.login_method = ""
        self.failed_logins = 0
        self.transaction: IMailTransaction | None = None
        self.take_line: Callable[[bytes], Coroutine[Any, Any, None]] | None = None
        self.source: IContent | None = None
        self.idle = self.errors = self.messages = 0
        self.closing = self.starting_tls = False
        self._output: list[bytes] = []
        self.greeted("", False, {}, {})
        self.end_transaction()

    def put(self, reply: bytes, counted: bool = True) -> None:
        """Answer.

        Args:
            reply: One of :mod:`mailframe.smtp.replies`.
            counted: Whether a permanent refusal counts as the client's error.
        """
        self._output.append(reply)
        if counted and reply[:1] == b"5":
            self.errors += 1

    def close(self, reply: bytes) -> None:
        """Answer, and end the session."""
        self._output.append(reply)
        self.closing = True

    def take_output(self) -> bytes:
        """Return what was put since the last time."""
        output = b"".join(self._output)
        self._output.clear()
        return output

    def greeted(
        self,
        helo: str,
        extended: bool,
        mail_parameters: "Mapping[str, Parameter]",
        rcpt_parameters: "Mapping[str, Parameter]",
    ) -> None:
        """Note what the client calls itself."""
        self.helo = helo
        self.extended = extended
        self.mail_parameters = mail_parameters
        self.rcpt_parameters = rcpt_parameters
        self._origins: dict[bool, Origin] = {}

    def logged_in(
        self, account: Any, logout: Callable[[], Any], login_method: str
    ) -> None:
        """Note who the client is; the arguments are attributes above."""
        self.user = account.address
        self.account = account
        self.logout = logout
        self.login_method = login_method
        self._origins = {}

    def log_out(self) -> Awaitable[Any] | None:
        """End a login, if there is one; return what is to be waited for."""
        logout, self.logout = self.logout, None
        self.user = self.account = None
        self.login_method = ""
        self._origins = {}
        left = None if logout is None else logout()
        return left if isawaitable(left) else None

    def leave(self) -> None:
        """Tell the doorkeeper that the client is gone."""
        if self.doorkeeper is not None:
            try:
                self.doorkeeper.left(self.origin())
            except Exception as error:
                self.report(error)
            self._visit = {}

    def begun(self, transaction: IMailTransaction, reverse_path: ReversePath) -> None:
        """Note that a mail transaction has begun."""
        self.transaction = transaction
        self.smtputf8 = reverse_path.smtputf8
        self.body = reverse_path.body

    def note_refusal(self, reply: bytes) -> None:
        """Have it written down that the content of the transaction is refused."""
        if IRefusalNoter.providedBy(self.transaction):
            IRefusalNoter(self.transaction).note_refusal(reply.decode().rstrip())

    def end_transaction(self) -> None:
        """Drop the mail transaction, if there is one."""
        transaction, self.transaction = self.transaction, None
        self.smtputf8 = False
        self.body = BodyType.SEVEN_BIT
        self.asked = self.accepted = 0
        self.data: DataReader | ChunkReader | PassedOver | None = None
        self.chunks: ChunkReader | None = None
        source, self.source = self.source, None
        if source is not None:
            source.close()
        if transaction is not None:
            try:
                transaction.abort()
            except Exception as error:
                self.report(error)

    def begin_tls_anew(self) -> None:
        """Forget what the client said: TLS has begun.

        Source: RFC 3207 section 4.2.
        """
        self.starting_tls = False
        self.take_line = None
        self.greeted("", False, {}, {})
        self.end_transaction()

    @property
    def client_address(self) -> str | None:
        """The client's IP address; that of its own client after XCLIENT."""
        said: str | None = self._said.get("client_address")
        return said or self.connection.client_address

    @property
    def vouched(self) -> bool:
        """Whether a proxy, and not the client, said who is logged in."""
        return self.login_method == VOUCHED

    def begin_anew(self, said: Mapping[str, Any]) -> None:
        """Take the peer for another client, and greet it.

        Args:
            said: Fields of :class:`Origin`: names of the client, address and port
                of both; those that are not in it stay as they are.
        """
        self.end_transaction()
        self.leave()
        self._said = {**self._said, **said}
        self.greeted("", False, {}, {})
        self.arriving = True

    def no_content_yet(self) -> bytes | None:
        """Return the reply to content that may not come yet, else ``None``.

        Source: RFC 5321 section 3.3, RFC 2033 section 4.2.
        """
        if self.transaction is None:
            return replies.MAIL_FIRST
        if self.accepted:
            return None
        refused = self.asked and self.service != "lmtp"
        return replies.NO_VALID_RECIPIENTS if refused else replies.RCPT_FIRST

    def refusal(self, error: Exception) -> bytes:
        """Return the reply to content that something speaks against; report a bug."""
        if isinstance(error, MailError):
            return replies.refusal(error)
        self.report(error)
        return replies.OUR_BUG

    def content_comes(self) -> Awaitable[None] | None:
        """Ask the transaction whether its content may come; see IContentGate."""
        transaction: Any = self.transaction
        if not IContentGate.providedBy(transaction):
            return None
        waiting: Awaitable[None] | None = transaction.content_comes()
        return waiting

    def login_needed(self) -> bool:
        """Tell whether the client has to log in before it may go on.

        Source: RFC 6409 section 4.3.
        """
        return self.service == "submission" and self.user is None

    def origin(self, smtputf8: bool = False) -> Origin:
        """Return how a message that comes now came to us."""
        origin = self._origins.get(smtputf8)
        if origin is None:
            tls = self.connection.tls
            origin = self._origins[smtputf8] = Origin(
                service=self.service,
                protocol=self._protocol(smtputf8, self.extended),
                helo=self.helo,
                server_name=self.hostname,
                user=self.user,
                account=self.account,
                login_method=self.login_method,
                tls=f"{tls.version} {tls.cipher}" if tls else None,
                tls_bits=tls.bits if tls else 0,
                certificate=tls.client_certificate if tls else None,
                visit=self._visit,
                **self._ends(),
            )
        return origin

    def introduced(self, helo: str, extended: bool) -> Origin:
        """Return the origin as it will be with this name."""
        protocol = self._protocol(False, extended)
        return replace(self.origin(), helo=helo, protocol=protocol)

    def _ends(self) -> dict[str, Any]:
        """Return who is at both ends, as far as a proxy did not say otherwise."""
        connection = self.connection
        return {
            "client_address": connection.client_address,
            "client_port": connection.client_port,
            "server_address": connection.server_address,
            "server_port": connection.server_port,
            **self._said,
        }

    def _protocol(self, smtputf8: bool, extended: bool) -> str:
        """Return the ``with`` keyword (RFC 3848, RFC 6531 section 4.3)."""
        if not extended:
            return "SMTP"
        if self.service == "lmtp":
            name = "UTF8LMTP" if smtputf8 else "LMTP"
        else:
            name = "UTF8SMTP" if smtputf8 else "ESMTP"
        secure = "S" if self.connection.tls else ""
        return name + secure + ("A" if self.user is not None else "")
