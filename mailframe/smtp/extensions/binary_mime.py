"""BINARYMIME: content that has no lines.

RFC 3030. Announced with CHUNKING. Such content is kept octet for octet, bare
CR and LF and lines of any length included.
"""

from mailframe.errors import BadSyntax
from mailframe.model.envelope import BodyType
from mailframe.smtp.command import Extension, Parameter
from mailframe.smtp.session import Session

_TAKEN = {body.value: body for body in BodyType}


def offer(session: Session) -> str | None:
    """Announce it beside CHUNKING only (RFC 3030 section 3)."""
    return None if "CHUNKING" in session.options.unannounced else ""


def parse(session: Session, value: str | None) -> BodyType:
    """Return the body type: 7BIT, 8BITMIME or BINARYMIME (RFC 3030 section 3)."""
    body = _TAKEN.get((value or "").upper())
    if body is None:
        raise BadSyntax("BODY=7BIT, BODY=8BITMIME or BODY=BINARYMIME")
    return body


EXTENSION = Extension(
    "BINARYMIME", offer, mail_parameters={"BODY": Parameter("body", parse)}
)
