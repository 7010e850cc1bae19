"""The arguments of commands: paths, domains and ESMTP parameters.

Functions take an argument as text and say what it means; all of them raise
:class:`BadSyntax` and nothing else. Non-ASCII characters pass here; whether
this transaction may have them is for MAIL and RCPT to say.

Source: RFC 5321 sections 4.1.2 and 4.1.3, RFC 6531 section 3.3.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from mailframe.errors import BadSyntax
from mailframe.model.address import Address

MAX_DOMAIN = 255
"""Octets of a domain (RFC 5321 section 4.5.3.1.2)."""

MAX_LOCAL = 255
"""Octets of a local part. RFC 5321 section 4.5.3.1.1 has 64 and asks not to
hold to it: rewritten bounce addresses are longer."""

MAX_PARAMETERS = 20
"""Parameters of one MAIL or RCPT; all extensions there are need fewer."""

# UTF8-non-ascii without the C1 controls, U+2028 and U+2029, which some
# software takes for line ends.                      ; RFC 6531 section 3.3
_WIDE = "\u00a0-\u2027\u202a-\U0010ffff"

_PRINTABLE = re.compile(rf"[ -~{_WIDE}]*+")

# Dot-string = Atom *("."  Atom)                     ; RFC 5321 section 4.1.2
_ATEXT = rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~{_WIDE}-]"
_DOT_STRING = re.compile(rf"{_ATEXT}++(?:\.{_ATEXT}++)*+")

# Quoted-string = DQUOTE *QcontentSMTP DQUOTE        ; RFC 5321 section 4.1.2
_QUOTED_STRING = re.compile(rf'"((?:[ !\x23-\x5b\x5d-\x7e{_WIDE}]|\\[\x20-\x7e])*+)"')
_QUOTED_PAIR = re.compile(r"\\(.)")

# sub-domain = Let-dig [Ldh-str]                     ; RFC 5321 section 4.1.2
_DOMAIN = re.compile(rf"[A-Za-z0-9.{_WIDE}-]++")
_LABEL = re.compile(rf"(?!-)[A-Za-z0-9{_WIDE}-]{{1,63}}(?<!-)")

# address-literal = "[" ( IPv4-address-literal /
#                   IPv6-address-literal ) "]"       ; RFC 5321 section 4.1.3
_LITERAL = re.compile(r"\[(IPv6:)?([0-9A-Fa-f:.]{2,45})\]", re.IGNORECASE)

# A-d-l ":" = At-domain *( "," At-domain ) ":"       ; RFC 5321 section 4.1.2
_ROUTE = re.compile(
    rf"@[A-Za-z0-9.{_WIDE}-]++(?:,@[A-Za-z0-9.{_WIDE}-]++)*+:",
)

# esmtp-param = esmtp-keyword ["=" esmtp-value]      ; RFC 5321 section 4.1.2
_PARAMETER = re.compile(
    rf"([A-Za-z0-9][A-Za-z0-9-]*+)(?:=([\x21-\x3c\x3e-\x7e{_WIDE}]++))?"
)

# xtext = *( xchar / hexchar )                       ; RFC 3461 section 4
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*+")
_HEXCHAR = re.compile(rb"\+([0-9A-F]{2})")

# Lenient: clients call themselves anything (underscores, bare addresses); a
# name is refused only when it cannot stand in a trace field.
_HELO = re.compile(r"[\x21-\x7e]{1,255}")


def helo(argument: str) -> str:
    """Return the name a client gives itself.

    Source: RFC 5321 section 4.1.1.1.
    """
    if not _HELO.fullmatch(argument):
        raise BadSyntax("a domain or an address literal", 0)
    return argument


def reverse_path(argument: str) -> tuple[Address | None, str]:
    """Take ``FROM:<...>`` off MAIL's argument.

    Returns:
        The sender, ``None`` for the null one, and the parameters' text.

    Source: RFC 5321 section 4.1.1.2.
    """
    start = _after(argument, "FROM:")
    if argument.startswith("<>", start):
        return None, _rest(argument, start + 2)
    return _path(argument, start)


def forward_path(argument: str) -> tuple[Address, str]:
    """Take ``TO:<...>`` off RCPT's argument.

    Returns:
        The recipient, without a domain only when it is ``postmaster``, and
        the parameters' text.

    Source: RFC 5321 section 4.1.1.3.
    """
    start = _after(argument, "TO:")
    name = argument[start + 1 : start + 11]
    if argument[start : start + 12].lower() == "<postmaster>":
        return Address(name, ""), _rest(argument, start + 12)
    return _path(argument, start)


def parameters(text: str) -> dict[str, str | None]:
    """Return ESMTP parameters: keywords in upper case, and their values.

    Source: RFC 5321 section 4.1.2.
    """
    found: dict[str, str | None] = {}
    for word in text.split(" ", MAX_PARAMETERS) if text else ():
        match = _PARAMETER.fullmatch(word)
        if match is None:
            raise BadSyntax("parameters of the form KEYWORD=value")
        keyword = match[1].upper()
        if keyword in found:
            raise BadSyntax("every parameter once")
        found[keyword] = match[2]
    return found


def mailbox(text: str) -> Address:
    """Return an address that is the whole of ``text``: ``local@domain``.

    Source: RFC 5321 section 4.1.2 (Mailbox).
    """
    address, end = _mailbox(text, 0)
    if end != len(text):
        raise BadSyntax("nothing after the address", end)
    return address


def name_to_look_up(argument: str) -> tuple[str, bool]:
    """Return what VRFY or EXPN asks for, and whether the answer may be UTF-8.

    Source: RFC 6531 section 3.7.4.2.
    """
    name, space, parameter = argument.rpartition(" ")
    if space and parameter.upper() == "SMTPUTF8":
        return name.rstrip(" "), True
    return argument, False


def xtext(text: str) -> str:
    """Return what ``text`` says in xtext: printable characters.

    Source: RFC 3461 section 4.
    """
    if not _XTEXT.fullmatch(text):
        raise BadSyntax("xtext, with +XX for what is not printable")
    octets = _HEXCHAR.sub(lambda match: bytes.fromhex(match[1].decode()), text.encode())
    try:
        decoded = octets.decode()
    except UnicodeDecodeError:
        raise BadSyntax("xtext for ASCII or UTF-8") from None
    return printable(decoded)


def printable(text: str) -> str:
    """Return ``text`` if it has no control characters and no line ends.

    Source: RFC 3461 section 4, RFC 6533 section 3.
    """
    if not _PRINTABLE.fullmatch(text):
        raise BadSyntax("printable characters")
    return text


def domain(text: str) -> str:
    """Return a domain or an address literal that is the whole of ``text``.

    Source: RFC 5321 section 4.1.2 (Domain).
    """
    found, end = _domain_or_literal(text, 0)
    if end != len(text):
        raise BadSyntax("nothing after the domain", end)
    return found


def _after(argument: str, word: str) -> int:
    if argument[: len(word)].upper() != word:
        raise BadSyntax(f"{word}<address>", 0)
    start = len(word)
    # Lenient: many clients put a space after the colon.
    while argument.startswith(" ", start):
        start += 1
    return start


def _path(argument: str, start: int) -> tuple[Address, str]:
    """``Path = "<" [ A-d-l ":" ] Mailbox ">"``; the route is ignored."""
    if not argument.startswith("<", start):
        raise BadSyntax("an address in angle brackets", start)
    start += 1
    route = _ROUTE.match(argument, start)
    address, end = _mailbox(argument, route.end() if route else start)
    if not argument.startswith(">", end):
        raise BadSyntax('">" after the address', end)
    return address, _rest(argument, end + 1)


def _rest(argument: str, end: int) -> str:
    if end < len(argument) and argument[end] != " ":
        raise BadSyntax("a space before the parameters", end)
    return argument[end:].strip(" ")


def _mailbox(text: str, start: int) -> tuple[Address, int]:
    """``Mailbox = Local-part "@" ( Domain / address-literal )``."""
    quoted = _QUOTED_STRING.match(text, start)
    match = quoted or _DOT_STRING.match(text, start)
    if match is None:
        raise BadSyntax("a local part", start)
    local = _QUOTED_PAIR.sub(r"\1", quoted[1]) if quoted else match[0]
    if len(local.encode()) > MAX_LOCAL:
        raise BadSyntax(f"a local part of at most {MAX_LOCAL} octets", start)
    if not text.startswith("@", match.end()):
        raise BadSyntax('"@" and a domain', match.end())
    domain, end = _domain_or_literal(text, match.end() + 1)
    return Address(local, domain), end


def _domain_or_literal(text: str, start: int) -> tuple[str, int]:
    literal = _LITERAL.match(text, start)
    if literal is not None:
        return _address_literal(literal, start), literal.end()
    match = _DOMAIN.match(text, start)
    if match is None:
        raise BadSyntax("a domain or an address literal", start)
    domain = match[0].lower()
    if len(domain.encode()) > MAX_DOMAIN:
        raise BadSyntax(f"a domain of at most {MAX_DOMAIN} octets", start)
    if not all(map(_LABEL.fullmatch, domain.split("."))):
        raise BadSyntax("a domain", start)
    return domain, match.end()


def _address_literal(literal: re.Match[str], start: int) -> str:
    try:
        if literal[1]:
            return f"[IPv6:{IPv6Address(literal[2])}]"
        return f"[{IPv4Address(literal[2])}]"
    except AddressValueError:
        raise BadSyntax("an IP address", start) from None
