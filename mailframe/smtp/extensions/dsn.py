"""DSN: what the sender wants to be told about delivery.

RFC 3461. Always announced. The parameters go with the envelope; who delivers
or queues the message acts on them.
"""

import re

from mailframe.errors import BadSyntax
from mailframe.smtp import grammar
from mailframe.smtp.command import Extension, Parameter
from mailframe.smtp.session import Session

MAX_ENVID = 100
"""Characters of an ENVID as sent (RFC 3461 section 4.4)."""

MAX_ORCPT = 500
"""Characters of an ORCPT as sent (RFC 3461 section 4.2)."""

_EVENTS = frozenset({"SUCCESS", "FAILURE", "DELAY"})

# original-recipient-address = addr-type ";" xtext    ; RFC 3461 section 4.2
_ORCPT = re.compile(r"([A-Za-z0-9!#$%&'*/?^_`{|}~-]{1,64});(.+)")

# EmbeddedUnicodeChar = "\x" "{" HEXPOINT "}"         ; RFC 6533 section 3
_EMBEDDED = re.compile(r"\\x\{([0-9A-F]{2,6})\}")


def ret(session: Session, value: str | None) -> str:
    """``RET=FULL`` or ``RET=HDRS`` (RFC 3461 section 4.3)."""
    wanted = (value or "").upper()
    if wanted not in ("FULL", "HDRS"):
        raise BadSyntax("RET=FULL or RET=HDRS")
    return wanted


def envid(session: Session, value: str | None) -> str:
    """``ENVID=xtext`` (RFC 3461 section 4.4)."""
    if value is None or len(value) > MAX_ENVID:
        raise BadSyntax(f"ENVID= and at most {MAX_ENVID} characters")
    decoded = grammar.xtext(value)
    if not decoded.isascii():
        raise BadSyntax("an ENVID of ASCII characters")
    return decoded


def notify(session: Session, value: str | None) -> frozenset[str]:
    """``NOTIFY=NEVER``, or a list of events (RFC 3461 section 4.1)."""
    words = (value or "").upper().split(",")
    if words == ["NEVER"]:
        return frozenset()
    wanted = frozenset(words)
    if not wanted <= _EVENTS or len(wanted) != len(words):
        raise BadSyntax("NOTIFY=NEVER, or a list of SUCCESS, FAILURE and DELAY")
    return wanted


def orcpt(session: Session, value: str | None) -> tuple[str, str]:
    """``ORCPT=type;address`` (RFC 3461 section 4.2, RFC 6533 section 3)."""
    match = _ORCPT.fullmatch(value or "")
    if match is None or len(match[0]) > MAX_ORCPT:
        raise BadSyntax("ORCPT=type;address")
    kind = match[1].lower()
    if kind != "utf-8":
        return kind, grammar.xtext(match[2])
    return kind, grammar.printable(_EMBEDDED.sub(_character, match[2]))


def _character(found: re.Match[str]) -> str:
    number = int(found[1], 16)
    if number > 0x10FFFF or 0xD800 <= number < 0xE000:
        raise BadSyntax("a Unicode character")
    return chr(number)


EXTENSION = Extension(
    "DSN",
    mail_parameters={"RET": Parameter("ret", ret), "ENVID": Parameter("envid", envid)},
    rcpt_parameters={
        "NOTIFY": Parameter("notify", notify),
        "ORCPT": Parameter("orcpt", orcpt),
    },
)
