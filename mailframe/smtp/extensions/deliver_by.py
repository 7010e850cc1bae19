"""DELIVERBY: when the message shall be there.

RFC 2852. Announced unless the operator has it off; the queue keeps to it.
"""

import re

from mailframe.errors import BadSyntax
from mailframe.model.envelope import DeliverBy
from mailframe.smtp.command import Extension, Parameter
from mailframe.smtp.session import Session

# by-value = by-time ";" by-mode [by-trace]           ; RFC 2852 section 4
_BY = re.compile(r"([+-]?[0-9]{1,9});([RN])(T?)", re.IGNORECASE | re.ASCII)


def offer(session: Session) -> str | None:
    """Announce it, without a shortest time (RFC 2852 section 3)."""
    return "" if session.options.deliver_by else None


def parse(session: Session, value: str | None) -> DeliverBy:
    """``BY=seconds;mode`` (RFC 2852 section 4)."""
    match = _BY.fullmatch(value or "")
    if match is None:
        raise BadSyntax("BY=seconds;R or BY=seconds;N")
    seconds = int(match[1])
    bounce = match[2] in "Rr"
    if bounce and seconds <= 0:
        raise BadSyntax("a time that is left, with mode R")
    return DeliverBy(session.seconds() + seconds, bounce, bool(match[3]))


EXTENSION = Extension(
    "DELIVERBY", offer, mail_parameters={"BY": Parameter("deliver_by", parse)}
)
