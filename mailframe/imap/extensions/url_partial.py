"""URL-PARTIAL: URLs may mean some octets of a part only.

Capability ``URL-PARTIAL``, RFC 5550, after login, for CATENATE and URLAUTH. URLs
are read with it always; this says so.

Source: RFC 5550, RFC 5092 section 6 (ipartial).
"""

from mailframe.imap.command import Extension

EXTENSION = Extension(b"URL-PARTIAL")
