"""Every reply we send, by name, and the table that turns refusals into replies.

Nobody else writes a reply code. Greeting, HELO, EHLO and 3yz replies have no
enhanced code; all others do.

Source: RFC 5321 section 4.2, RFC 3463, RFC 2034 section 4.
"""

import re
from collections.abc import Mapping

from mailframe.errors import (
    BadSyntax,
    InsufficientStorage,
    InUse,
    LimitExceeded,
    LineTooLong,
    MailError,
    MailLoop,
    MessageTooLarge,
    NoSuchUser,
    NotPermitted,
    NotSupported,
    OverQuota,
    PolicyDeferral,
    PolicyRefusal,
    RelayDenied,
    TemporaryFailure,
    TooMuchHeldBack,
    UntrustedServer,
)


def reply(code: int, enhanced: str, *lines: str) -> bytes:
    """Return a reply as octets.

    Args:
        code: The three digits.
        enhanced: The enhanced code for every line, ``""`` for none.
        lines: At least one line of text, of our own making.

    Source: RFC 5321 section 4.2.1, RFC 2034 section 4.
    """
    prefix = f"{enhanced} " if enhanced else ""
    separators = "-" * (len(lines) - 1) + " "
    return "".join(
        f"{code}{separator}{prefix}{line}\r\n"
        for separator, line in zip(separators, lines, strict=True)
    ).encode()


def chunk_taken(size: int) -> bytes:
    """Return the reply to a chunk that is not the last (RFC 3030 section 2)."""
    return reply(250, "2.0.0", f"{size} octets received")


def priority_changed(priority: int) -> bytes:
    """Return the reply to MAIL that gets another priority (RFC 6710 section 4.1)."""
    return reply(250, "2.3.6", f"{priority} is the new priority of the message")


def message_taken(number: str) -> bytes:
    """Return the reply to a message that was accepted, with its identifier."""
    return f"250 2.0.0 OK id={number}\r\n".encode()


OK = reply(250, "2.0.0", "OK")
SENDER_OK = reply(250, "2.1.0", "Sender OK")
RECIPIENT_OK = reply(250, "2.1.5", "Recipient OK")
CANNOT_VERIFY = reply(252, "2.1.5", "Cannot verify; send some mail and see")
CANNOT_EXPAND = reply(252, "2.1.5", "Cannot say who is on it")
QUEUE_STARTED = reply(250, "2.0.0", "Queueing started")
QUEUE_EMPTY = reply(251, "2.0.0", "No messages are waiting")
QUEUE_NOT_NOW = reply(458, "4.3.0", "Unable to start queueing, try again later")
QUEUE_NOT_ALLOWED = reply(459, "4.7.1", "Not allowed to start queueing")
NOT_FOR_YOU = reply(550, "5.7.0", "Not for this client")
HELP = reply(214, "2.0.0", "See RFC 5321")
BYE = reply(221, "2.0.0", "Bye")
GO_AHEAD = reply(354, "", "Send the message; end with <CRLF>.<CRLF>")

READY_FOR_TLS = reply(220, "2.0.0", "Ready to start TLS")
TLS_UNAVAILABLE = reply(502, "5.5.1", "TLS is not available")
TLS_ACTIVE = reply(503, "5.5.1", "TLS is active already")

LOGGED_IN = reply(235, "2.7.0", "Authentication successful")
LOGIN_REFUSED = reply(535, "5.7.8", "Authentication credentials invalid")
LOGIN_UNSURE = reply(454, "4.7.0", "Temporary authentication failure")
LOGIN_CANCELLED = reply(501, "5.7.0", "Authentication cancelled")
LOGIN_LINE_TOO_LONG = reply(500, "5.5.6", "Authentication exchange line too long")
LOGIN_REQUIRED = reply(530, "5.7.0", "Authentication required")
TLS_REQUIRED = reply(538, "5.7.11", "Encryption required for this mechanism")
NO_SUCH_MECHANISM = reply(504, "5.5.4", "Authentication mechanism not available")
LOGGED_IN_ALREADY = reply(503, "5.5.1", "Authenticated already")

