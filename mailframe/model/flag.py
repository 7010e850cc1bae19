"""Flags and keywords, and sets of them that are shared rather than copied.

Source: RFC 9051 section 2.3.2.
"""

from enum import Enum

Flag = str
"""A flag as IMAP writes it: ``\\Seen``, ``$Forwarded``."""

FlagSet = frozenset[str]
"""The flags of one message. Providers hand out the same object for the same
flags (:func:`intern_flags`), so that a table keyed by it answers at once."""

SEEN, ANSWERED, FLAGGED, DELETED, DRAFT = SYSTEM_FLAGS = (
    "\\Seen",
    "\\Answered",
    "\\Flagged",
    "\\Deleted",
    "\\Draft",
)
NO_FLAGS: FlagSet = frozenset()

_canonical = {flag.casefold(): flag for flag in SYSTEM_FLAGS}
_interned: dict[FlagSet, FlagSet] = {NO_FLAGS: NO_FLAGS}
_INTERNED_MAX = 65_536


class FlagChange(Enum):
    """What STORE does with the flags it names."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


def canonical_flag(flag: str) -> str:
    """Return the one spelling of a system flag; a keyword stays as it is.

    Flags are compared without regard to case (RFC 9051 section 2.3.2); a
    mailbox keeps the spelling in which it first saw a keyword.
    """
    return _canonical.get(flag.casefold(), flag)


def intern_flags(flags: FlagSet) -> FlagSet:
    """Return the shared object for these flags."""
    found = _interned.get(flags)
    if found is None:
        if len(_interned) >= _INTERNED_MAX:
            _interned.clear()
            _interned[NO_FLAGS] = NO_FLAGS
        found = _interned[flags] = flags
    return found
