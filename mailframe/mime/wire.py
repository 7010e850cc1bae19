"""ENVELOPE, BODY and BODYSTRUCTURE as the octets IMAP sends.

Nothing from a message can break a response: what a quoted string cannot have is
sent as a literal, and NUL, which neither can have, is left out.

Source: RFC 9051 sections 7.5.2 and 9, RFC 3501 section 7.4.2.
"""

import re
from functools import lru_cache
from urllib.parse import quote

from mailframe.mime.address import FieldAddress, addresses
from mailframe.mime.charset import decode_charset
from mailframe.mime.parameter import Parameters, parameters
from mailframe.mime.structure import Part

# quoted = DQUOTE *QUOTED-CHAR DQUOTE ; TEXT-CHAR and escaped quoted-specials
_special = re.compile(rb'[\x00\r\n"\\\x80-\xff]').search
_unquotable = re.compile(rb"[\x00\r\n\x80-\xff]").search
_QUOTED_SPECIAL = re.compile(rb'(["\\])')
_NOT_PLAIN = re.compile(rb"[^\x20-\x7e]").search
_LANGUAGES = 100
_SHORT = 200


def string(value: bytes) -> bytes:
    """Return octets as an IMAP string: quoted when it can be, else a literal.

    Source: RFC 9051 section 4.3.
    """
    if _special(value) is None:
        return b'"%b"' % value
    if _unquotable(value) is None:
        return b'"%b"' % _QUOTED_SPECIAL.sub(rb"\\\1", value)
    value = value.replace(b"\x00", b"")
    return b"{%d}\r\n%b" % (len(value), value)


def nstring(value: bytes | None) -> bytes:
    """Return octets as an IMAP string, ``NIL`` for ``None``.

    Source: RFC 9051 section 4.5.
    """
    return b"NIL" if value is None else string(value)


def envelope(fields: dict[bytes, list[bytes]]) -> bytes:
    """Return the ``envelope`` production for a header.

    Sender and Reply-To that are missing or empty are as From. Fields of
    addresses that come twice are taken together; of the others the first counts.

    Args:
        fields: As ``Part.fields``.

    Source: RFC 9051 section 7.5.2 (ENVELOPE).
    """
    sender = _addresses(fields, b"from")
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        _text(fields, b"date"),
        _text(fields, b"subject"),
        sender,
        _addresses(fields, b"sender", sender),
        _addresses(fields, b"reply-to", sender),
        _addresses(fields, b"to"),
        _addresses(fields, b"cc"),
        _addresses(fields, b"bcc"),
        _text(fields, b"in-reply-to"),
        _text(fields, b"message-id"),
    )


def body_and_structure(root: Part) -> tuple[bytes, bytes]:
    """Return BODY and BODYSTRUCTURE of a message: two ``body`` productions.

    Source: RFC 9051 sections 7.5.2 and 9 (body).
    """
    body: list[bytes] = []
    extended: list[bytes] = []
    waiting: list[Part | tuple[bytes, bytes]] = [root]
    while waiting:
        part = waiting.pop()
        if isinstance(part, tuple):
            body.append(part[0])
            extended.append(part[1])
            continue
        if part.is_multipart:
            subtype = string(part.content_type[10:])
            body.append(b"(")
            extended.append(b"(")
            given = _parameters(part.parameters)
            waiting.append(
                (
                    b" %b)" % subtype,
                    b" %b %b%b)" % (subtype, given, _extension(part)),
                )
            )
            waiting += reversed(part.children)
            continue
        kind, _, subtype = part.content_type.partition(b"/")
        head = b'("%b" %b %b %b %b %b %d' % (
            kind,
            string(subtype),
            _parameters(part.parameters),
            _text(part.fields, b"content-id"),
            _text(part.fields, b"content-description"),
            string(part.encoding),
            part.size,
        )
        ending = b" %b%b)" % (_text(part.fields, b"content-md5"), _extension(part))
        if part.is_message:
            inner = part.children[0]
            head += b" %b " % envelope(inner.fields)
            lines = b" %d" % part.lines
            body.append(head)
            extended.append(head)
            waiting.append((lines + b")", lines + ending))
            waiting.append(inner)
            continue
        if kind == b"text":
            head += b" %d" % part.lines
        body += (head, b")")
        extended += (head, ending)
    return b"".join(body), b"".join(extended)


def _text(fields: dict[bytes, list[bytes]], name: bytes) -> bytes:
    """Return the first field of a name as an nstring."""
    return string(fields[name][0]) if name in fields else b"NIL"


def _addresses(
    fields: dict[bytes, list[bytes]], name: bytes, default: bytes = b"NIL"
) -> bytes:
    """Return the addresses of all fields of a name, the default without any."""
    values = fields.get(name)
    if values is None:
        return default
    value = values[0] if len(values) == 1 else b", ".join(values)
    return (_short_list if len(value) <= _SHORT else _list)(value) or default


def _list(value: bytes) -> bytes:
    """Return a list of addresses, nothing for none."""
    found = addresses(value)
    return b"(%b)" % b"".join(map(_address, found)) if found else b""


_short_list = lru_cache(maxsize=2048)(_list)
"""The same, remembered: most messages of a mailbox go to the same few addresses."""


def _address(address: FieldAddress) -> bytes:
    """Return an ``address`` production."""
    name, route, mailbox, host = address
    return b"(%b %b %b %b)" % (
        b"NIL" if name is None else string(name),
        b"NIL" if route is None else string(route),
        b"NIL" if mailbox is None else string(mailbox),
        b"NIL" if host is None else string(host),
    )


def _parameters(given: Parameters) -> bytes:
    """Return a ``body-fld-param`` production.

    A value beyond ASCII is sent in the extended form of RFC 2231 section 4,
    always in UTF-8 and in one piece, which every client that knows extended
    parameters can read and none can stumble over.
    """
    if not given:
        return b"NIL"
    found = []
    for name, value in given:
        if _NOT_PLAIN(value) is not None:
            encoded = quote(decode_charset(value, b""), safe="")
            name, value = name.rstrip(b"*") + b"*", b"utf-8''" + encoded.encode()
        found.append(b"%b %b" % (string(name), string(value)))
    return b"(%b)" % b" ".join(found)


def _extension(part: Part) -> bytes:
    """Return disposition, language and location, each after a space."""
    fields = part.fields
    disposition = b"NIL"
    if b"content-disposition" in fields:
        kind, given = parameters(fields[b"content-disposition"][0])
        if kind:
            disposition = b"(%b %b)" % (string(kind), _parameters(given))
    language = b"NIL"
    if b"content-language" in fields:
        tags = fields[b"content-language"][0].split(b",", _LANGUAGES)[:_LANGUAGES]
        tags = [tag.strip() for tag in tags if tag.strip()]
        if len(tags) == 1:
            language = string(tags[0])
        elif tags:
            language = b"(%b)" % b" ".join(map(string, tags))
    return b" %b %b %b" % (disposition, language, _text(fields, b"content-location"))
