"""Refusals as IMAP says them: the one table from errors to response codes.

Whoever raises a :class:`mailframe.errors.MailError` spells no response; what
it says is for the log, the client gets the text of this table.

Source: RFC 9051 section 7.1, RFC 5530 section 3.
"""

from mailframe.errors import (
    BadMailboxName,
    BadSyntax,
    InsufficientStorage,
    InUse,
    LimitExceeded,
    MailboxExists,
    MailboxHasChildren,
    MailError,
    MessageGone,
    MessageTooLarge,
    NoSuchContent,
    NoSuchMailbox,
    NotPermitted,
    NotSupported,
    OverQuota,
    ReadOnly,
    TemporaryFailure,
)
from mailframe.imap.search import BadCharset
from mailframe.sasl.exchange import Cancelled

SERVER_BUG = b"[SERVERBUG] Internal error"

_TABLE: dict[type[MailError], bytes] = {
    MailError: b"[CANNOT] That cannot be done",
    TemporaryFailure: b"[UNAVAILABLE] Not now, please try again later",
    InsufficientStorage: b"[OVERQUOTA] There is no room to store it",
    InUse: b"[INUSE] Another session is using it",
    NotPermitted: b"[NOPERM] You may not do that",
    ReadOnly: b"[NOPERM] The mailbox is read-only",
    NotSupported: b"[CANNOT] This account cannot do that",
    NoSuchMailbox: b"[NONEXISTENT] There is no such mailbox",
    MailboxExists: b"[ALREADYEXISTS] There is such a mailbox already",
    MailboxHasChildren: b"[HASCHILDREN] There are mailboxes below it",
    BadMailboxName: b"[CANNOT] A mailbox cannot have this name",
    MessageGone: b"[EXPUNGEISSUED] Some of the messages no longer exist",
    NoSuchContent: b"[NONEXISTENT] What the URL means is not there",
    OverQuota: b"[OVERQUOTA] The quota does not allow it",
    MessageTooLarge: b"[TOOBIG] The message is too large",
    BadCharset: b"[BADCHARSET (US-ASCII UTF-8)] The charset is not known",
    LimitExceeded: b"[LIMIT] That is more than is allowed",
}


class Refused(MailError):
    """A refusal that only IMAP knows, with its own response text."""

    def __init__(self, text: bytes) -> None:
        """Refuse.

        Args:
            text: What comes after ``NO``: a response code if there is one,
                and a text.
        """
        super().__init__(text)
        self.text = text


class Rejected(BadSyntax):
    """A command that may not be given like this, with its own response text."""

    def __init__(self, text: bytes) -> None:
        """Reject.

        Args:
            text: What comes after ``BAD``: a response code if there is one,
                and a text.
        """
        super().__init__(text.decode("ascii"))
        self.text = text


def try_create() -> Refused:
    """Return the refusal of APPEND, COPY and MOVE to a missing mailbox.

    Source: RFC 9051 section 7.1 (TRYCREATE).
    """
    return Refused(b"[TRYCREATE] There is no such mailbox")


def refusal(error: MailError) -> bytes:
    """Return what comes after ``NO`` for an error.

    An error that is not in the table is answered as its nearest base.
    """
    if isinstance(error, Refused):
        return error.text
    return next(_TABLE[kind] for kind in type(error).__mro__ if kind in _TABLE)


def bad_syntax(error: BadSyntax) -> bytes:
    """Return what comes after ``BAD`` for a breach of the grammar."""
    if isinstance(error, Rejected):
        return error.text
    if isinstance(error, Cancelled):
        return b"Authentication cancelled"
    expected = error.expected.encode("ascii", "replace")
    if error.position is None:
        return b"expected " + expected
    return b"expected %b at position %d" % (expected, error.position)
