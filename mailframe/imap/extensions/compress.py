"""COMPRESS=DEFLATE: both directions are compressed from now on.

Capability ``COMPRESS=DEFLATE``, RFC 4978, after login while nothing is compressed.
TLS never compresses here (:mod:`mailframe.net.tls`), so that this is the
only layer that can.

Source: RFC 4978 section 3.
"""

from mailframe.imap.command import LOGGED_IN, Command, Extension
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import atom
from mailframe.imap.responses import Rejected
from mailframe.imap.session import Session


def parse(cursor: Cursor) -> None:
    """``compress = "COMPRESS" SP algorithm``  (RFC 4978 section 5)."""
    cursor.space()
    start = cursor.position
    if atom(cursor).upper() != b"DEFLATE":
        cursor.position = start
        cursor.fail("DEFLATE")
    cursor.end()


def run(session: Session, _: None) -> bytes:
    """Compress what comes after the tagged OK.

    Raises:
        BadSyntax: It is compressed already.
    """
    if session.compressed:
        raise Rejected(b"[COMPRESSIONACTIVE] DEFLATE is active already")
    session.compressed = True
    return b"DEFLATE active"


def _announced(session: Session) -> bool:
    return session.account is not None and not session.compressed


def _reset(session: Session) -> None:
    """End it after the next tagged OK.  Source: RFC 8437 section 4.1."""
    session.compressed = False


EXTENSION = Extension(
    b"COMPRESS=DEFLATE",
    (Command(b"COMPRESS", LOGGED_IN, run, parse),),
    announced=_announced,
    reset=_reset,
)
