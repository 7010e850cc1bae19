"""SPECIAL-USE: LIST tells which mailbox is for sent mail, drafts and so on.

Capability ``SPECIAL-USE``, RFC 6154, after login. A plain LIST tells the
attributes always; an extended one when it is asked.

Source: RFC 6154 section 2.
"""

from mailframe.imap.command import Extension
from mailframe.imap.list_options import (
    RETURN_OPTIONS,
    SELECTION_OPTIONS,
    Entry,
    ReturnOption,
    SelectionOption,
)


def _uses(entry: Entry) -> list[str]:
    return [] if entry.info is None else sorted(entry.info.special_use)


SELECTION_OPTIONS[b"SPECIAL-USE"] = SelectionOption(
    selects=lambda entry: bool(_uses(entry)), implies=b"SPECIAL-USE"
)
RETURN_OPTIONS[b"SPECIAL-USE"] = ReturnOption(_uses)

EXTENSION = Extension(b"SPECIAL-USE")
