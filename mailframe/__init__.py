"""A pluggable mail framework: SMTP, POP3 and IMAP for Twisted.

``twistd mailframe`` is a whole mail host. The names below are what most
programs need that want a part of it::

    from mailframe import IMAPFactory, POP3Factory, SMTPFactory, MailService

They are loaded when first used, so that importing a part loads no other.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mailframe.net.imap import IMAPFactory
    from mailframe.net.pop3 import POP3Factory
    from mailframe.net.smtp import SMTPFactory
    from mailframe.wiring import MailService

__all__ = ["IMAPFactory", "MailService", "POP3Factory", "SMTPFactory"]

_HOMES = {
    "IMAPFactory": "mailframe.net.imap",
    "POP3Factory": "mailframe.net.pop3",
    "SMTPFactory": "mailframe.net.smtp",
    "MailService": "mailframe.wiring",
}


def __getattr__(name: str) -> Any:
    """Load a name of ``__all__`` from its home."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
