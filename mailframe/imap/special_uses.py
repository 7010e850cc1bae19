"""The special uses a mailbox can be given.

``\\All`` and ``\\Flagged`` are not among them: their mailboxes would have to fill
themselves.

Source: RFC 6154 section 2.
"""

from mailframe.imap.responses import Refused

USES = {
    use.lower(): use for use in ("\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash")
}
"""By name in small letters."""


def known_use(name: str) -> str:
    """Return a special use in our spelling, any other name as it is."""
    return USES.get(name.lower(), name)


def refuse_unknown(uses: frozenset[str]) -> None:
    """See that mailboxes can be given these uses.

    Raises:
        Refused: They cannot.

    Source: RFC 6154 section 3 (USEATTR).
    """
    if uses - set(USES.values()):
        raise Refused(b"[USEATTR] There is no such special use here")
