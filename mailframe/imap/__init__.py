"""IMAP4rev1 and IMAP4rev2, server side, without any input or output.

Begin with ``server.py`` (what a session does with octets), then ``fetch.py``
and ``search.py``. Imports values, contracts and ``mime``; never Twisted, a
clock, files or sockets.

Source: RFC 3501, RFC 9051.
"""
