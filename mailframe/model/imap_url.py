"""IMAP URLs: messages and parts of messages, named for others to fetch.

Only URLs of messages are of use here; those of servers, mailboxes and searches
are refused. What a section means is not known at this place.

Source: RFC 5092 section 11, RFC 3986, RFC 3339 section 5.6 (date-time).
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from mailframe.errors import BadSyntax

_URL_MAX = 8192
_NUMBER_MAX = 2**32 - 1

# pct-encoded   = "%" HEXDIG HEXDIG
# unreserved    = ALPHA / DIGIT / "-" / "." / "_" / "~"
# sub-delims-sh = "!" / "$" / "'" / "(" / ")" / "*" / "+" / ","
# achar         = unreserved / sub-delims-sh / pct-encoded / "&" / "="
_ACHAR = r"(?:[A-Za-z0-9\-._~!$'()*+,&=]|%[0-9A-Fa-f]{2})"
# bchar         = achar / ":" / "@" / "/"
_BCHAR = r"(?:[A-Za-z0-9\-._~!$'()*+,&=:@/]|%[0-9A-Fa-f]{2})"
# iserver       = [iuserinfo "@"] host [ ":" port ]
# iuserinfo     = enc-user [iauth] / [enc-user] iauth
# iauth         = ";AUTH=" ( "*" / enc-auth-type )
_SERVER = re.compile(
    rf"(?:imap:)?//(?:(?P<user>{_ACHAR}+)?(?:;AUTH=(?P<auth>{_ACHAR}+))?@)?"
    rf"(?P<host>\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{{2}})+)"
    r"(?::(?P<port>[0-9]{0,5}))?(?=/|\Z)",
    re.IGNORECASE,
)
# imailbox-ref  = enc-mailbox [uidvalidity]
_MAILBOX = re.compile(
    rf"/(?P<mailbox>{_BCHAR}+?)(?:;UIDVALIDITY=(?P<validity>[1-9][0-9]{{0,9}}))?(?=/;UID=)",
    re.IGNORECASE,
)
# imessagepart  = imailbox-ref iuid [isection] [ipartial]
# ipartial-only = ";PARTIAL=" partial-range
_PART = re.compile(
    r"/?;UID=(?P<uid>[1-9][0-9]{0,9})"
    rf"(?:/;SECTION=(?P<section>{_BCHAR}+?))?"
    r"(?:/;PARTIAL=(?P<first>[0-9]{1,19})(?:\.(?P<count>[1-9][0-9]{0,18}))?)?"
    r"(?=;|\Z)",
    re.IGNORECASE,
)
# iurlauth-rump = [expire] ";URLAUTH=" access
# access        = ("submit+" enc-user) / ("user+" enc-user) / "authuser" / "anonymous"
_ACCESS = re.compile(
    r"(?:;EXPIRE=(?P<expire>[0-9T:.Z+\-]+))?;URLAUTH="
    rf"(?P<kind>submit\+|user\+|authuser|anonymous)(?P<for>{_ACHAR}*)(?=:|\Z)",
    re.IGNORECASE,
)
# iua-verifier  = ":" uauth-mechanism ":" enc-urlauth
_VERIFIER = re.compile(
    r":(?P<mechanism>[A-Za-z0-9\-.]+):(?P<token>[0-9A-Fa-f]{32,1024})"
)
# date-time of RFC 3339 section 5.6
_DATE_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.[0-9]+)?(?:Z|([+-])([0-9]{2}):([0-9]{2}))",
    re.IGNORECASE,
)
_SAFE = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$'()*,&="
)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use a URL, and until when.

    Attributes:
        kind: ``submit+``, ``user+``, ``authuser`` or ``anonymous``.
        user: Whom the first two name, decoded; else empty.
        expire: Seconds since 1970 after which nobody may; ``None`` for never.

    Source: RFC 5092 section 6.1.2.
    """

    kind: str
    user: str = ""
    expire: float | None = None


