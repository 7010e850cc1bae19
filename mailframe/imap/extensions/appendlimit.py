"""APPENDLIMIT: how large an appended message may be.

Capability ``APPENDLIMIT=n``, RFC 7889, in every state: it is the same for all
mailboxes. STATUS tells it too.

Source: RFC 7889 section 2.
"""

from mailframe.imap.command import Extension, always
from mailframe.imap.commands.authenticated import STATUS_ITEMS, StatusItem
from mailframe.imap.session import Session
from mailframe.model.mailbox import MailboxStatus


def _value(session: Session, found: MailboxStatus) -> int:
    return session.limits.message_size


def _capability(session: Session) -> bytes:
    return b"APPENDLIMIT=%d" % session.limits.message_size


STATUS_ITEMS[b"APPENDLIMIT"] = StatusItem(_value)

EXTENSION = Extension(b"APPENDLIMIT", announced=always, told=_capability)
