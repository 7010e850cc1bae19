"""Address lists of header fields, as ENVELOPE has them.

Whatever a field contains gives a list: what the grammar does not allow is
read for the address that was probably meant.

Source: RFC 5322 sections 3.4 and 4.4, RFC 9051 section 7.5.2 (ENVELOPE).
"""

import re
from typing import NamedTuple

ADDRESSES = 10_000
"""Addresses of one field that are looked at."""


class FieldAddress(NamedTuple):
    """One address structure of an ENVELOPE.

    A host of ``None`` marks a group: its start when there is a mailbox (the
    name of the group), its end when there is none. An address whose mailbox or
    host is missing has an empty one.

    Attributes:
        name: Display name without quotes, encoded words as they are.
        route: The obsolete source route.
        mailbox: Local part without quotes.
        host: Domain.

    Source: RFC 9051 section 7.5.2.
    """

    name: bytes | None
    route: bytes | None
    mailbox: bytes | None
    host: bytes | None


_GROUP_END = FieldAddress(None, None, None, None)

_ATOM = rb"[^\s()<>\[\]:;@\\,.\"]"
_DOTTED = rb"%b++(?:\.%b++)*+" % (_ATOM, _ATOM)
# The forms nearly all addresses have:
# [display-name] "<" dot-atom "@" dot-atom ">"  or  dot-atom "@" dot-atom
_PLAIN = re.compile(
    rb'[ \t]*+(?:(?:"([^"\\]*+)"|(%b++(?: [^\s()<>\[\]:;@\\,"]++)*+)?+)[ \t]*+'
    rb"<(%b)@(%b)>|(%b)@(%b))[ \t]*+(?:,[ \t]*+|\Z)"
    % (_ATOM, _DOTTED, _DOTTED, _DOTTED, _DOTTED)
)
# word = atom / quoted-string, encoded-word first since senders put specials in it
_TOKEN = re.compile(
    rb"(?P<space>\s++)"
    rb'|"(?P<quoted>(?:[^"\\]|\\.)*+)"?'
    rb"|(?P<word>=\?[^?\s]++\?[bBqQ]\?[^?\s]*+\?=|%b++)"
    rb"|(?P<literal>\[[^\[\]\s]*+\]?)"
    rb"|(?P<special>.)" % _ATOM,
    re.DOTALL,
)
_COMMENT = re.compile(rb"\\.|[()]", re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)


def addresses(value: bytes, most: int = ADDRESSES) -> list[FieldAddress]:
    """Return the addresses of a field.

    Args:
        value: Its value, unfolded.
        most: How many addresses and group marks to read, from 1.

    Returns:
        Addresses and group marks in their order, at most ``most`` and the end
        of a group. Every group that starts also ends.

    Source: RFC 5322 section 3.4, RFC 9051 section 7.5.2.
    """
    found: list[FieldAddress] = []
    position = 0
    end = len(value)
    match = _PLAIN.match
    while position < end:
        plain = match(value, position)
        if plain is None:
            return _Reader(value, position, found, most).read()
        quoted, phrase, mailbox, host, bare, bare_host = plain.groups()
        if bare is not None:
            found.append(FieldAddress(None, None, bare, bare_host))
        else:
            found.append(FieldAddress(quoted or phrase or None, None, mailbox, host))
        if len(found) >= most:
            break
        position = plain.end()
    return found


class _Word(NamedTuple):
    """A piece of an address: a word, or a special that stands by itself."""

    kind: bytes
    text: bytes
    spaced: bool


