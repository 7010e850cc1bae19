"""A mailbox for the transcripts of searching, sorting and threading."""

from mailframe.interfaces.mailbox import NewMessage
from mailframe.memory_content import MemoryContent
from mailframe.model.flag import FlagSet

_DAY = 86_400
# 1 February 1994.
_FIRST = 760_060_800


def _message(
    number: int,
    subject: str,
    sender: str,
    flags: str = "",
    *,
    to: str = "Reader <reader@example.org>",
    answers: str = "",
    late: int = 0,
    body: str = "Nothing much.",
) -> NewMessage:
    """Return one message.

    Args:
        number: It came on that day of February 1994.
        subject: Its subject.
        sender: Its From field.
        flags: With spaces between.
        to: Its To field.
        answers: Numbers of messages, for References.
        late: Days it was on its way.
        body: A line of text.
    """
    references = " ".join(f"<{one}@example.org>" for one in answers.split())
    header = [
        f"From: {sender}",
        f"To: {to}",
        f"Subject: {subject}",
        f"Date: {number - late} Feb 1994 12:00:00 +0000",
        f"Message-ID: <{number}@example.org>",
        *([f"References: {references}"] if references else []),
    ]
    held: FlagSet = frozenset(flags.split())
    octets = "\r\n".join([*header, "", body, ""]).encode()
    date = _FIRST + (number - 1) * _DAY
    return NewMessage(MemoryContent(octets), flags=held, date=date)


def archive() -> list[NewMessage]:
    """Return twelve messages, one a day from 1 February 1994 on."""
    smith = '"Smith, Ann" <smith@example.org>'
    bob = "Bob <bob@example.net>"
    carol = "=?utf-8?q?=C3=81da?= <carol@example.com>"
    return [
        _message(1, "lunch", smith, "\\Flagged"),
        _message(2, "Report", bob, "\\Flagged \\Seen"),
        _message(3, "Re: Report", smith, "\\Seen", answers="2"),
        _message(4, "lunch", carol, "$Junk", to="Ann <smith@example.org>"),
        _message(5, "The IMAP server", "zoe@example.org", late=4),
        _message(6, "Re: lunch", bob, "\\Deleted", answers="1"),
        _message(7, "Re: Report", carol, answers="2 3"),
        _message(8, "Fwd: Report", "dave@example.org", answers="2"),
        _message(9, "[list] broken IMAP", bob, body="It breaks, says the server."),
        _message(10, "Re: [list] broken IMAP", smith, "\\Flagged", answers="77"),
        _message(11, "holiday", bob, "\\Flagged", answers="77"),
        _message(12, "help", carol, "$Junk \\Deleted", body="Hello world"),
    ]
