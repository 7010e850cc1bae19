"""AUTH: log in.

RFC 4954. Announced on submission when there is a mechanism that may be used on
this connection; a mechanism that shows the secret needs TLS.
"""

from mailframe.errors import BadSyntax, LineTooLong, TemporaryFailure
from mailframe.interfaces.auth import LoginFailed, Mind, UnauthorizedLogin
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.sasl.exchange import Cancelled, Exchange
from mailframe.sasl.mechanism import Question, Success
from mailframe.sasl.mechanisms import offered, served
from mailframe.smtp import grammar, replies
from mailframe.smtp.command import Command, Extension, Parameter
from mailframe.smtp.session import Session

SERVICE = frozenset({"submission"})


def offer(session: Session) -> str | None:
    """Announce the mechanisms for this connection (RFC 4954 section 3)."""
    return " ".join(_offered(session)) or None


async def auth(session: Session, argument: str) -> None:
    """``AUTH mechanism [initial-response]``.

    Source: RFC 4954 section 4.
    """
    if not session.extended:
        return session.put(replies.EHLO_FIRST)
    # Inside a transaction too: none begins without a login.
    if session.user is not None:
        return session.put(replies.LOGGED_IN_ALREADY)
    name, _, initial = argument.partition(" ")
    if not name:
        raise BadSyntax("a mechanism")
    name = name.upper()
    if name not in _offered(session):
        known = session.portal is not None and name in served(session.portal)
        return session.put(replies.TLS_REQUIRED if known else replies.NO_SUCH_MECHANISM)
    exchange = Exchange(name, session.limits.auth_line, session.connection)
    await _answer(session, exchange, initial.strip().encode() or None, begin=True)


def _offered(session: Session) -> tuple[str, ...]:
    if session.portal is None or session.service not in SERVICE:
        return ()
    return offered(session.portal, session.connection)


async def _answer(
    session: Session, exchange: Exchange, line: bytes | None, begin: bool = False
) -> None:
    """Hand a response to the exchange and go on with what it says."""
    session.take_line = None
    assert session.portal is not None
    try:
        answer = exchange.begin(line) if begin else exchange.feed(line or b"")
        if isinstance(answer, Question):
            answer = await exchange.ask(answer, session.portal)
    except Cancelled:
        return session.put(replies.LOGIN_CANCELLED)
    except LineTooLong:
        return session.put(replies.LOGIN_LINE_TOO_LONG)
    except BadSyntax as error:
        return session.put(replies.bad_syntax(error, "5.5.2"))
    except UnauthorizedLogin:
        return _refused(session)
    except TemporaryFailure:
        return session.put(replies.LOGIN_UNSURE)
    if isinstance(answer, Success):
        return await _log_in(session, exchange, answer)
    _challenge(session, exchange, answer)


def _challenge(session: Session, exchange: Exchange, challenge: bytes) -> None:
    session.take_line = lambda line: _answer(session, exchange, line)
    session.put(b"334 %b\r\n" % challenge)


async def _log_in(session: Session, exchange: Exchange, success: Success) -> None:
    assert session.portal is not None
    secure = session.connection.tls is not None
    mind = Mind(session.service, session.client_address, secure)
    try:
        _, account, logout = await session.portal.login(
            success.credentials, mind, IMailAccount
        )
    except LoginFailed:
        last = exchange.refused()
        if last is not None:
            return _challenge(session, exchange, last)
        return _refused(session)
    except TemporaryFailure:
        return session.put(replies.LOGIN_UNSURE)
    session.logged_in(account, logout, exchange.name)
    session.put(replies.LOGGED_IN)


def _refused(session: Session) -> None:
    session.failed_logins += 1
    if session.failed_logins >= session.limits.login_attempts:
        return session.close(replies.TOO_MANY_LOGINS)
    session.put(replies.LOGIN_REFUSED)


def parse(session: Session, value: str | None) -> str:
    """Return the mailbox of AUTH=, ``""`` for ``<>`` and from a stranger.

    Source: RFC 4954 section 5.
    """
    if value is None:
        raise BadSyntax("AUTH= and a mailbox")
    text = grammar.xtext(value)
    if text == "<>":
        return ""
    return str(grammar.mailbox(text)) if session.user is not None else ""


EXTENSION = Extension(
    "AUTH",
    offer,
    commands=(Command(b"AUTH", auth, services=SERVICE),),
    mail_parameters={"AUTH": Parameter("auth", parse)},
)
