"""The commands of SMTP, submission and LMTP; one small function each.

Those of extensions are with their extension.

Source: RFC 5321 section 4.1.1, RFC 2033 section 4.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any

from mailframe.errors import BadSyntax, MailError
from mailframe.model.envelope import BodyType, ForwardPath, ReversePath
from mailframe.smtp import grammar, replies
from mailframe.smtp.command import Command, Parameter, Step
from mailframe.smtp.data import DataReader
from mailframe.smtp.session import Session

PATHS_KEPT = 1000
"""Paths of each kind that need not be taken apart again."""


def helo(session: Session, argument: str) -> Step | None:
    """``HELO domain``: the client does without extensions.

    Source: RFC 5321 section 4.1.1.1.
    """
    return _introduced(session, grammar.helo(argument), _welcome)


def ehlo(session: Session, argument: str) -> Step | None:
    """``EHLO`` or ``LHLO``: say what is offered to this client now.

    Source: RFC 5321 section 4.1.1.1, RFC 2033 section 4.1.
    """
    return _introduced(session, grammar.helo(argument), _welcome_extended)


def _introduced(
    session: Session, name: str, welcome: Callable[[Session, str], None]
) -> Step | None:
    """Welcome a client, after the doorkeeper if there is one."""
    if session.doorkeeper is not None:
        return _asked(session, name, welcome)
    welcome(session, name)
    return None


async def _asked(
    session: Session, name: str, welcome: Callable[[Session, str], None]
) -> None:
    # When it is refused, all stays as it was (RFC 5321 section 4.1.4).
    extended = welcome is _welcome_extended
    await session.doorkeeper.greeted(session.introduced(name, extended))
    welcome(session, name)


def _welcome(session: Session, name: str) -> None:
    session.greeted(name, False, {}, {})
    session.end_transaction()
    session.put(replies.reply(250, "", session.hostname))


def _welcome_extended(session: Session, name: str) -> None:
    offers = [
        (extension, text)
        for extension in session.extensions
        if extension.keyword not in session.options.unannounced
        and (text := extension.offer(session)) is not None
    ]
    parameters = {
        keyword: parameter
        for extension, _ in offers
        for keyword, parameter in extension.mail_parameters.items()
    }
    for_recipients = {
        keyword: parameter
        for extension, _ in offers
        for keyword, parameter in extension.rcpt_parameters.items()
    }
    session.greeted(name, True, parameters, for_recipients)
    session.end_transaction()
    session.put(
        replies.reply(
            250,
            "",
            session.hostname,
            *(f"{extension.keyword} {text}".rstrip() for extension, text in offers),
        )
    )


async def mail(session: Session, argument: str) -> None:
    """``MAIL FROM:<reverse-path>``: begin a transaction.

    Source: RFC 5321 section 4.1.1.2.
    """
    if not session.helo:
        return session.put(replies.HELO_FIRST)
    if session.login_needed():
        return session.put(replies.LOGIN_REQUIRED)
    if session.transaction is not None:
        return session.put(replies.IN_TRANSACTION)
    if session.messages >= session.limits.transactions:
        return session.close(replies.TOO_MANY_MESSAGES)
    try:
        reverse_path, rest = _reverse_path(argument)
    except BadSyntax as error:
        return session.put(replies.bad_syntax(error, "5.1.7"))
    if rest:
        given = _given(session, rest, session.mail_parameters)
        if given is None:
            return session.put(replies.UNKNOWN_PARAMETER)
        reverse_path = ReversePath(reverse_path.address, **given)
        _check_times(reverse_path)
    if not (reverse_path.smtputf8 or argument.isascii()):
        return session.put(replies.SENDER_NOT_ASCII)
    origin = session.origin(reverse_path.smtputf8)
    transaction = await session.receiver.begin(origin, reverse_path)
    session.begun(transaction, reverse_path)
    if reverse_path.asked_priority in (None, reverse_path.priority):
        return session.put(replies.SENDER_OK)
    session.put(replies.priority_changed(reverse_path.priority))
    return None


@lru_cache(PATHS_KEPT)
def _reverse_path(argument: str) -> tuple[ReversePath, str]:
    """Return the path as it is without parameters, and their text."""
    sender, rest = grammar.reverse_path(argument)
    return ReversePath(sender), rest


@lru_cache(PATHS_KEPT)
def _forward_path(argument: str) -> tuple[ForwardPath, str]:
    """Return the path as it is without parameters, and their text."""
    recipient, rest = grammar.forward_path(argument)
    return ForwardPath(recipient), rest


def _given(
    session: Session, text: str, known: Mapping[str, Parameter]
) -> dict[str, Any] | None:
    """Return what the parameters say, by field; ``None`` if one is not known."""
    given: dict[str, Any] = {}
    for keyword, value in grammar.parameters(text).items():
        parameter = known.get(keyword)
        if parameter is None:
            return None
        if parameter.field in given:
            raise BadSyntax("parameters that say one thing once")
        given[parameter.field] = parameter.parse(session, value)
        for field, read in parameter.also.items():
            given[field] = read(value or "")
    return given


def _check_times(path: ReversePath) -> None:
    """Demand that a message is not to be there before it may leave.

    Raises:
        BadSyntax: It is.

    Source: RFC 4865 section 5.2.2.
    """
    if path.deliver_by is None or path.hold_until is None:
        return
    # Both were counted from now, which is later for the second; they are seconds.
    if path.hold_until - path.deliver_by.at >= 0.5:
        raise BadSyntax("a release that is not after the time of delivery")


async def rcpt(session: Session, argument: str) -> None:
    """``RCPT TO:<forward-path>``: add a recipient.

    Source: RFC 5321 section 4.1.1.3, section 4.5.3.1.10 (too many).
    """
    transaction = session.transaction
    if transaction is None:
        return session.put(
            replies.LOGIN_REQUIRED if session.login_needed() else replies.MAIL_FIRST
        )
    if session.chunks is not None:
        return session.put(replies.CHUNKS_BEGUN)
    session.asked += 1
    most = session.limits.recipients
    if session.asked > 2 * most:
        return session.close(replies.TOO_MANY_ERRORS)
    if session.accepted >= most:
        return session.put(replies.TOO_MANY_RECIPIENTS)
    try:
        forward_path, rest = _forward_path(argument)
    except BadSyntax as error:
        return session.put(replies.bad_syntax(error, "5.1.3"))
    if rest:
        given = _given(session, rest, session.rcpt_parameters)
        if given is None:
            return session.put(replies.UNKNOWN_PARAMETER)
        forward_path = ForwardPath(forward_path.address, **given)
    if not (session.smtputf8 or argument.isascii()):
        return session.put(replies.RECIPIENT_NOT_ASCII)
    try:
        await transaction.recipient(forward_path)
    except MailError as error:
        # Who logged in and who speaks LMTP does not try names; a long list
        # with many old addresses shall not end its session.
        stranger = session.service == "smtp"
        return session.put(replies.refusal(error), counted=stranger)
    session.accepted += 1
    session.put(replies.RECIPIENT_OK)


def data(session: Session, argument: str) -> Step | None:
    """``DATA``: the message follows.

    Source: RFC 5321 section 4.1.1.4, RFC 2033 section 4.2.
    """
    refused = _no_data_now(session, argument)
    if refused is not None:
        session.put(refused)
        return None
    asking = session.content_comes()
    if asking is not None:
        return _go_ahead_after(session, asking)
    _go_ahead(session)
    return None


def _no_data_now(session: Session, argument: str) -> bytes | None:
    if argument:
        return replies.NO_ARGUMENT
    refused = session.no_content_yet()
    if refused is not None:
        return refused
    if session.chunks is not None:
        return replies.CHUNKS_BEGUN
    if session.body is BodyType.BINARY_MIME:
        return replies.BINARY_NEEDS_BDAT
    return None


async def _go_ahead_after(session: Session, asking: Awaitable[None]) -> None:
    await asking
    _go_ahead(session)


def _go_ahead(session: Session) -> None:
    limits = session.limits
    session.data = DataReader(
        limits.text_line,
        limits.message_size,
        normalize=session.options.normalize_newlines,
    )
    session.put(replies.GO_AHEAD)


def rset(session: Session, argument: str) -> None:
    """``RSET``: drop the transaction.

    Source: RFC 5321 section 4.1.1.5.
    """
    if argument:
        return session.put(replies.NO_ARGUMENT)
    session.end_transaction()
    session.put(replies.OK)


async def vrfy(session: Session, argument: str) -> None:
    """``VRFY``: mostly 252, unless the receiver says more.

    Source: RFC 5321 sections 3.5.3 and 4.1.1.6.
    """
    if session.login_needed():
        return session.put(replies.LOGIN_REQUIRED)
    name, wide = grammar.name_to_look_up(argument)
    if not name:
        raise BadSyntax("an address or a name", 0)
    meant = await session.receiver.verify(session.origin(), name)
    lines = [f"<{address.written()}>" for address in meant]
    # A client that did not ask for it is told no UTF-8 (RFC 6531 section 3.7.4.2).
    if not lines or not (wide or "".join(lines).isascii()):
        return session.put(replies.CANNOT_VERIFY)
    session.put(replies.reply(250, "2.1.5", *lines))


def noop(session: Session, argument: str) -> None:
    """``NOOP``, with any argument.

    Source: RFC 5321 section 4.1.1.9.
    """
    session.put(replies.OK)


def give_help(session: Session, argument: str) -> None:
    """``HELP``, with any argument.

    Source: RFC 5321 section 4.1.1.8.
    """
    session.put(replies.HELP)


def leave(session: Session, argument: str) -> None:
    """``QUIT``: the end.

    Source: RFC 5321 section 4.1.1.10.
    """
    if argument:
        return session.put(replies.NO_ARGUMENT)
    session.close(replies.BYE)


_SMTP = frozenset({"smtp", "submission"})

COMMANDS = (
    Command(b"HELO", helo, services=_SMTP),
    Command(b"EHLO", ehlo, services=_SMTP),
    Command(b"LHLO", ehlo, services=frozenset({"lmtp"})),
    Command(b"MAIL", mail),
    Command(b"RCPT", rcpt, moves_mail=True),
    Command(b"DATA", data, moves_mail=True),
    Command(b"RSET", rset),
    Command(b"NOOP", noop),
    Command(b"VRFY", vrfy),
    Command(b"HELP", give_help),
    Command(b"QUIT", leave),
)
"""The commands every service has, but for its own way to say hello."""
