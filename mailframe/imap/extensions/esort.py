"""ESORT: the return options of ESEARCH with SORT.

Capability ``ESORT``, RFC 5267, after login. There is nothing to add: the options
speak of what was found in the order of the answer, whatever that is.

Source: RFC 5267 section 3.
"""

from mailframe.imap.command import Extension

EXTENSION = Extension(b"ESORT")
