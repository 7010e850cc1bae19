"""ESEARCH: a client says what it wants to know of what is found.

Capability ``ESEARCH``, RFC 4731, after login; part of IMAP4rev2, where every
SEARCH is answered so. ``RETURN (...)`` itself is read in
:mod:`mailframe.imap.search_return`.

Source: RFC 4731 section 3.
"""

from mailframe.imap.command import Extension
from mailframe.imap.search_return import RETURN_OPTIONS, ReturnOption, every

_COUNT = ReturnOption(b"COUNT", lambda result: b"COUNT %d" % len(result.uids), every)
_MIN = ReturnOption(
    b"MIN",
    lambda result: b"MIN %d" % result.numbers[0] if result.numbers else None,
    lambda found: found[:1],
)
_MAX = ReturnOption(
    b"MAX",
    lambda result: b"MAX %d" % result.numbers[-1] if result.numbers else None,
    lambda found: found[-1:],
)

RETURN_OPTIONS.update(
    {
        b"COUNT": lambda cursor: _COUNT,
        b"MAX": lambda cursor: _MAX,
        b"MIN": lambda cursor: _MIN,
    }
)

EXTENSION = Extension(b"ESEARCH")
