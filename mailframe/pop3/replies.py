"""Refusals as POP3 says them.

Source: RFC 2449 section 8 (IN-USE, LOGIN-DELAY), RFC 3206 (SYS and AUTH).
"""

from mailframe.errors import (
    InsufficientStorage,
    InUse,
    MailError,
    MessageGone,
    NotPermitted,
    TemporaryFailure,
)

_TABLE: tuple[tuple[type[MailError], bytes], ...] = (
    (InUse, b"-ERR [IN-USE] another session has this maildrop\r\n"),
    (InsufficientStorage, b"-ERR [SYS/TEMP] the disk is full, nothing was changed\r\n"),
    (TemporaryFailure, b"-ERR [SYS/TEMP] not now, try again later\r\n"),
    (MessageGone, b"-ERR that message was removed meanwhile\r\n"),
    (NotPermitted, b"-ERR you may not do that\r\n"),
    (MailError, b"-ERR [SYS/PERM] that cannot be done\r\n"),
)

LOGIN_DELAY = b"-ERR [LOGIN-DELAY] you were here just now, come again later\r\n"

INTERNAL_ERROR = b"-ERR [SYS/TEMP] internal error\r\n"


def refusal(error: MailError) -> bytes:
    """Return the reply for a refusal; most special kinds come first."""
    return next(reply for kind, reply in _TABLE if isinstance(error, kind))
