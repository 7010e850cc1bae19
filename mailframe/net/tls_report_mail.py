"""A TLS report as a message, or as what is posted over HTTPS.

Source: RFC 8460 sections 5.1 (the file's name), 5.2 (gzip), 5.3 (mail) and 5.4
(HTTPS); RFC 8689 section 5 (``TLS-Required: No``: it tells of what is broken).
"""

import base64
import gzip
from email.utils import formatdate
from urllib.parse import unquote

from mailframe.model.address import Address
from mailframe.net.tls_report import DAY, Report

MEDIA_TYPE = "application/tlsrpt+gzip"

_LINE = 57
"""Octets of one line of base64 (RFC 2045 section 6.8 allows 76 characters)."""

_FORM = """\
From: <{sender}>
To: <{recipient}>
Date: {date}
Message-ID: <{identity}@{submitter}>
Subject: Report Domain: {domain} Submitter: {submitter}
 Report-ID: <{name}>
TLS-Report-Domain: {domain}
TLS-Report-Submitter: {submitter}
TLS-Required: No
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: multipart/report; report-type="tlsrpt";
 boundary="{identity}"

--{identity}
Content-Type: text/plain; charset=us-ascii

This is a report of {submitter} on how TLS went
with the mail it had for {domain} on {day} (UTC).

--{identity}
Content-Type: {kind}
Content-Transfer-Encoding: base64
Content-Disposition: attachment;
 filename="{file}"

{octets}
--{identity}--
"""


def recipient_of(uri: str) -> Address | None:
    """Return the address of a ``mailto:`` URI, ``None`` if it is no good.

    Only its address counts (RFC 8460 section 3): what is behind a ``?`` is
    passed over.
    """
    text = unquote(uri[len("mailto:") :].partition("?")[0])
    local, at, domain = text.rpartition("@")
    good = at and local and domain and text.isascii() and text.isprintable()
    if not good or any(letter in ' <>(),;:\\"[]' for letter in local + domain):
        return None
    return Address(local, domain.lower())


def compressed(report: Report) -> bytes:
    """Return a report's text as gzip, the same for the same text."""
    return gzip.compress(report.text, mtime=0)


def file_name(report: Report, submitter: str) -> str:
    """Return the name of a report's file (RFC 8460 section 5.1)."""
    start = report.day * DAY
    return f"{submitter}!{report.domain}!{start}!{start + DAY - 1}.json.gz"


def message(
    report: Report,
    recipient: Address,
    *,
    submitter: str,
    sender: Address,
    now: float,
    identity: str,
) -> bytes:
    """Return a report as a message.

    Args:
        report: What to send.
        recipient: Whom to.
        submitter: Our name.
        sender: Who writes.
        now: Seconds since 1970.
        identity: A fresh one, of letters and digits.
    """
    whole = base64.b64encode(compressed(report))
    step = _LINE // 3 * 4
    lines = [whole[at : at + step].decode() for at in range(0, len(whole), step)]
    text = _FORM.format(
        sender=sender,
        recipient=recipient,
        date=formatdate(now),
        identity=identity,
        submitter=submitter,
        domain=report.domain,
        name=report.name,
        day=formatdate(report.day * DAY)[5:16],
        kind=MEDIA_TYPE,
        file=file_name(report, submitter),
        octets="\n".join(lines),
    )
    return text.replace("\n", "\r\n").encode("ascii")
