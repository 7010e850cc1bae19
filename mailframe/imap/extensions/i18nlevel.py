"""I18NLEVEL=1: texts are compared without regard to case in all of Unicode.

Capability ``I18NLEVEL=1``, RFC 5255, after login. SEARCH, SORT and THREAD compare
with i;unicode-casemap always, and take UTF-8; this says so.

Source: RFC 5255 sections 4.2 and 4.3.
"""

from mailframe.imap.command import Extension

EXTENSION = Extension(b"I18NLEVEL=1")
