"""AUTH-RESP-CODE: a wrong password is told from other trouble by its code.

Source: RFC 3206 section 6.
"""

from mailframe.pop3.command import Extension, always

EXTENSION = Extension(always(b"AUTH-RESP-CODE"))
