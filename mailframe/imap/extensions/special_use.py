"""SPECIAL-USE: LIST tells which mailbox is for sent mail, drafts and so on.

Capability ``SPECIAL-USE``, RFC 6154, after login. *Partial:* the attributes come
with every LIST; the selection and return options of LIST are missing.

Source: RFC 6154 section 2.
"""

from mailframe.imap.command import Extension

EXTENSION = Extension(b"SPECIAL-USE")
