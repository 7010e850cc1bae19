"""XFORWARD: a filter in front of us says where it has the message from.

As Postfix describes it in XFORWARD_README. Announced to the addresses the
operator trusts, where the receiver writes it down. No decision is made by it.
"""

import re

from mailframe.errors import BadSyntax
from mailframe.interfaces.reception import IForwardNoter
from mailframe.smtp import grammar, replies
from mailframe.smtp.command import Command, Extension
from mailframe.smtp.session import Session

NAMES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE")
"""What may be said of the client."""

_ATTRIBUTE = re.compile(r"([A-Za-z]+)=([!-<>-~]{1,255})")


def offer(session: Session) -> str | None:
    """Announce what may be said, to who may say it."""
    trusted = session.options.may_xforward(session.connection.client_address)
    if trusted and IForwardNoter.providedBy(session.receiver):
        return " ".join(NAMES)
    return None


def xforward(session: Session, argument: str) -> None:
    """``XFORWARD name=value ...``: the client of the next message."""
    if offer(session) is None:
        return session.put(replies.NOT_FOR_YOU)
    if session.transaction is not None:
        return session.put(replies.IN_TRANSACTION)
    said = {}
    for word in argument.split(" "):
        match = _ATTRIBUTE.fullmatch(word)
        if match is None or match[1].upper() not in NAMES:
            raise BadSyntax("attributes of the form NAME=value")
        said[match[1].upper()] = grammar.xtext(match[2])
    IForwardNoter(session.receiver).note_forward(session.origin(), said)
    session.put(replies.OK)
    return None


EXTENSION = Extension("XFORWARD", offer, commands=(Command(b"XFORWARD", xforward),))
