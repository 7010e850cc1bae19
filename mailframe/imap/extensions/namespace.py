"""NAMESPACE: where a user's mailboxes are, and those of others.

Capability ``NAMESPACE``, RFC 2342, after login. One personal namespace; others'
and shared mailboxes where the account has them (``IAccessControl``).

Source: RFC 2342 section 5.
"""

from mailframe.imap.command import LOGGED_IN, Command, Extension
from mailframe.imap.session import Session
from mailframe.interfaces.access import IAccessControl
from mailframe.model.mailbox import DELIMITER


def namespaces(session: Session) -> bytes:
    """Return the NAMESPACE response."""
    control = IAccessControl(session.mail, None)
    others, shared = ("", "")
    if control is not None:
        others, shared = control.namespaces.others, control.namespaces.shared
    return b'* NAMESPACE (("" "/")) %b %b\r\n' % (
        _namespace(session, others),
        _namespace(session, shared),
    )


def _namespace(session: Session, level: str) -> bytes:
    """``"(" 1*( "(" string SP (<"> QUOTED_CHAR <"> / nil) ")" ) ")" / nil``."""
    if not level:
        return b"NIL"
    # A string, where mailbox names are astrings: never bare.
    prefix = session.name_out(level + DELIMITER)
    if not prefix.startswith((b'"', b"{")):
        prefix = b'"%b"' % prefix
    return b'((%b "/"))' % prefix


def run(session: Session, _: None) -> bytes:
    """Tell the namespaces."""
    session.put(namespaces(session))
    return b"NAMESPACE completed"


EXTENSION = Extension(b"NAMESPACE", (Command(b"NAMESPACE", LOGGED_IN, run),))
