"""PIPELINING: a client need not wait for a reply before its next command.

It needs no code of its own: a session answers what has come in its order.

Source: RFC 2449 section 6.6.
"""

from mailframe.pop3.command import Extension, always

EXTENSION = Extension(always(b"PIPELINING"))
