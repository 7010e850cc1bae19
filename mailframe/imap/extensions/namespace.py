"""NAMESPACE: where a user's mailboxes are.

Capability ``NAMESPACE``, RFC 2342, after login. There is one personal namespace,
and none that is others' or shared.

Source: RFC 2342 section 5.
"""

from mailframe.imap.command import LOGGED_IN, Command, Extension
from mailframe.imap.session import Session


def run(session: Session, _: None) -> bytes:
    """Tell the namespaces."""
    session.put(b'* NAMESPACE (("" "/")) NIL NIL\r\n')
    return b"NAMESPACE completed"


EXTENSION = Extension(b"NAMESPACE", (Command(b"NAMESPACE", LOGGED_IN, run),))
