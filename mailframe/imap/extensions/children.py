"""CHILDREN: LIST tells whether a mailbox has others below it.

Capability ``CHILDREN``, RFC 3348, after login. LIST tells it always; this says so.

Source: RFC 3348 section 3.
"""

from mailframe.imap.command import Extension

EXTENSION = Extension(b"CHILDREN")