@dataclass(frozen=True, slots=True)
class IMAPURL:
    """A message, or a part of one.

    Attributes:
        uid: The message.
        mailbox: The name of its mailbox, decoded; ``None`` when the URL leaves
            it to where it stands.
        uid_validity: What that has to have; ``None`` for anything.
        section: As in the brackets of ``BODY[]``, decoded; empty for the
            message.
        first: Offset of the first octet meant.
        count: How many are meant; ``None`` for all from there.
        user: Whose mailbox it is, decoded; ``None`` when it is not said.
        host: The server; empty in a relative URL.
        port: Its port, or ``None``.
        access: Who may use it; ``None`` in one that says nothing of that.
        mechanism: What made the token, in capitals; empty without one.
        token: What proves the access, hexadecimal digits.
        rump: The URL without mechanism and token, as it was written.
    """

    uid: int
    mailbox: str | None
    uid_validity: int | None = None
    section: bytes = b""
    first: int = 0
    count: int | None = None
    user: str | None = None
    host: str = ""
    port: int | None = None
    access: Access | None = None
    mechanism: str = ""
    token: str = ""
    rump: str = ""


def imap_url(text: str) -> IMAPURL:
    """Read a URL of a message, absolute or relative.

    Raises:
        BadSyntax: It is no such URL.

    Source: RFC 5092 sections 6, 7 and 11.
    """
    if len(text) > _URL_MAX:
        raise BadSyntax("a shorter URL")
    server = _SERVER.match(text)
    place = server.end() if server else 0
    mailbox = _MAILBOX.match(text, place)
    if mailbox is None and (server is not None or text.startswith("/")):
        raise BadSyntax("a URL of a message")
    part = _PART.match(text, mailbox.end() if mailbox else place)
    if part is None:
        raise BadSyntax("a URL of a message")
    place = part.end()
    access = _ACCESS.match(text, place)
    verifier = _VERIFIER.match(text, access.end()) if access else None
    rump = access.end() if access else place
    if (verifier.end() if verifier else rump) != len(text):
        raise BadSyntax("the end of a URL")
    name, validity = mailbox.group("mailbox", "validity") if mailbox else (None, None)
    section, first, count = part.group("section", "first", "count")
    return IMAPURL(
        uid=_number(part["uid"]),
        mailbox=None if name is None else _text(name),
        uid_validity=None if validity is None else _number(validity),
        section=_decoded(section or ""),
        first=int(first or 0),
        count=None if count is None else int(count),
        user=_text(server["user"]) if server and server["user"] else None,
        host=_text(server["host"]).lower() if server else "",
        port=int(server["port"]) if server and server["port"] else None,
        access=None if access is None else _access(access),
        mechanism=verifier["mechanism"].upper() if verifier else "",
        token=verifier["token"] if verifier else "",
        rump=text[:rump],
    )


def encoded(text: str) -> str:
    """Return a text as a user or a level of a mailbox name stands in a URL.

    Source: RFC 5092 section 8, RFC 3986 section 2.1.
    """
    return "".join(
        chr(octet) if octet in _SAFE else f"%{octet:02X}" for octet in text.encode()
    )


def _access(found: re.Match[str]) -> Access:
    kind = found["kind"].lower()
    if bool(found["for"]) != kind.endswith("+"):
        raise BadSyntax("an access identifier")
    expire = None if found["expire"] is None else _seconds(found["expire"])
    return Access(kind, _text(found["for"]), expire)


def _seconds(text: str) -> float:
    found = _DATE_TIME.fullmatch(text)
    if found is None:
        raise BadSyntax("a date and time")
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    sign, hours, minutes = found.groups()[6:]
    try:
        zone = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        if sign == "-":
            zone = -zone
        # A leap second is taken for the one before.
        when = datetime(
            year, month, day, hour, minute, min(second, 59), tzinfo=timezone(zone)
        )
        return when.timestamp()
    except (ValueError, OverflowError):
        raise BadSyntax("a date and time") from None


def _number(digits: str) -> int:
    number = int(digits)
    if number > _NUMBER_MAX:
        raise BadSyntax("a number below 4294967296")
    return number


def _decoded(text: str) -> bytes:
    head, *rest = text.encode("ascii").split(b"%")
    return head + b"".join(bytes((int(one[:2], 16),)) + one[2:] for one in rest)


def _text(text: str) -> str:
    try:
        return _decoded(text).decode()
    except UnicodeDecodeError:
        raise BadSyntax("UTF-8 in a URL") from None
