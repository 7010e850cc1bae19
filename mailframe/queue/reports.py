"""Reports on the delivery of a message, as the message that tells of it. Pure.

A report has three parts: words for people, fields for programs, and the
message or its header. It takes the form with UTF-8 only when an address, or
the message, needs it.

Source: RFC 3464, RFC 6522, RFC 6533 section 4, RFC 3461 section 6.
"""

import re
from dataclasses import dataclass
from enum import Enum

from mailframe.mime.date import date_header
from mailframe.mime.header import split
from mailframe.model.address import Address
from mailframe.model.envelope import BodyType, Envelope, ForwardPath
from mailframe.queue.contract import Outcome

_COLUMNS = 76
_WORD_MAX = 900

# Dot-string = Atom *("."  Atom)                     ; RFC 5321 section 4.1.2
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a0-\U0010ffff-]"
_DOT_STRING = re.compile(rf"{_ATEXT}++(?:\.{_ATEXT}++)*+")
_SPECIAL = re.compile(r'["\\]')
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Kind(Enum):
    """What a report says."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    DOUBLE = "double"
    """A report that could not be delivered, for the postmaster."""


_SUBJECTS = {
    Kind.FAILED: "Your message could not be delivered",
    Kind.DELAYED: "Your message is delayed",
    Kind.DELIVERED: "Your message was delivered",
    Kind.DOUBLE: "A message without a sender could not be delivered",
}

_INTRODUCTIONS = {
    Kind.FAILED: (
        "Your message could not be delivered to the recipients named below.\r\n"
        "No further attempt will be made.\r\n"
    ),
    Kind.DELAYED: (
        "Your message could not yet be delivered to the recipients named\r\n"
        "below. Attempts continue until {expiry}.\r\n"
        "You need not send it again.\r\n"
    ),
    Kind.DELIVERED: (
        "As you asked to be told: your message was delivered to the\r\n"
        "recipients named below, or handed to a system that does not report\r\n"
        "delivery itself.\r\n"
    ),
    Kind.DOUBLE: (
        "A message with an empty sender, such as a report, could not be\r\n"
        "delivered to the recipients named below. Nobody else is told.\r\n"
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    """What a report says of one recipient.

    Attributes:
        path: The recipient.
        outcome: What became of it.
        action: ``failed``, ``delayed``, ``delivered``, ``relayed`` or
            ``expanded``.
        expired: Whether it failed because its time was over.
    """

    path: ForwardPath
    outcome: Outcome
    action: str
    expired: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """All that a report is made of.

    Attributes:
        kind: What it says.
        hostname: Who says it.
        recipient: To whom.
        queue_id: The message it is about.
        envelope: That message's.
        lines: Each recipient it tells of.
        arrived: When the message came, seconds since 1970.
        now: When the report is made.
        expiry: When the last attempt will be made.
        identity: Letters and digits never used before.
        whole: Whether the message is returned, or only its header.
        original: The message, or at least its header.
    """

    kind: Kind
    hostname: str
    recipient: Address
    queue_id: str
    envelope: Envelope
    lines: tuple[Line, ...]
    arrived: float
    now: float
    expiry: float
    identity: str
    whole: bool
    original: bytes

    @property
    def global_form(self) -> bool:
        """Whether it needs UTF-8 outside of its texts (RFC 6533)."""
        addresses = [
            str(self.recipient),
            *(str(one.path.address) for one in self.lines),
        ]
        addresses += [one.path.orcpt[1] for one in self.lines if one.path.orcpt]
        return self.envelope.reverse_path.smtputf8 or not all(
            one.isascii() for one in addresses
        )


def build(report: Report) -> bytes:
    """Return the report as a message.

    Source: RFC 3464 section 2, RFC 6522 section 3.
    """
    returned, returned_type = _returned(report)
    boundary = f"={report.identity}="
    while boundary.encode() in returned:
        boundary += "="
    prefix = "global-" if report.global_form else ""
    status = _status(report)
    parts = [
        _part("text/plain; charset=utf-8", _words(report).encode()),
        _part(f"message/{prefix}delivery-status", status.encode()),
        _part(returned_type, returned),
    ]
    delimiter = b"\r\n--" + boundary.encode()
    body = (
        b"".join(delimiter + b"\r\n" + part for part in parts) + delimiter + b"--\r\n"
    )
    return _header(report, f"{prefix}delivery-status", boundary) + body


def _header(report: Report, report_type: str, boundary: str) -> bytes:
    hostname = report.hostname
    fields = [
        ("From", f"Mail Delivery System <MAILER-DAEMON@{hostname}>"),
        ("To", f"<{mailbox(report.recipient)}>"),
        ("Subject", _SUBJECTS[report.kind]),
        ("Date", date_header(int(report.now)).decode()),
        ("Message-ID", f"<{report.identity}@{hostname}>"),
        ("Auto-Submitted", "auto-replied"),
        ("MIME-Version", "1.0"),
        (
            "Content-Type",
            f'multipart/report; report-type={report_type}; boundary="{boundary}"',
        ),
    ]
    return "".join(_field(*one) for one in fields).encode() + (
        b"\r\nThis is a delivery report in MIME format.\r\n"
    )


def _part(content_type: str, octets: bytes) -> bytes:
    encoding = b"7bit" if octets.isascii() else b"8bit"
    return b"Content-Type: %b\r\nContent-Transfer-Encoding: %b\r\n\r\n%b" % (
        content_type.encode(),
        encoding,
        octets,
    )


def _words(report: Report) -> str:
    """Return the part for people."""
    expiry = date_header(int(report.expiry)).decode()
    found = [
        f"This is the mail system of {report.hostname}.\r\n",
        _INTRODUCTIONS[report.kind].format(expiry=expiry),
    ]
    for line in report.lines:
        address = _safe(report, mailbox(line.path.address))
        found.append(f"<{address}>\r\n{_folded('   ', _reason(report, line), '   ')}")
    if report.kind is not Kind.DELIVERED:
        found.append("If you need help, forward this report to your postmaster.\r\n")
    return "\r\n".join(found)


def _reason(report: Report, line: Line) -> str:
    outcome = line.outcome
    if line.action == "delivered":
        return "was delivered"
    if line.action == "expanded":
        return "was delivered to several addresses it stands for"
    if line.action == "relayed":
        return f"was handed to {outcome.remote or 'the next host'}"
    reply = _safe(report, outcome.reply) or f"status {outcome.status}"
    said = f"{outcome.remote} said: {reply}" if outcome.remote else reply
    return f"could not be delivered in time: {said}" if line.expired else said


def _status(report: Report) -> str:
    """Return the part for programs.

    Source: RFC 3464 sections 2.2 and 2.3, RFC 3461 section 6.3, RFC 2852 section 5,
    RFC 4865 section 5.1.2.
    """
    path = report.envelope.reverse_path
    fields = []
    if path.envid is not None:
        fields.append(("Original-Envelope-Id", _safe(report, path.envid)))
    fields += [
        ("Reporting-MTA", f"dns; {report.hostname}"),
        ("X-Mailframe-Queue-ID", report.queue_id),
        ("Arrival-Date", date_header(int(report.arrived)).decode()),
    ]
    if path.deliver_by is not None:
        at = date_header(int(path.deliver_by.at)).decode()
        fields.append(("Deliver-By-Date", at))
    if path.asked_hold:
        fields.append(("Future-Release-Request", path.asked_hold))
    blocks = ["".join(_field(*one) for one in fields)]
    for line in report.lines:
        blocks.append("".join(_field(*one) for one in _recipient_fields(report, line)))
    return "\r\n".join(blocks)


def _recipient_fields(report: Report, line: Line) -> list[tuple[str, str]]:
    outcome, orcpt = line.outcome, line.path.orcpt
    address = mailbox(line.path.address)
    address_type = "rfc822" if address.isascii() else "utf-8"
    fields = []
    if orcpt is not None:
        fields.append(("Original-Recipient", f"{orcpt[0]};{_safe(report, orcpt[1])}"))
    fields += [
        ("Final-Recipient", f"{address_type};{_safe(report, address)}"),
        ("Action", line.action),
        ("Status", outcome.status),
    ]
    if outcome.remote:
        fields.append(("Remote-MTA", f"dns; {outcome.remote}"))
    if outcome.reply and line.action in ("failed", "delayed"):
        kind = "smtp" if outcome.smtp else "x-mailframe"
        fields.append(("Diagnostic-Code", f"{kind}; {_safe(report, outcome.reply)}"))
    fields.append(("Last-Attempt-Date", date_header(int(report.now)).decode()))
    if line.action == "delayed":
        fields.append(("Will-Retry-Until", date_header(int(report.expiry)).decode()))
    return fields


def _returned(report: Report) -> tuple[bytes, str]:
    """Return what is returned of the message, and its type.

    Source: RFC 6522 section 3, RFC 6533 sections 4.2 and 4.3.
    """
    header, _ = split(report.original)
    # Only a transport that takes binary mail could carry it again.
    binary = report.envelope.reverse_path.body is BodyType.BINARY_MIME
    if report.whole and not binary:
        octets = report.original
        kind = "message/global" if report.global_form else "message/rfc822"
    else:
        octets = header
        kind = "message/global-headers" if report.global_form else "text/rfc822-headers"
    return octets if octets.endswith(b"\r\n") else octets + b"\r\n", kind


def mailbox(address: Address) -> str:
    """Return an address, quoted where it must be.

    Source: RFC 5321 section 4.1.2 (Mailbox).
    """
    local = address.local
    if not _DOT_STRING.fullmatch(local):
        local = '"' + _SPECIAL.sub(r"\\\g<0>", local) + '"'
    return f"{local}@{address.domain}" if address.domain else local


def _safe(report: Report, text: str) -> str:
    """Return text that can stand in a field of this report."""
    text = _CONTROL.sub("?", text)
    return text if report.global_form else text.encode("ascii", "replace").decode()


def _field(name: str, value: str) -> str:
    return _folded(f"{name}:", value, "")


def _folded(begin: str, text: str, indent: str) -> str:
    """Return text on as many lines as it needs (RFC 5322 section 2.2.3)."""
    lines = [begin]
    for word in text.split(" "):
        for start in range(0, len(word) or 1, _WORD_MAX):
            piece = word[start : start + _WORD_MAX]
            if (
                not piece
                or len(lines[-1]) + len(piece) < _COLUMNS
                or lines[-1] in (begin, indent)
            ):
                lines[-1] += f" {piece}"
            else:
                lines.append(f"{indent} {piece}")
    return "\r\n".join([*lines, ""])
