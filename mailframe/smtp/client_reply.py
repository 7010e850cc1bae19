"""Replies of a server, read from octets, and what a refusal among them means.

Only CRLF ends a reply line. How long a line and how many lines a reply may
have is bounded; whatever else a server sends is a breach of protocol, and the
connection is of no use any more.

Source: RFC 5321 section 4.2, RFC 2034 section 4, RFC 3463.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from mailframe.errors import (
    BadSyntax,
    MailError,
    MessageTooLarge,
    NoSuchUser,
    NotPermitted,
    NotSupported,
    OverQuota,
    RemoteReply,
    TemporaryFailure,
)
from mailframe.smtp.framing import Received

MAX_LINE = 4096
"""Octets of a reply line with its CRLF; RFC 5321 section 4.5.3.1.5 says 512,
EHLO lines of some servers are longer."""

MAX_LINES = 200
"""Lines of one reply."""

MAX_TEXT = 2000
"""Characters of a reply that are kept."""

# Reply-line = *( Reply-code "-" [ textstring ] CRLF )
#              Reply-code [ SP textstring ] CRLF     ; RFC 5321 section 4.2
_REPLY_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)

# status-code = class "." subject "." detail         ; RFC 3463 section 2
_STATUS = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |$)")

SHORT = 100
"""Octets of a reply line that is remembered: most answers are always the same."""

REMEMBERED = 256
"""Lines that are."""

_UNPRINTABLE = re.compile(r"[^\x20-\x7e\u00a0-\u2027\u202a-\U0010ffff]")

_KINDS: dict[str, type[MailError]] = {
    "5.1.0": NoSuchUser,
    "5.1.1": NoSuchUser,
    "5.1.2": NoSuchUser,
    "5.1.3": NoSuchUser,
    "5.1.6": NoSuchUser,
    "5.1.10": NoSuchUser,
    "5.2.1": NoSuchUser,
    "5.2.2": OverQuota,
    "5.2.3": MessageTooLarge,
    "5.3.3": NotSupported,
    "5.3.4": MessageTooLarge,
    "5.6.7": NotSupported,
}
"""What is known of permanent refusals by their enhanced code."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply.

    Attributes:
        code: The three digits.
        enhanced: The enhanced code, or ``None``.
        lines: The text of each line, without codes.
    """

    code: int
    enhanced: str | None
    lines: tuple[str, ...]

    @property
    def positive(self) -> bool:
        """Whether it is a 2yz or 3yz."""
        return self.code < 400

    @property
    def permanent(self) -> bool:
        """Whether it refuses for good."""
        return self.code >= 500

    def remote(self) -> RemoteReply:
        """Return it as an error carries it."""
        return RemoteReply(self.code, self.enhanced, "\n".join(self.lines)[:MAX_TEXT])

    def refusal(self) -> MailError:
        """Return what it means for mail; for a 4yz or 5yz, or one out of place.

        Returns:
            A TemporaryFailure for all but 5yz. Its ``reply`` is this one.

        Source: RFC 5321 section 4.2.1, RFC 3463 section 3.
        """
        kind: type[MailError] = TemporaryFailure
        if self.permanent:
            enhanced = self.enhanced or ""
            kind = _KINDS.get(enhanced, MailError)
            if kind is MailError and enhanced.startswith("5.7."):
                kind = NotPermitted
            elif kind is MailError and self.code == 552:
                kind = OverQuota
        error = kind(f"{self.code} {' '.join(self.lines)}"[:MAX_TEXT])
        error.reply = self.remote()
        # A 4yz with a 5.y.z, or the reverse, is believed by its code.
        if self.enhanced is not None and self.enhanced[0] == str(self.code)[0]:
            error.status = self.enhanced
        return error

    def as_temporary(self, status: str) -> TemporaryFailure:
        """Return it as a failure of this host, for this time.

        Args:
            status: The enhanced code that says what did not work.
        """
        error = TemporaryFailure(*self.refusal().args)
        error.reply = self.remote()
        error.status = status
        return error

    def verdict(self) -> MailError:
        """Return what it refuses; a success where none was due is no success."""
        return self.as_temporary("4.5.0") if self.positive else self.refusal()


class ReplyReader:
    """Cuts what a server sends into replies."""

    __slots__ = ("_code", "_lines", "_received")

    def __init__(self) -> None:
        """Begin before the greeting."""
        self._received = Received()
        self._code = 0
        self._lines: list[str] = []

    def receive(self, octets: bytes) -> None:
        """Take what the transport read."""
        self._received.receive(octets)

    def forget(self) -> None:
        """Throw away all that came and was not read (RFC 3207 section 4.2)."""
        self._received.forget()
        self._lines.clear()

    def next_reply(self) -> Reply | None:
        """Return the next whole reply, ``None`` until it is there.

        Raises:
            BadSyntax: This is not SMTP; nothing more can be read.

        Source: RFC 5321 section 4.2.1.
        """
        while True:
            line = self._received.next_line(MAX_LINE)
            if line is None:
                return None
            if not self._lines and len(line) <= SHORT:
                reply = _short(line)
                if reply is not None:
                    return reply
            code, text, is_last = _read(line)
            if self._lines and code != self._code:
                raise BadSyntax("one code on all lines of a reply")
            if len(self._lines) >= MAX_LINES:
                raise BadSyntax(f"a reply of at most {MAX_LINES} lines")
            self._code = code
            self._lines.append(text)
            if is_last:
                lines, self._lines = self._lines, []
                return _reply(code, lines)


@lru_cache(REMEMBERED)
def _short(line: bytes) -> Reply | None:
    """Return a reply that is one line, ``None`` if there is more of it."""
    code, text, is_last = _read(line)
    return _reply(code, [text]) if is_last else None


def _read(line: bytes) -> tuple[int, str, bool]:
    """Return code and text of a reply line, and whether it is the last one.

    Raises:
        BadSyntax: It is none.
    """
    match = _REPLY_LINE.fullmatch(line)
    if match is None:
        raise BadSyntax("a reply: three digits and a text")
    text = (match[3] or b"").decode("utf-8", "replace")
    if not text.isprintable():
        text = _UNPRINTABLE.sub("?", text)
    return int(match[1]), text, match[2] != b"-"


def _reply(code: int, lines: list[str]) -> Reply:
    """Return the reply that is complete, its enhanced code taken off."""
    found = _STATUS.match(lines[0])
    if found is None:
        return Reply(code, None, tuple(lines))
    # RFC 2034 section 4 has the enhanced code on every line.
    enhanced = found[1]
    bare = [
        line[len(enhanced) :].lstrip(" ") if line.startswith(enhanced) else line
        for line in lines
    ]
    return Reply(code, enhanced, tuple(bare))
