"""RESP-CODES: a text in brackets at the beginning of a reply is a code.

The codes are in :mod:`mailframe.pop3.replies`.

Source: RFC 2449 sections 6.4 and 8.
"""

from mailframe.pop3.command import Extension, always

EXTENSION = Extension(always(b"RESP-CODES"))
