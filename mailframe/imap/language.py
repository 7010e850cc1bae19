"""Which languages the server speaks, and what it says in them.

English is said as it is written in the code. Another language is a table of texts;
what a table lacks stays English.

Source: RFC 5255 section 3, RFC 4647 section 3.4.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mailframe.imap import german

DEFAULT = "i-default"
"""What is spoken before another language was chosen (RFC 5255 section 3.1)."""

# language-range = (1*8ALPHA *("-" 1*8alphanum)) / "*"       ; RFC 4647 section 2.1
RANGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*")

# resp-cond-state = ("OK" / "NO" / "BAD") SP resp-text
# resp-text       = ["[" resp-text-code "]" SP] text         ; RFC 9051 section 9
_STATUS = re.compile(
    rb"(?m)^([^ \r\n]+ (?:OK|NO|BAD|BYE|PREAUTH) "
    rb"(?:\[(?:[^\]\"\r\n]|\"(?:[^\"\\\r\n]|\\.)*\")*\] )?)([^\r\n]+)"
)
_PLACE = re.compile(r"%(?:([0-9])\$)?s")


@dataclass(frozen=True)
class Language:
    """A language the server speaks.

    Attributes:
        tag: Its tag, in capitals as LANGUAGE lists it.
        texts: What is said in it, by our text.
        levels: What levels of mailbox names are called in it.
    """

    tag: str
    texts: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]:
        """Texts in which something changes, the longest first."""
        found = []
        for text in sorted(self.texts, key=len, reverse=True):
            if "%s" in text:
                pattern = "(.+)".join(map(re.escape, text.split("%s")))
                found.append((re.compile(pattern), self._filled(self.texts[text])))
        return found

    def _filled(self, translated: str) -> Callable[[re.Match[str]], str]:
        def fill(match: re.Match[str]) -> str:
            values = iter(match.groups())

            def value(place: re.Match[str]) -> str:
                return self.text(match[int(place[1])] if place[1] else next(values))

            return _PLACE.sub(value, translated)

        return fill

    def text(self, text: str) -> str:
        """Return a text in this language, as it is where there is none."""
        if text in self.texts:
            return self.texts[text]
        for pattern, fill in self._patterns:
            match = pattern.fullmatch(text)
            if match is not None:
                return fill(match)
        return text

    def said(self, octets: bytes) -> bytes:
        """Return status responses with their text in this language.

        Args:
            octets: Whole lines; those that are no status responses stay.
        """
        if not self.texts:
            return octets
        return _STATUS.sub(
            lambda found: found[1] + self.text(found[2].decode()).encode(), octets
        )


ENGLISH = Language("EN")
GERMAN = Language("DE", german.TEXTS, german.LEVELS)
LANGUAGES: Mapping[str, Language] = {
    DEFAULT: Language(DEFAULT),
    "en": ENGLISH,
    "de": GERMAN,
}
"""By tag in small letters."""


def best(ranges: Iterable[str]) -> Language | None:
    """Return the language for the first range that there is one for.

    Args:
        ranges: As a client gave them, each a ``language-range``; ``default`` and
            ``*`` stand for English.

    Source: RFC 5255 section 3.2, RFC 4647 section 3.4 (lookup).
    """
    for one in ranges:
        tag = one.lower()
        if tag in ("default", "*"):
            return ENGLISH
        while tag:
            if tag in LANGUAGES:
                return LANGUAGES[tag]
            tag = tag.rpartition("-")[0]
            if tag[-2:-1] == "-":
                # A single letter or digit goes with what it introduced.
                tag = tag[:-2]
    return None
