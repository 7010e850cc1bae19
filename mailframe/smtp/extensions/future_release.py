"""FUTURERELEASE: a message that is to be sent on later.

RFC 4865. Announced on submission when the operator set a longest time; the
queue keeps to it.
"""

import re
from datetime import UTC, datetime

from mailframe.errors import BadSyntax
from mailframe.smtp.command import Extension, Parameter
from mailframe.smtp.session import Session

# future-release-interval: 1 to 999999999             ; RFC 4865 section 3
_INTERVAL = re.compile("[1-9][0-9]{0,8}")

# date-time of RFC 3339 section 5.6
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def offer(session: Session) -> str | None:
    """Announce the longest interval and the last date (RFC 4865)."""
    seconds = session.options.hold_seconds
    if session.service != "submission" or not seconds:
        return None
    last = datetime.fromtimestamp(int(session.seconds()) + seconds, UTC)
    return f"{seconds} {last:%Y-%m-%dT%H:%M:%SZ}"


def hold_for(session: Session, value: str | None) -> float:
    """``HOLDFOR=seconds`` (RFC 4865)."""
    if value is None or not _INTERVAL.fullmatch(value):
        raise BadSyntax("HOLDFOR= and seconds")
    return _bounded(session, session.seconds() + int(value))


def hold_until(session: Session, value: str | None) -> float:
    """``HOLDUNTIL=date-time`` (RFC 4865)."""
    if value is None or not _DATE_TIME.fullmatch(value):
        raise BadSyntax("HOLDUNTIL= and a date with time and zone")
    try:
        at = datetime.fromisoformat(value.upper()).timestamp()
    except (ValueError, OverflowError):
        raise BadSyntax("a date that exists") from None
    return _bounded(session, at)


def _asked_until(value: str) -> str:
    """Return what a report says of a HOLDUNTIL (RFC 4865 section 5.1.2)."""
    at = datetime.fromisoformat(value.upper()).astimezone(UTC)
    return f"until;{at:%Y-%m-%dT%H:%M:%SZ}"


def _bounded(session: Session, at: float) -> float:
    if not 0 <= at <= session.seconds() + session.options.hold_seconds:
        raise BadSyntax("a time within what is announced")
    return at


EXTENSION = Extension(
    "FUTURERELEASE",
    offer,
    mail_parameters={
        "HOLDFOR": Parameter("hold_until", hold_for, {"asked_hold": "for;{}".format}),
        "HOLDUNTIL": Parameter("hold_until", hold_until, {"asked_hold": _asked_until}),
    },
)
