"""INPROGRESS: a command that takes long says how far it is.

Capability ``INPROGRESS``, RFC 9585, after login. What takes long tells
``Session.progress``; a SEARCH that reads messages does.

Source: RFC 9585 section 4.
"""

from mailframe.imap.command import Extension

EXTENSION = Extension(b"INPROGRESS")
