"""Offer ``twistd mailframe``."""

from twisted.application.service import ServiceMaker

mailframe = ServiceMaker(  # type: ignore[no-untyped-call]
    "mailframe",
    "mailframe.tap",
    "A mail host: SMTP, submission and LMTP in, IMAP and POP3 out.",
    "mailframe",
)