UNKNOWN_COMMAND = reply(500, "5.5.1", "Command unrecognised")
NOT_HERE = reply(502, "5.5.1", "Command not available")
BARE_LINE_END = reply(500, "5.5.2", "Lines end in CRLF, and have no other CR or LF")
NO_ARGUMENT = reply(501, "5.5.4", "No argument allowed")
UNWELCOME = reply(503, "5.5.1", "You are not welcome here, leave with QUIT")
HELO_FIRST = reply(503, "5.5.1", "Say hello first")
EHLO_FIRST = reply(503, "5.5.1", "Say EHLO first")
IN_TRANSACTION = reply(503, "5.5.1", "Not during a mail transaction")
MAIL_FIRST = reply(503, "5.5.1", "MAIL first")
RCPT_FIRST = reply(503, "5.5.1", "RCPT first")
NO_VALID_RECIPIENTS = reply(554, "5.5.1", "No valid recipients")
UNKNOWN_PARAMETER = reply(555, "5.5.4", "Parameter not recognised")
SENDER_NOT_ASCII = reply(550, "5.6.7", "Non-ASCII sender needs SMTPUTF8")
RECIPIENT_NOT_ASCII = reply(553, "5.6.7", "Non-ASCII recipient needs SMTPUTF8")
CHUNKS_BEGUN = reply(503, "5.5.1", "Not after BDAT")
BINARY_NEEDS_BDAT = reply(503, "5.5.1", "BINARYMIME needs BDAT")
CHUNK_LOST = reply(421, "4.5.4", "Cannot tell where the chunk ends, closing")
TOO_MANY_RECIPIENTS = reply(452, "4.5.3", "Too many recipients")

BARE_IN_MESSAGE = reply(550, "5.6.11", "Message has a CR or LF that is not a CRLF")
LONG_LINE = reply(554, "5.6.0", "Message has a line that is too long")
TOO_LARGE = reply(552, "5.3.4", "Message too large")
NOT_FOR_ALL = reply(451, "4.3.0", "Not delivered to every recipient, try again")

OUR_BUG = reply(451, "4.3.0", "Local error, try again later")
TOO_MUCH_UNWANTED = reply(421, "4.7.0", "Too much that is not wanted, closing")
TOO_MANY_ERRORS = reply(421, "4.7.0", "Too many errors, closing")
TOO_MANY_COMMANDS = reply(421, "4.7.0", "Too many commands without mail, closing")
TOO_MANY_LOGINS = reply(421, "4.7.0", "Too many failed logins, closing")
TOO_MANY_MESSAGES = reply(421, "4.7.0", "Too many messages, closing")
TIMED_OUT = reply(421, "4.4.2", "Timed out, closing")
NOT_NOW = reply(421, "4.3.0", "Local error, closing")
SHUTTING_DOWN = reply(421, "4.3.2", "Shutting down, closing")

REFUSALS: Mapping[type[MailError], bytes] = {
    NoSuchUser: reply(550, "5.1.1", "No such user here"),
    RelayDenied: reply(550, "5.7.1", "Relaying denied"),
    MailLoop: reply(554, "5.4.6", "Too many hops, a loop it seems"),
    PolicyRefusal: reply(550, "5.7.1", "Refused by policy"),
    PolicyDeferral: reply(451, "4.7.1", "Deferred by policy, try again later"),
    NotPermitted: reply(550, "5.7.1", "Not permitted"),
    NotSupported: reply(550, "5.3.3", "Not supported"),
    # A persistent transient failure, says RFC 3463 section 3.3: users empty
    # their mailboxes.
    OverQuota: reply(452, "4.2.2", "Mailbox full"),
    # The status is that of RFC 4865 section 6.
    TooMuchHeldBack: reply(552, "5.7.16", "Too much mail of yours is held back"),
    MessageTooLarge: TOO_LARGE,
    LimitExceeded: reply(452, "4.5.3", "Too many, send the rest separately"),
    InsufficientStorage: reply(452, "4.3.1", "Insufficient system storage"),
    InUse: reply(450, "4.2.1", "Mailbox in use, try again later"),
    TemporaryFailure: reply(451, "4.3.0", "Temporary failure, try again later"),
    MailError: reply(554, "5.0.0", "Refused"),
}
"""What each refusal becomes; a kind that is not here is answered as its base."""

