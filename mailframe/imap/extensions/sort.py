"""SORT: search, and have what is found put in order.

Capability ``SORT``, RFC 5256, after login. The criteria are in
:mod:`mailframe.imap.sort_keys`; ``SORT RETURN (...)`` is that of RFC 5267 and is
announced as ``ESORT``.

Source: RFC 5256 section 3 (SORT), RFC 5267 section 3.
"""

from dataclasses import replace
from functools import partial

from mailframe.imap.command import SELECTED, Command, Extension
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import astring
from mailframe.imap.search_return import parse_returns
from mailframe.imap.searching import Search, read_program, run_searching
from mailframe.imap.sort_keys import sort_order


def parse(cursor: Cursor) -> Search:
    """Read ``[SP search-return-opts] SP sort-criteria SP search-criteria``.

    Raises:
        BadSyntax: It is not that, or sorts by what the search does not find
            out.

    Source: RFC 5256 section 5, RFC 5267 section 5 (extended-sort).
    """
    cursor.space()
    returns = parse_returns(cursor)
    order = sort_order(cursor)
    cursor.space()
    charset = astring(cursor)
    cursor.space()
    found = read_program(cursor, returns, charset)
    if order.fuzzy and not found.request.fuzzy and found.refusal is None:
        cursor.fail("a search that is FUZZY")
    return replace(found, arrange=order.arrange)


EXTENSION = Extension(
    b"SORT",
    (
        Command(
            b"SORT",
            SELECTED,
            partial(run_searching, b"SORT", False),
            parse,
            uses_sequence_numbers=True,
        ),
        Command(
            b"UID SORT",
            SELECTED,
            partial(run_searching, b"SORT", True),
            parse,
            by_uid=True,
        ),
    ),
)
