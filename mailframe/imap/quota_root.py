"""Quota roots as commands and responses have them.

Source: RFC 9208 sections 4.2 and 7.
"""

from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import astring
from mailframe.imap.responses import Refused
from mailframe.imap.serialize import astring_out
from mailframe.model.quota import QuotaRoot

UNIT = 1024
"""Octets in which STORAGE counts (RFC 9208 section 5.1)."""


def quota_root_name(cursor: Cursor) -> str:
    """Read a ``quota-root-name``  (RFC 9208 section 7)."""
    return astring(cursor).decode("utf-8", "replace")


def root_out(name: str) -> bytes:
    """Return the name of a quota root.  Source: RFC 9208 section 7."""
    return astring_out(name.encode("utf-8"))


def quota_response(root: QuotaRoot) -> bytes:
    """Return a QUOTA response; a resource without a bound is left out.

    Source: RFC 9208 section 4.2.1.
    """
    found = []
    if root.limits.octets is not None:
        found.append(
            b"STORAGE %d %d" % (-(-root.octets // UNIT), root.limits.octets // UNIT)
        )
    if root.limits.messages is not None:
        found.append(b"MESSAGE %d %d" % (root.messages, root.limits.messages))
    return b"* QUOTA %b (%b)\r\n" % (root_out(root.name), b" ".join(found))


def no_such_root() -> Refused:
    """Return the refusal of a quota root that is none."""
    return Refused(b"[NONEXISTENT] There is no such quota root")
