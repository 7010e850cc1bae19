"""LIST-EXTENDED: LIST with options, and with several patterns.

Capability ``LIST-EXTENDED``, RFC 5258, after login. The grammar and the choice
of names are in ``commands/list.py``; these are the first options. There are no
mailboxes on other servers, so REMOTE changes nothing.

Source: RFC 5258 sections 3.1 and 3.2.
"""

from mailframe.imap.command import Extension
from mailframe.imap.list_options import (
    RETURN_OPTIONS,
    SELECTION_OPTIONS,
    Entry,
    ReturnOption,
    SelectionOption,
)


def _subscribed(entry: Entry) -> list[str]:
    return ["\\Subscribed"] if entry.subscribed else []


def _children(entry: Entry) -> list[str]:
    return ["\\HasChildren" if entry.has_children else "\\HasNoChildren"]


SELECTION_OPTIONS[b"SUBSCRIBED"] = SelectionOption(
    selects=lambda entry: entry.subscribed,
    implies=b"SUBSCRIBED",
    base=True,
    subscriptions=True,
)
SELECTION_OPTIONS[b"REMOTE"] = SelectionOption()
SELECTION_OPTIONS[b"RECURSIVEMATCH"] = SelectionOption(modifies=True)
RETURN_OPTIONS[b"SUBSCRIBED"] = ReturnOption(_subscribed, subscriptions=True)
RETURN_OPTIONS[b"CHILDREN"] = ReturnOption(_children)

EXTENSION = Extension(b"LIST-EXTENDED")
