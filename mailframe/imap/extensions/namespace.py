"""NAMESPACE: where a user's mailboxes are, and those of others.

Capability ``NAMESPACE``, RFC 2342, after login. One personal namespace; others'
and shared mailboxes where the account has them (``IAccessControl``).

Source: RFC 2342 section 5.
"""

from mailframe.imap.command import LOGGED_IN, Command, Extension
from mailframe.imap.namespaces import namespace_response
from mailframe.imap.session import Session


def run(session: Session, _: None) -> bytes:
    """Tell the namespaces."""
    session.put(namespace_response(session))
    return b"NAMESPACE completed"


EXTENSION = Extension(b"NAMESPACE", (Command(b"NAMESPACE", LOGGED_IN, run),))
