"""8BITMIME: content with octets beyond ASCII.

RFC 6152. Always announced. Content is kept as it comes, so a client that sends
such octets without saying so is not refused.
"""

from mailframe.errors import BadSyntax
from mailframe.model.envelope import BodyType
from mailframe.smtp.command import Extension, Parameter
from mailframe.smtp.session import Session

_TAKEN = {"7BIT": BodyType.SEVEN_BIT, "8BITMIME": BodyType.EIGHT_BIT_MIME}


def parse(session: Session, value: str | None) -> BodyType:
    """``body-value ::= "7BIT" / "8BITMIME"``  (RFC 6152 section 2)."""
    body = _TAKEN.get((value or "").upper())
    if body is None:
        raise BadSyntax("BODY=7BIT or BODY=8BITMIME")
    return body


EXTENSION = Extension("8BITMIME", mail_parameters={"BODY": Parameter("body", parse)})
