"""REQUIRETLS: the message may travel over verified TLS only.

RFC 8689. Announced once TLS is on, where the operator wants it; the relay
keeps to it.
"""

from mailframe.errors import BadSyntax
from mailframe.smtp.command import Extension, Parameter
from mailframe.smtp.session import Session


def offer(session: Session) -> str | None:
    """Announce it over TLS only (RFC 8689 section 2)."""
    wanted = session.options.require_tls and session.connection.tls is not None
    return "" if wanted else None


def parse(session: Session, value: str | None) -> bool:
    """Return ``True``; the parameter has no value (RFC 8689 section 2)."""
    if value is not None:
        raise BadSyntax("REQUIRETLS without a value")
    return True


EXTENSION = Extension(
    "REQUIRETLS",
    offer,
    mail_parameters={"REQUIRETLS": Parameter("require_tls", parse)},
)
