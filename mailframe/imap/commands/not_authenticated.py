"""STARTTLS, AUTHENTICATE, LOGIN.  Source: RFC 3501 section 6.2."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from mailframe.errors import BadSyntax
from mailframe.imap.command import NOT_AUTHENTICATED, Answer, Command, Completed
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import astring, atom
from mailframe.imap.responses import Refused
from mailframe.imap.session import Session, denied
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.model.secret import Secret
from mailframe.sasl.exchange import Exchange
from mailframe.sasl.mechanism import Question, Success
from mailframe.sasl.mechanisms import offered, served
from mailframe.sasl.password import password_credentials

_PRIVACY = b"[PRIVACYREQUIRED] Not without TLS"


def start_tls(session: Session, _: None) -> bytes:
    """Begin TLS after the answer.

    Raises:
        BadSyntax: There is TLS already, or none can be had.

    Source: RFC 3501 section 6.2.1.
    """
    if not session.connection.can_start_tls:
        raise BadSyntax("another command: TLS cannot be started here")
    session.starting_tls = True
    return b"Begin TLS negotiation now"


@dataclass(frozen=True, slots=True)
class _Login:
    user: bytes
    password: Secret


def parse_login(cursor: Cursor) -> _Login:
    """``login = "LOGIN" SP userid SP password``  (RFC 3501 section 9)."""
    cursor.space()
    user = astring(cursor)
    cursor.space()
    password = Secret(astring(cursor))
    cursor.end()
    return _Login(user, password)


def login(session: Session, arguments: _Login) -> Coroutine[Any, Any, bytes]:
    """Log in with a name and a password.

    Raises:
        Refused: Without TLS, or not with these.

    Source: RFC 3501 section 6.2.3.
    """
    if not session.safe:
        raise Refused(_PRIVACY)
    try:
        credentials = password_credentials(arguments.user, arguments.password.reveal())
    except UnauthorizedLogin:
        session.failed_logins += 1
        raise denied() from None
    return session.log_in(credentials)


class Authentication:
    """One AUTHENTICATE.  Source: RFC 3501 section 6.2.2."""

    def __init__(
        self, session: Session, exchange: Exchange, initial: bytes | None
    ) -> None:
        """Begin.

        Args:
            session: Whose it is.
            exchange: The dialogue of the mechanism.
            initial: The initial response (RFC 4959), or ``None``.
        """
        self.max_line = session.limits.login_command
        self._session = session
        self._exchange = exchange
        self._initial = initial
        self._refusal: Refused | None = None

    def begin(self) -> Answer:
        """Take the initial response, or ask for one."""
        return self._step(lambda: self._exchange.begin(self._initial))

    def line(self, octets: bytes) -> Answer:
        """Take a response."""
        if self._refusal is not None:
            raise self._refusal
        return self._step(lambda: self._exchange.feed(octets))

    def woken(self) -> None:
        """Nothing is ever said unasked."""

    def _step(self, turn: Callable[[], bytes | Success | Question]) -> Answer:
        try:
            answer = turn()
        except UnauthorizedLogin:
            raise self._denied() from None
        return (
            self._ask(answer) if isinstance(answer, Question) else self._go_on(answer)
        )

    def _go_on(self, answer: bytes | Success) -> Answer:
        if isinstance(answer, Success):
            return self._log_in(answer)
        self._session.put(b"+ %b\r\n" % answer)
        return None

    async def _ask(self, question: Question) -> Completed:
        try:
            found = await self._exchange.ask(question, self._session.portal)
        except UnauthorizedLogin:
            raise self._denied() from None
        answer = self._go_on(found)
        return await answer if isinstance(answer, Coroutine) else answer

    async def _log_in(self, success: Success) -> Completed:
        try:
            return await self._session.log_in(success.credentials)
        except Refused as refusal:
            last = self._exchange.refused()
            if last is None:
                raise
            self._refusal = refusal
            self._session.put(b"+ %b\r\n" % last)
            return None

    def _denied(self) -> Refused:
        self._session.failed_logins += 1
        return denied()


def parse_authenticate(cursor: Cursor) -> tuple[str, Secret | None]:
    """Read a mechanism's name and maybe an initial response.

    ``authenticate = "AUTHENTICATE" SP auth-type [SP (base64 / "=")]``

    ``base64`` may be nothing at all: that is no initial response, as Dovecot's
    imapc says it where the server speaks first; an empty one is ``=``.

    Source: RFC 4959 section 4.
    """
    cursor.space()
    name = atom(cursor).decode("ascii").upper()
    if not cursor.rest():
        return name, None
    cursor.space()
    initial = cursor.rest()
    return name, Secret(initial) if initial else None


def authenticate(
    session: Session, arguments: tuple[str, Secret | None]
) -> Authentication:
    """Begin a SASL dialogue.

    Raises:
        Refused: The mechanism is not offered.

    Source: RFC 3501 section 6.2.2, RFC 4959 section 3.
    """
    name, initial = arguments
    if name not in offered(session.portal, session.connection):
        if name in served(session.portal):
            raise Refused(_PRIVACY)
        raise Refused(b"[CANNOT] There is no such mechanism")
    exchange = Exchange(name, session.limits.login_command, session.connection)
    return Authentication(
        session, exchange, None if initial is None else initial.reveal()
    )


COMMANDS = (
    Command(b"STARTTLS", NOT_AUTHENTICATED, start_tls),
    Command(b"AUTHENTICATE", NOT_AUTHENTICATED, authenticate, parse_authenticate),
    Command(b"LOGIN", NOT_AUTHENTICATED, login, parse_login),
)
