"""SEARCHRES: what was found last is remembered, and ``$`` stands for it.

Capability ``SEARCHRES``, RFC 5182, after login; part of IMAP4rev2. The view
keeps the messages by UID (:meth:`mailframe.imap.view.View.chosen`), so that an
EXPUNGE of others does not touch them. Nothing is ever refused as NOTSAVED.

Source: RFC 5182 section 2.
"""

from mailframe.imap.command import Extension
from mailframe.imap.search_return import RETURN_OPTIONS, ReturnOption

_SAVE = ReturnOption(b"SAVE", save=True)

RETURN_OPTIONS[b"SAVE"] = lambda cursor: _SAVE

EXTENSION = Extension(b"SEARCHRES")
