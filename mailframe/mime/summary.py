"""What is worked out once about a message: see :mod:`mailframe.model.summary`."""

import re
from hashlib import sha256

from mailframe.mime.address import addresses
from mailframe.mime.charset import decode_charset
from mailframe.mime.date import sent
from mailframe.mime.preview import preview
from mailframe.mime.structure import Part, structure
from mailframe.mime.subject import base_subject
from mailframe.mime.wire import body_and_structure, envelope
from mailframe.model.summary import Summary

REFERENCES = 1000
"""Message-IDs of one message that are kept, the latest ones."""

# msg-id = "<" id-left "@" id-right ">"
# Lenient: an identifier without "@", which some senders make.
_MESSAGE_ID = re.compile(rb"<([^<>\s]++)>")
_QUOTED_PAIR = re.compile(rb"\\(.)")
_LONGEST = 65_536


def summarise(octets: bytes) -> Summary:
    """Return the ready answers about a message.

    Args:
        octets: The whole message; any octets have an answer.

    Source: RFC 9051 section 7.5.2, RFC 5256 sections 2 and 3, RFC 8970
    section 3.
    """
    root = structure(octets)
    fields = root.fields
    body, body_structure = body_and_structure(root)
    date = fields.get(b"date")
    subject = fields.get(b"subject")
    return Summary(
        envelope=envelope(fields),
        body_structure=body_structure,
        body=body,
        sent=sent(date[0]) if date else None,
        subject=base_subject(subject[0]) if subject else "",
        sort_from=_first_mailbox(root, b"from"),
        sort_to=_first_mailbox(root, b"to"),
        sort_cc=_first_mailbox(root, b"cc"),
        message_id=_message_id(root),
        references=_references(root),
        preview=preview(octets, root),
        content_hash=sha256(octets).hexdigest(),
    )


def wire_answers(octets: bytes) -> dict[str, bytes]:
    """Return what of :func:`summarise` is sent as it is, by its name there.

    It takes less than half the time.

    Args:
        octets: The whole message.
    """
    root = structure(octets)
    body, body_structure = body_and_structure(root)
    return {
        "envelope": envelope(root.fields),
        "body_structure": body_structure,
        "body": body,
    }


def _first_mailbox(root: Part, name: bytes) -> str:
    """Return the mailbox of the first address of a field, in lower case."""
    value = root.first(name)
    found = addresses(value, 1) if value else ()
    if not found or found[0].mailbox is None:
        return ""
    return decode_charset(found[0].mailbox, b"").lower()


def _message_id(root: Part) -> str:
    """Return the Message-ID; what is no msg-id is kept as it stands."""
    value = root.first(b"message-id")
    if not value:
        return ""
    found = _message_ids(value)
    return found[0] if found else decode_charset(value.strip(b"<> \t"), b"")


def _references(root: Part) -> tuple[str, ...]:
    """Return what the message refers to, oldest first.

    Source: RFC 5256 section 3 (REFERENCES, step 1).
    """
    value = root.first(b"references")
    if value:
        found = _message_ids(value)
        if found:
            return tuple(found[-REFERENCES:])
    value = root.first(b"in-reply-to")
    return tuple(_message_ids(value)[:1]) if value else ()


def _message_ids(value: bytes) -> list[str]:
    """Return the Message-IDs in a value, without needless quotes.

    Source: RFC 5256 section 3 (``<"01KF8JCEOCBS0045PS"@xxx.yyy.com>``).
    """
    found = _MESSAGE_ID.findall(value[:_LONGEST])
    if b'"' in value:
        found = [_QUOTED_PAIR.sub(rb"\1", item.replace(b'"', b"")) for item in found]
    return [decode_charset(item, b"") for item in found]
