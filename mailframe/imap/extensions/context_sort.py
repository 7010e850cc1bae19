"""CONTEXT=SORT: the options of CONTEXT=SEARCH with SORT.

Capability ``CONTEXT=SORT``, RFC 5267, after login. There is nothing to add: a
context keeps whatever order its command has
(:mod:`mailframe.imap.search_context`).

Source: RFC 5267 section 4.1.
"""

from mailframe.imap.command import Extension

EXTENSION = Extension(b"CONTEXT=SORT")
