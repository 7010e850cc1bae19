"""SIZE: how large a message may be, and how large this one is.

RFC 1870. Always announced. What is declared too large is refused at MAIL, what
is too large without saying so at its end.
"""

import re

from mailframe.errors import BadSyntax, MessageTooLarge
from mailframe.smtp.command import Extension, Parameter
from mailframe.smtp.session import Session

# size-value ::= 1*20DIGIT                            ; RFC 1870 section 5
_SIZE_VALUE = re.compile("[0-9]{1,20}")


def offer(session: Session) -> str:
    """Announce the limit (RFC 1870 section 4)."""
    return str(session.limits.message_size)


def parse(session: Session, value: str | None) -> int:
    """Return the declared size.

    Raises:
        MessageTooLarge: It is more than the limit.

    Source: RFC 1870 section 6.1.
    """
    if value is None or not _SIZE_VALUE.fullmatch(value):
        raise BadSyntax("SIZE= and up to 20 digits")
    size = int(value)
    if size > session.limits.message_size:
        raise MessageTooLarge(f"{size} octets declared")
    return size


EXTENSION = Extension("SIZE", offer, mail_parameters={"SIZE": Parameter("size", parse)})
