"""Every extension, and what CAPA says of them.

Source: RFC 2449 sections 5 and 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailframe.pop3.extensions import (
    apop,
    auth_resp_code,
    expire,
    implementation,
    lang,
    login_delay,
    pipelining,
    resp_codes,
    sasl,
    stls,
    top,
    uidl,
    user,
    utf8,
)

if TYPE_CHECKING:
    from mailframe.pop3.server import POP3Server

EXTENSIONS = (
    top.EXTENSION,
    uidl.EXTENSION,
    resp_codes.EXTENSION,
    auth_resp_code.EXTENSION,
    pipelining.EXTENSION,
    user.EXTENSION,
    apop.EXTENSION,
    stls.EXTENSION,
    sasl.EXTENSION,
    login_delay.EXTENSION,
    expire.EXTENSION,
    utf8.EXTENSION,
    lang.EXTENSION,
    implementation.EXTENSION,
)
"""In the order in which CAPA lists them."""


def capabilities(session: POP3Server) -> list[bytes]:
    """Return the capability lines that hold now."""
    lines = (extension.told(session) for extension in EXTENSIONS)
    return [line for line in lines if line is not None]
