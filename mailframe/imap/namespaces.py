"""The NAMESPACE response, with translations where the language has them.

Source: RFC 2342 section 5, RFC 5255 section 3.4.
"""

from mailframe.imap.session import Session
from mailframe.interfaces.access import IAccessControl
from mailframe.model.mailbox import DELIMITER


def namespace_response(session: Session) -> bytes:
    """Return the NAMESPACE response.  Source: RFC 2342 section 6."""
    control = IAccessControl(session.mail, None)
    others = shared = ""
    if control is not None:
        others, shared = control.namespaces.others, control.namespaces.shared
    return b'* NAMESPACE (("" "/")) %b %b\r\n' % (
        _namespace(session, others),
        _namespace(session, shared),
    )


def _namespace(session: Session, level: str) -> bytes:
    """Write one namespace.

    ``namespace-trans = SP DQUOTE "TRANSLATION" DQUOTE SP "(" string ")"``

    Source: RFC 5255 section 3.5.
    """
    if not level:
        return b"NIL"
    translated = session.language.levels.get(level)
    more = b""
    if translated is not None:
        more = b' "TRANSLATION" (%b)' % _string(session, translated)
    return b'((%b "/"%b))' % (_string(session, level), more)


def _string(session: Session, level: str) -> bytes:
    # A string, where mailbox names are astrings: never bare.
    prefix = session.name_out(level + DELIMITER)
    return prefix if prefix.startswith((b'"', b"{")) else b'"%b"' % prefix
