"""MULTIAPPEND: one APPEND stores several messages, or none.

Capability ``MULTIAPPEND``, RFC 3502, after login. APPEND reads them always; this
says so.

Source: RFC 3502 section 6.3.11.
"""

from mailframe.imap.command import Extension

EXTENSION = Extension(b"MULTIAPPEND")
