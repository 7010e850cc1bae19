"""LITERAL+: a client need not wait before it sends a literal.

Capability ``LITERAL+``, RFC 7888, in every state. The framing reads these
literals always; this says so.

Source: RFC 7888 section 3.
"""

from mailframe.imap.command import Extension, always

EXTENSION = Extension(b"LITERAL+", announced=always)