_URL_REFUSALS: Mapping[type[MailError], bytes] = {
    UntrustedServer: reply(554, "5.7.8", "URL resolution requires trust relationship"),
    NotPermitted: reply(554, "5.7.0", "IMAP URL authorization failed"),
    MessageTooLarge: reply(554, "5.3.4", "Message too big for system"),
    TemporaryFailure: reply(451, "4.4.1", "IMAP server unavailable"),
    MailError: reply(554, "5.6.6", "IMAP URL resolution failed"),
}

TEXT = 400
"""Characters of a text a check of the operator's may put into a reply; a reply
line has 512 octets (RFC 5321 section 4.5.3.1.5)."""

# esc = class "." 1*3digit "." 1*3digit              ; RFC 3463 section 2
_ENHANCED = re.compile(r"[45]\.[0-9]{1,3}\.[0-9]{1,3}")
_STATUS = re.compile(_ENHANCED.pattern.encode())
_UNPRINTABLE = re.compile(r"[^ -~]+")


def refusal(error: MailError) -> bytes:
    """Return the reply for a refusal."""
    usual = next(REFUSALS[kind] for kind in type(error).__mro__ if kind in REFUSALS)
    if isinstance(error, PolicyRefusal | PolicyDeferral):
        return _wished(error, usual.decode())
    status = (error.status or "").encode()
    if status[:1] == usual[:1] and _STATUS.fullmatch(status):
        return usual[:4] + status + usual[9:]
    return usual


def url_refusal(error: MailError) -> bytes:
    """Return the reply when what a URL means cannot be had (RFC 4468 section 6)."""
    kinds = type(error).__mro__
    return next(_URL_REFUSALS[kind] for kind in kinds if kind in _URL_REFUSALS)


def greeting_refusal(code: int, hostname: str, error: MailError) -> bytes:
    """Return what a client is sent instead of a greeting.

    Args:
        code: 421, or 554 when it is to be told to stay away.
        hostname: Our own name.
        error: Why.

    Source: RFC 5321 sections 3.1 and 4.2.
    """
    said = ""
    if isinstance(error, PolicyRefusal | PolicyDeferral):
        said = _UNPRINTABLE.sub(" ", error.text).strip()[:TEXT]
    return reply(code, "", f"{hostname} {said or 'no mail is taken from you'}")


def _wished(error: PolicyRefusal | PolicyDeferral, usual: str) -> bytes:
    """Return the reply a check wishes for, as far as it can be one."""
    first = usual[0]
    code, enhanced, text = usual[:3], usual[4:9], usual[10:-2]
    # 421 would end the session, and 4yz for a refusal be tried again for days.
    if str(error.code).startswith(first) and 400 < error.code < 600:
        code = str(error.code) if error.code != 421 else code
    if error.enhanced.startswith(first) and _ENHANCED.fullmatch(error.enhanced):
        enhanced = error.enhanced
    said = _UNPRINTABLE.sub(" ", error.text).strip()
    return reply(int(code), enhanced, said[:TEXT] or text)


def bad_syntax(error: BadSyntax, enhanced: str = "5.5.4") -> bytes:
    """Return the reply for what broke the grammar.

    Args:
        error: What was expected.
        enhanced: ``5.1.7`` and ``5.1.3`` for sender and recipient.

    Source: RFC 5321 sections 4.2.2 and 4.5.3.1.9 (line too long).
    """
    code = 501
    if isinstance(error, LineTooLong):
        code, enhanced = 500, "5.5.2"
    return reply(code, enhanced, f"Syntax error, expected {error.expected}")
