"""mailframe: SMTP, POP3 and IMAP for Twisted, over portals and realms of your own.

Begin reading in :mod:`mailframe.interfaces` (what a plugin provides) or
:mod:`mailframe.wiring` (how a whole mail host is put together).
"""
