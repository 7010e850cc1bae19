"""XCLIENT: a proxy in front of us says who its client is.

As Postfix describes it in XCLIENT_README. Announced to the addresses the
operator trusts. What is believed is its name, address and port, ours that it
connected to, and, where users log in, the user it logged in as; the session begins
anew, and the client says hello again. A login that is not said again is over.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any

from mailframe.errors import BadSyntax
from mailframe.interfaces.auth import LoginFailed, Mind
from mailframe.interfaces.credentials import IVouchedName, VouchedName
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.sasl.mechanisms import can_check
from mailframe.smtp import grammar, replies
from mailframe.smtp.command import Command, Extension, Step
from mailframe.smtp.session import VOUCHED, Session

NAMES = (
    "NAME",
    "REVERSE_NAME",
    "ADDR",
    "PORT",
    "PROTO",
    "HELO",
    "DESTADDR",
    "DESTPORT",
)
"""What may be said of the client."""

_ATTRIBUTE = re.compile(r"([A-Za-z_]+)=([!-<>-~]{1,255})")
_HOSTNAME = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")
_PORT = re.compile("[0-9]{1,5}")
_UNKNOWN = ("[UNAVAILABLE]", "[TEMPUNAVAIL]")


def offer(session: Session) -> str | None:
    """Announce what may be said, to who may say it."""
    if session.options.may_xclient(session.connection.client_address):
        return " ".join(_names(session))
    return None


def _names(session: Session) -> tuple[str, ...]:
    portal = session.portal
    if portal is None or not can_check(portal, IVouchedName):
        return NAMES
    return (*NAMES, "LOGIN")


def xclient(session: Session, argument: str) -> Step | None:
    """``XCLIENT name=value ...``: greet the client that is meant."""
    refused = _refused(session)
    if refused is not None:
        session.put(refused)
        return None
    said = attributes(argument, _names(session))
    user, ends = said.get("LOGIN"), _ends(said)
    if user is not None or session.vouched:
        return _as_user(session, user, ends)
    session.begin_anew(ends)
    return None


def _refused(session: Session) -> bytes | None:
    if offer(session) is None:
        return replies.NOT_FOR_YOU
    if session.transaction is not None:
        return replies.IN_TRANSACTION
    # Another client's mail is not that of a user who has logged in here.
    mine = session.user is not None and not session.vouched
    return replies.LOGGED_IN_ALREADY if mine else None


async def _as_user(session: Session, name: str | None, ends: dict[str, Any]) -> None:
    """Greet a client that has logged in at the proxy, or one after such a client."""
    if name is None:
        await _log_out(session)
        return session.begin_anew(ends)
    assert session.portal is not None
    secure = session.connection.tls is not None
    address = ends.get("client_address", session.client_address)
    mind = Mind(session.service, address, secure)
    try:
        _, account, logout = await session.portal.login(
            VouchedName(name.encode()), mind, IMailAccount
        )
    except LoginFailed:
        return session.put(replies.LOGIN_REFUSED)
    await _log_out(session)
    session.begin_anew(ends)
    session.logged_in(account, logout, VOUCHED)


async def _log_out(session: Session) -> None:
    try:
        left = session.log_out()
        if left is not None:
            await left
    except Exception as error:
        session.report(error)


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


def _ends(said: dict[str, str | None]) -> dict[str, Any]:
    """Return what is said of both ends, as an origin has it."""
    found: dict[str, Any] = {}
    for end, address, port in (
        ("client", said.get("ADDR"), said.get("PORT")),
        ("server", said.get("DESTADDR"), said.get("DESTPORT")),
    ):
        if address is not None:
            found[f"{end}_address"] = _address(address)
            # The port we know is that of the proxy.
            found[f"{end}_port"] = None
        if port is not None:
            found[f"{end}_port"] = _port(port)
    return found | _called(said)


def _called(said: dict[str, str | None]) -> dict[str, str]:
    """Return what is said of the client's name; another client has another.

    A name alone is that of its address, too.
    """
    found = {}
    if said.keys() & {"NAME", "ADDR"}:
        name = _name(said.get("NAME"))
        found = {"client_name": name, "reverse_name": name}
    if "REVERSE_NAME" in said:
        found["reverse_name"] = _name(said["REVERSE_NAME"])
    return found


def _name(text: str | None) -> str:
    if text is None:
        return ""
    if not _HOSTNAME.fullmatch(text):
        raise BadSyntax("a name, or [UNAVAILABLE]")
    return text


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or int(text) > 65_535:
        raise BadSyntax("a port")
    return int(text)


def _address(text: str) -> str:
    try:
        if text[:5].upper() == "IPV6:":
            return str(IPv6Address(text[5:]))
        return str(IPv4Address(text))
    except AddressValueError:
        raise BadSyntax("an IP address") from None


EXTENSION = Extension("XCLIENT", offer, commands=(Command(b"XCLIENT", xclient),))
