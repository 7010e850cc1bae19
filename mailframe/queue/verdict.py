"""A refusal as the outcome of an attempt: status, text, and who said it.

Source: RFC 3463, RFC 3461 section 6.3.
"""

import re

from mailframe.errors import (
    InsufficientStorage,
    LimitExceeded,
    MailError,
    MailLoop,
    MessageTooLarge,
    NoSuchUser,
    NotPermitted,
    NotSupported,
    OverQuota,
    TemporaryFailure,
)
from mailframe.queue.contract import Outcome, State

REPLY_MAX = 1000
"""Characters of a reply that are kept."""

_STATUSES: dict[type[MailError], str] = {
    NoSuchUser: "5.1.1",
    OverQuota: "4.2.2",
    MessageTooLarge: "5.3.4",
    LimitExceeded: "5.4.6",
    MailLoop: "5.4.6",
    NotPermitted: "5.7.1",
    NotSupported: "5.3.3",
    InsufficientStorage: "4.3.1",
    TemporaryFailure: "4.0.0",
    MailError: "5.0.0",
}
"""What a refusal without a code of its own means."""

_UNPRINTABLE = re.compile(r"[^\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\U0010ffff]+")


def outcome_of(
    error: MailError | None,
    host: str = "",
    *,
    reported: bool = False,
    final: bool = False,
    relayed: bool = False,
    tls: str = "",
) -> Outcome:
    """Return the outcome that a verdict is.

    Args:
        error: The verdict; ``None`` for accepted.
        host: Who gave it, ``""`` when it is our own.
        reported: Whether the peer reports success itself.
        final: Whether the peer was the last on the way.
        relayed: Whether the sender is to hear of this hop.
        tls: How the way there was protected.
    """
    if error is None:
        return Outcome(
            State.DELIVERED,
            "2.0.0",
            "",
            host,
            reported=reported,
            final=final,
            relayed=relayed,
            tls=tls,
        )
    reply = error.reply
    # A full mailbox is emptied one day; a peer that refuses for good for that
    # reason has said so with its code.
    passing = isinstance(error, TemporaryFailure) or (
        isinstance(error, OverQuota) and reply is None
    )
    state = State.DEFERRED if passing else State.FAILED
    status = error.status or (reply.enhanced if reply else None) or _status(error)
    # The class says what we do, whatever the code said.
    status = ("4" if passing else "5") + status[1:]
    if reply is None:
        return Outcome(state, status, printable(str(error)), host)
    words = [str(reply.code), reply.enhanced or "", reply.text.replace("\n", " ")]
    text = " ".join(filter(None, words))
    return Outcome(state, status, printable(text), reply.host or host, smtp=True)


def _status(error: MailError) -> str:
    return next(_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES)


def printable(text: str) -> str:
    """Return text on one line, bounded, without control characters."""
    return _UNPRINTABLE.sub(" ", text)[:REPLY_MAX].strip()
