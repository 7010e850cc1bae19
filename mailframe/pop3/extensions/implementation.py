"""IMPLEMENTATION: which server this is; not which version of it.

Source: RFC 2449 section 6.9.
"""

from mailframe.pop3.command import Extension, always

EXTENSION = Extension(always(b"IMPLEMENTATION mailframe"))
