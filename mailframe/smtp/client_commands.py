"""The commands a client sends, as octets.

Nothing that came from a user is written without a check: an address, a name or
a parameter with a CR, an LF or another control in it raises ValueError, for it
should never have got this far.

Source: RFC 5321 section 4.1.1, RFC 3461 section 4, RFC 6533 section 3.
"""

import re
from dataclasses import dataclass

from mailframe.model.envelope import BodyType, ForwardPath, ReversePath
from mailframe.smtp.client_offer import Offer

# A command line without CR, LF and other controls. The C1 controls, U+2028 and
# U+2029 some software takes for line ends.
_CLEAN = re.compile(r"[\x20-\x7e\u00a0-\u2027\u202a-\U0010ffff]*")

# xchar = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for
#         "+" and "=".                               ; RFC 3461 section 4
_NOT_XCHAR = re.compile(r"[^!-*,-<>-~]")

# QUCHAR: what utf-8-addr-xtext leaves as it is      ; RFC 6533 section 3
_NOT_QUCHAR = re.compile(r"[^!-*,-<>-\[\]-~]")

_NOTIFY = ("SUCCESS", "FAILURE", "DELAY")


def line(text: str) -> bytes:
    """Return a command line with its CRLF.

    Raises:
        ValueError: There is a control in it.
    """
    if not _CLEAN.fullmatch(text):
        raise ValueError("a control character in a command")
    return text.encode() + b"\r\n"


def xtext(text: str) -> str:
    """Return ASCII text as DSN parameters have it.

    Source: RFC 3461 section 4.
    """
    return _NOT_XCHAR.sub(_hexchars, text)


def utf8_xtext(text: str) -> str:
    """Return a UTF-8 address as ORCPT has it towards any server.

    Source: RFC 6533 section 3 (utf-8-addr-xtext).
    """
    return _NOT_QUCHAR.sub(lambda found: f"\\x{{{ord(found[0]):02X}}}", text)


def _hexchars(found: re.Match[str]) -> str:
    return "".join(f"+{octet:02X}" for octet in found[0].encode())


@dataclass(frozen=True, slots=True)
class Delivery:
    """One mail transaction, as it shall be said to one server.

    Attributes:
        reverse_path: The sender; its ``body`` and ``smtputf8`` say what the
            content is, once it has its final form.
        forward_paths: The recipients, at least one.
        size: Octets of the content in its final form, or ``None``.
        by: Seconds left of DELIVERBY, ``None`` without (RFC 2852 section 4).
    """

    reverse_path: ReversePath
    forward_paths: tuple[ForwardPath, ...]
    size: int | None = None
    by: int | None = None


def mail(delivery: Delivery, offer: Offer, authenticated: bool) -> bytes:
    """Return MAIL with the parameters the server understands.

    Args:
        delivery: Whose sender it is.
        offer: What the server offers.
        authenticated: Whether we have logged in: AUTH= goes to nobody else.

    Source: RFC 5321 section 4.1.1.2.
    """
    path = delivery.reverse_path
    sender = "" if path.address is None else path.address.written()
    words = [f"MAIL FROM:<{sender}>"]
    if "SIZE" in offer and delivery.size is not None:
        words.append(f"SIZE={delivery.size}")
    if path.body is BodyType.BINARY_MIME and "BINARYMIME" in offer:
        words.append("BODY=BINARYMIME")
    elif path.body is not BodyType.SEVEN_BIT and "8BITMIME" in offer:
        words.append("BODY=8BITMIME")
    if path.smtputf8 and "SMTPUTF8" in offer:
        words.append("SMTPUTF8")
    if path.require_tls and "REQUIRETLS" in offer:
        words.append("REQUIRETLS")
    if "DSN" in offer:
        if path.ret is not None:
            words.append(f"RET={path.ret}")
        if path.envid is not None:
            words.append(f"ENVID={xtext(path.envid)}")
    # Though it be 0, or nobody asked for one (RFC 6710 section 4.2).
    if "MT-PRIORITY" in offer:
        words.append(f"MT-PRIORITY={path.priority}")
    if path.deliver_by is not None and delivery.by is not None and "DELIVERBY" in offer:
        mode = "R" if path.deliver_by.bounce else "N"
        trace = "T" if path.deliver_by.trace else ""
        words.append(f"BY={delivery.by};{mode}{trace}")
    if authenticated and path.auth is not None:
        words.append(f"AUTH={xtext(path.auth) or '<>'}")
    return line(" ".join(words))


def rcpt(path: ForwardPath, offer: Offer) -> bytes:
    """Return RCPT with the parameters the server understands.

    Source: RFC 5321 section 4.1.1.3, RFC 3461 sections 4.1 and 4.2.
    """
    words = [f"RCPT TO:<{path.address.written()}>"]
    if "DSN" in offer:
        if path.notify is not None:
            wanted = [word for word in _NOTIFY if word in path.notify]
            words.append(f"NOTIFY={','.join(wanted) or 'NEVER'}")
        if path.orcpt is not None:
            kind, address = path.orcpt
            encode = utf8_xtext if kind.lower() == "utf-8" else xtext
            words.append(f"ORCPT={kind};{encode(address)}")
    return line(" ".join(words))