class _Reader:
    """Reads a list that has more than the plain forms, one token at a time."""

    def __init__(
        self, value: bytes, start: int, found: list[FieldAddress], most: int
    ) -> None:
        self._value = value
        self._start = start
        self._found = found
        self._most = most
        self._words: list[_Word] = []
        self._comment = b""
        self._in_group = False

    def read(self) -> list[FieldAddress]:
        """Return the whole list."""
        value = self._value
        position = self._start
        spaced = in_route = False
        while len(self._found) < self._most and (
            token := _TOKEN.match(value, position)
        ):
            position = token.end()
            kind = token.lastgroup
            text = token[0]
            if kind == "space":
                spaced = True
                continue
            if kind == "special":
                if text == b"(":
                    position = self._skip_comment(position)
                    spaced = True
                    continue
                if text in b",;:" and not (in_route and text != b";"):
                    self._separate(text)
                    spaced = in_route = False
                    continue
                if text == b"@" and self._words and self._words[-1].kind == b"<":
                    in_route = True
                elif text == b">":
                    in_route = False
                self._words.append(_Word(text, text, spaced))
            elif kind == "quoted":
                inner = _ESCAPE.sub(rb"\1", token["quoted"])
                self._words.append(_Word(b"w", inner, spaced))
            else:
                self._words.append(_Word(b"w", text, spaced))
            spaced = False
        self._finish()
        if self._in_group:
            self._found.append(_GROUP_END)
        return self._found

    def _skip_comment(self, position: int) -> int:
        """Return where a comment ends; keep the text of the first one."""
        depth = 1
        stop = end = len(self._value)
        for mark in _COMMENT.finditer(self._value, position):
            depth += {b"(": 1, b")": -1}.get(mark[0], 0)
            if depth == 0:
                stop, end = mark.start(), mark.end()
                break
        if not self._comment:
            self._comment = _ESCAPE.sub(rb"\1", self._value[position:stop]).strip()
        return end

    def _separate(self, mark: bytes) -> None:
        """Take what ends here: an address, a group, or the name of one."""
        if mark == b":" and not self._in_group:
            name = _phrase(self._words) or self._comment
            self._found.append(FieldAddress(None, None, name, None))
            self._in_group = True
        elif mark == b":":
            # A group inside a group has no form; its addresses are kept.
            pass
        else:
            self._finish()
            if mark == b";" and self._in_group:
                self._found.append(_GROUP_END)
                self._in_group = False
        self._words = []
        self._comment = b""

    def _finish(self) -> None:
        """Make the address of the words since the last separator."""
        words = self._words
        if not words:
            return
        opening = next((i for i, word in enumerate(words) if word.kind == b"<"), -1)
        route = None
        if opening >= 0:
            name = _phrase(words[:opening])
            inside = words[opening + 1 :]
            closing = next(
                (i for i, word in enumerate(inside) if word.kind == b">"), len(inside)
            )
            inside = inside[:closing]
            if inside and inside[0].kind == b"@":
                colon = _last(inside, b":")
                if colon >= 0:
                    route = b"".join(word.text for word in inside[:colon])
                    inside = inside[colon + 1 :]
            at = _last(inside, b"@")
            local = inside if at < 0 else inside[:at]
            mailbox = b"".join(word.text for word in local)
            host = b"" if at < 0 else b"".join(w.text for w in inside[at + 1 :])
        else:
            words = [word for word in words if word.kind != b">"]
            at = _last(words, b"@")
            if at < 0:
                name, mailbox, host = _phrase(words), b"", b""
                if len(words) == 1 or not any(word.spaced for word in words[1:]):
                    name, mailbox = b"", name
            else:
                start = _dotted_start(words, at)
                name = _phrase(words[:start])
                mailbox = b"".join(word.text for word in words[start:at])
                stop = _dotted_stop(words, at + 1)
                host = b"".join(word.text for word in words[at + 1 : stop])
        self._found.append(
            FieldAddress(name or self._comment or None, route, mailbox, host)
        )


def _phrase(words: list[_Word]) -> bytes:
    """Return words as a display name, one space where there was white space."""
    return b"".join(
        b" " + word.text if word.spaced and place else word.text
        for place, word in enumerate(words)
    )


def _last(words: list[_Word], kind: bytes) -> int:
    """Return where the last word of a kind is, -1 without one."""
    for place in range(len(words) - 1, -1, -1):
        if words[place].kind == kind:
            return place
    return -1


def _dotted_start(words: list[_Word], at: int) -> int:
    """Return where the local part before the ``@`` at ``at`` begins."""
    place = at
    while place > 0:
        before = words[place - 1]
        joined = place == at or not words[place].spaced
        if joined or b"." in (before.kind, words[place].kind):
            place -= 1
        else:
            break
    return place


def _dotted_stop(words: list[_Word], start: int) -> int:
    """Return where the domain that begins at ``start`` ends."""
    place = start
    while place < len(words):
        word = words[place]
        joined = place == start or not word.spaced
        if joined or b"." in (word.kind, words[place - 1].kind):
            place += 1
        else:
            break
    return place
