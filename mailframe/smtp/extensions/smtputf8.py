"""SMTPUTF8: addresses and headers beyond ASCII.

RFC 6531. Always announced. Addresses beyond ASCII are taken only in a
transaction whose MAIL has the parameter.
"""

from mailframe.errors import BadSyntax
from mailframe.smtp.command import Extension, Parameter
from mailframe.smtp.session import Session


def parse(session: Session, value: str | None) -> bool:
    """Return ``True``; the parameter has no value (RFC 6531 section 3.4)."""
    if value is not None:
        raise BadSyntax("SMTPUTF8 without a value")
    return True


EXTENSION = Extension(
    "SMTPUTF8", mail_parameters={"SMTPUTF8": Parameter("smtputf8", parse)}
)
