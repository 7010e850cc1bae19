"""SEARCH and UID SEARCH.

What RETURN may have, and the keys, are tables that extensions add to.

Source: RFC 9051 sections 6.4.4 and 6.4.9, RFC 3501 section 6.4.4.
"""

from functools import partial

from mailframe.imap.command import SELECTED, Command
from mailframe.imap.searching import parse_search_command, run_searching

COMMANDS = (
    Command(
        b"SEARCH",
        SELECTED,
        partial(run_searching, b"SEARCH", False),
        parse_search_command,
        uses_sequence_numbers=True,
    ),
    Command(
        b"UID SEARCH",
        SELECTED,
        partial(run_searching, b"SEARCH", True),
        parse_search_command,
        by_uid=True,
    ),
)
