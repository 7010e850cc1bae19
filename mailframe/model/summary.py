"""What is worked out once about a message when it arrives, and kept.

The octets are IMAP's because IMAP asks for them ten thousand at a time; they
are computed by :mod:`mailframe.mime.summary` and stored as they are.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """The ready answers about one message.

    Attributes:
        envelope: The ``envelope`` production, parentheses included.
        body_structure: The ``body`` production with extension data
            (BODYSTRUCTURE).
        body: The same without extension data (BODY).
        sent: The Date field as seconds since 1970 in UTC, or ``None`` when
            it is missing or not a date.
        subject: The base subject, decoded (RFC 5256 section 2.1).
        sort_from: Mailbox (local part) of the first From address, lower
            case, for SORT.
        sort_to: The same for To.
        sort_cc: The same for Cc.
        message_id: The Message-ID with its angle brackets removed, or ``""``.
        references: Message-IDs of References, or of In-Reply-To when there
            is none, oldest first (RFC 5256 section 3).
        content_hash: SHA-256 of the whole message, in hexadecimal digits.
        preview: The first 200 characters of readable text (RFC 8970).

    Source: RFC 9051 section 7.5.2 (ENVELOPE, BODY, BODYSTRUCTURE).
    """

    envelope: bytes
    body_structure: bytes
    body: bytes
    sent: int | None
    subject: str
    sort_from: str
    sort_to: str
    sort_cc: str
    message_id: str
    references: tuple[str, ...]
    preview: str
    content_hash: str
