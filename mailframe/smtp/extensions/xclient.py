"""XCLIENT: a proxy in front of us says who its client is.

As Postfix describes it in XCLIENT_README. Announced to the addresses the
operator trusts. What is believed is its address, and ours that it connected to; the
session begins anew, and the client says hello again.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from mailframe.errors import BadSyntax
from mailframe.smtp import grammar, replies
from mailframe.smtp.command import Command, Extension
from mailframe.smtp.session import Session

NAMES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "DESTADDR", "DESTPORT")
"""What may be said of the client."""

_ATTRIBUTE = re.compile(r"([A-Za-z]+)=([!-<>-~]{1,255})")
_UNKNOWN = ("[UNAVAILABLE]", "[TEMPUNAVAIL]")


def offer(session: Session) -> str | None:
    """Announce what may be said, to who may say it."""
    if session.options.may_xclient(session.connection.client_address):
        return " ".join(NAMES)
    return None


def xclient(session: Session, argument: str) -> None:
    """``XCLIENT name=value ...``: greet the client that is meant."""
    if offer(session) is None:
        return session.put(replies.NOT_FOR_YOU)
    if session.transaction is not None:
        return session.put(replies.IN_TRANSACTION)
    if session.user is not None:
        # Another client's mail is not this user's.
        return session.put(replies.LOGGED_IN_ALREADY)
    said = attributes(argument, NAMES)
    session.begin_anew(_address(said, "ADDR"), _address(said, "DESTADDR"))
    return None


def attributes(argument: str, names: tuple[str, ...]) -> dict[str, str | None]:
    """Return the attributes by name; ``None`` for what is not known."""
    said: dict[str, str | None] = {}
    for word in argument.split(" "):
        match = _ATTRIBUTE.fullmatch(word)
        if match is None or match[1].upper() not in names:
            raise BadSyntax("attributes of the form NAME=value")
        value = match[2]
        unknown = value.upper() in _UNKNOWN
        said[match[1].upper()] = None if unknown else grammar.xtext(value)
    return said


def _address(said: dict[str, str | None], name: str) -> str | None:
    text = said.get(name)
    if text is None:
        return None
    try:
        if text[:5].upper() == "IPV6:":
            return str(IPv6Address(text[5:]))
        return str(IPv4Address(text))
    except AddressValueError:
        raise BadSyntax(f"{name}= and an IP address") from None


EXTENSION = Extension("XCLIENT", offer, commands=(Command(b"XCLIENT", xclient),))
