"""A reader of ABNF, to hold what a server sends against the grammar.

It shares nothing with the code of the server, and knows no more than the rules in
``responses.abnf``. Source: RFC 5234, RFC 9051 section 9.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from pathlib import Path

HERE = Path(__file__).resolve().parent

Known = dict[tuple[str, int], frozenset[int]]
"""Where what a rule reads at a place may end."""

Reads = Callable[[bytes, int, Known], frozenset[int]]
"""Given a response and a place in it, return where what begins there may end."""

NOWHERE: frozenset[int] = frozenset()

_TOKEN = re.compile(
    r'\s*(?:(?P<count>\d*\*\d*|\d+)|(?P<text>"[^"]*")|%x(?P<octets>\w+-\w+)'
    r"|(?P<name>[A-Za-z][\w-]*)|(?P<mark>[/()\[\]]))"
)
_RULE = re.compile(r"([A-Za-z][\w-]*) *=/? ")
_QUOTED = rb'"(?:[\x01-\x09\x0b\x0c\x0e-\x21\x23-\x5b\x5d-\x7f]|\\["\\])*"'
_QUOTED_UTF8 = _QUOTED.replace(rb"\x7f]", rb"\x7f\x80-\xff]")


def _octets(pattern: bytes, below: int | None = None) -> Reads:
    """Return a rule that a regular expression reads, as a number below a bound."""
    find = re.compile(pattern)

    def reads(octets: bytes, at: int, _: Known) -> frozenset[int]:
        found = find.match(octets, at)
        if found is None or (below is not None and int(found[0]) >= below):
            return NOWHERE
        return frozenset((found.end(),))

    return reads


def _utf8(pattern: bytes) -> Reads:
    """Return a rule that a regular expression reads, if that is UTF-8."""
    find = re.compile(pattern)

    def reads(octets: bytes, at: int, _: Known) -> frozenset[int]:
        found = find.match(octets, at)
        try:
            return (
                frozenset((at + len(found[0].decode().encode()),)) if found else NOWHERE
            )
        except UnicodeDecodeError:
            return NOWHERE

    return reads


def _literal(pattern: bytes, forbidden: bytes) -> Reads:
    find = re.compile(pattern)

    def reads(octets: bytes, at: int, _: Known) -> frozenset[int]:
        found = find.match(octets, at)
        if found is None:
            return NOWHERE
        end = found.end() + int(found[1])
        content = octets[found.end() : end]
        bad = bool(forbidden) and forbidden in content
        return NOWHERE if bad or end > len(octets) else frozenset((end,))

    return reads


_GIVEN = {
    "alpha": _octets(rb"[A-Za-z]"),
    "digit": _octets(rb"[0-9]"),
    "sp": _octets(rb" "),
    "dquote": _octets(rb'"'),
    "crlf": _octets(rb"\r\n"),
    "atom": _octets(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+'),
    "tag": _octets(rb'[^\x00-\x20\x7f-\xff(){%*"\\+]+'),
    "nil": _octets(rb"NIL"),
    "number": _octets(rb"[0-9]+", 1 << 32),
    "nz-number": _octets(rb"[1-9][0-9]*", 1 << 32),
    "number64": _octets(rb"[0-9]+", 1 << 63),
    "nz-number64": _octets(rb"[1-9][0-9]*", 1 << 63),
    # What begins with a bracket would be a code, were it one.
    "text": _octets(rb"[^\x00\r\n\[\x80-\xff][^\x00\r\n\x80-\xff]*"),
    "quoted": _octets(_QUOTED),
    "literal": _literal(rb"\{([0-9]+)\}\r\n", b"\0"),
    "literal8": _literal(rb"~\{([0-9]+)\}\r\n", b""),
}


class Grammar:
    """The rules of one kind of session."""

    def __init__(self, text: str, given: dict[str, Reads]) -> None:
        """Read the rules.

        Args:
            text: ABNF.
            given: Rules to use instead of those of ``_GIVEN``.
        """
        self._rules = _GIVEN | given
        rules: dict[str, list[str]] = {}
        for block in re.split(r"\n(?=[A-Za-z])", re.sub(r"(?m)^;.*\n?", "", text)):
            rule = _RULE.match(block)
            if rule is not None:
                rules.setdefault(rule[1].lower(), []).append(block[rule.end() :])
        for name, choices in rules.items():
            self._rules[name] = _Reader(self, " / ".join(choices)).choice()

    def permits(self, response: bytes) -> bool:
        """Tell whether a response is one."""
        return len(response) in self.rule("response", response, 0, {})

    def rule(
        self,
        name: str,
        octets: bytes,
        at: int,
        known: Known,
    ) -> frozenset[int]:
        """Return where what a rule reads at a place may end."""
        key = (name, at)
        if key not in known:
            known[key] = self._rules[name](octets, at, known)
        return known[key]


class _Reader:
    """Makes of the right side of a rule what reads it."""

    def __init__(self, grammar: Grammar, text: str) -> None:
        self._grammar = grammar
        self._tokens = list(self._cut(text.strip()))

    @staticmethod
    def _cut(text: str) -> Iterator[tuple[str, str]]:
        at = 0
        while at < len(text):
            token = _TOKEN.match(text, at)
            if token is None or token.lastgroup is None:
                raise ValueError(f"not ABNF: {text[at:]}")
            yield token.lastgroup, token[token.lastgroup]
            at = token.end()

    def choice(self) -> Reads:
        choices = [self._sequence()]
        while self._tokens[:1] == [("mark", "/")]:
            del self._tokens[0]
            choices.append(self._sequence())
        return lambda octets, at, known: frozenset().union(
            *(one(octets, at, known) for one in choices)
        )

    def _sequence(self) -> Reads:
        parts = []
        while self._tokens and self._tokens[0] not in _ENDS:
            parts.append(self._repeated())

        def reads(octets: bytes, at: int, known: Known) -> frozenset[int]:
            places = frozenset((at,))
            for part in parts:
                places = NOWHERE.union(*(part(octets, p, known) for p in places))
            return places

        return reads

    def _repeated(self) -> Reads:
        kind, value = self._tokens[0]
        if kind != "count":
            return self._element()
        del self._tokens[0]
        least, star, most = value.partition("*")
        low = int(least or 0)
        high = (int(most) if most else None) if star else low
        return _times(self._element(), low, high)

    def _element(self) -> Reads:
        kind, value = self._tokens.pop(0)
        if kind == "mark":
            inner = self.choice()
            closing = self._tokens.pop(0)[1]
            if value + closing not in ("()", "[]"):
                raise ValueError("unbalanced brackets")
            return inner if value == "(" else _times(inner, 0, 1)
        if kind == "text":
            return _octets(b"(?i:%b)" % re.escape(value[1:-1].encode("ascii")))
        if kind == "octets":
            first, last = (int(one, 16) for one in value.split("-"))
            return _octets(b"[\\x%02x-\\x%02x]" % (first, last))
        name = value.lower()
        return lambda octets, at, known: self._grammar.rule(name, octets, at, known)


_ENDS = {("mark", "/"), ("mark", ")"), ("mark", "]")}


def _times(one: Reads, low: int, high: int | None) -> Reads:
    def reads(octets: bytes, at: int, known: Known) -> frozenset[int]:
        places = frozenset((at,))
        found = places if low == 0 else NOWHERE
        times = 0
        while places and (high is None or times < high):
            places = NOWHERE.union(*(one(octets, p, known) for p in places))
            times += 1
            if times >= low:
                places -= found
                found |= places
        return found

    return reads


@cache
def grammar(*spoken: bytes) -> Grammar:
    """Return the grammar of a session.

    Args:
        spoken: ``IMAP4REV2`` and ``UTF8=ACCEPT`` after ENABLE, ``LANGUAGE`` after
            that command (RFC 5255 section 3.3).
    """
    text = (HERE / "responses.abnf").read_text("ascii")
    common, _, rev1 = text.partition("\n;; IMAP4rev1")
    given: dict[str, Reads] = {}
    if spoken:
        given["text"] = _utf8(rb"[^\x00\r\n\[][^\x00\r\n]*")
    if b"IMAP4REV2" in spoken or b"UTF8=ACCEPT" in spoken:
        given["quoted"] = _utf8(_QUOTED_UTF8)
    text = common if b"IMAP4REV2" in spoken else common + "\n;" + rev1
    return Grammar(text, given)


def responses(octets: bytes) -> Iterator[bytes]:
    """Cut what a server sent into its responses."""
    start = at = 0
    while at < len(octets):
        end = octets.find(b"\r\n", at)
        end = len(octets) if end < 0 else end + 2
        literal = re.search(rb"\{([0-9]+)\}\r\n\Z", octets[max(at, end - 30) : end])
        at = end + int(literal[1]) if literal else end
        if not literal:
            yield octets[start:at]
            start = at


class Watch:
    """Reads what one session sends."""

    def __init__(self) -> None:
        """Begin with the greeting."""
        self._spoken: frozenset[bytes] = frozenset()
        self._compressed = False

    def wrong(self, octets: bytes) -> Iterator[bytes]:
        """Return the responses that the grammar does not permit.

        What follows the OK of COMPRESS is compressed, and not read.
        """
        for response in responses(octets):
            if self._compressed:
                return
            if not _permitted(self._spoken, response):
                yield response
            if response.startswith(b"* ENABLED "):
                words = frozenset(response.upper().split())
                self._spoken |= words & {b"IMAP4REV2", b"UTF8=ACCEPT"}
            elif response.startswith(b"* LANGUAGE "):
                self._spoken |= {b"LANGUAGE"}
            elif re.match(rb"\S+ OK UNAUTHENTICATE", response):
                self._spoken = frozenset()
            elif re.match(rb"\S+ OK DEFLATE", response):
                self._compressed = True


@lru_cache(10_000)
def _permitted(spoken: frozenset[bytes], response: bytes) -> bool:
    return grammar(*sorted(spoken)).permits(response)


def wrong(octets: bytes) -> list[bytes]:
    """Return the responses of one session that the grammar does not permit."""
    return list(Watch().wrong(octets))
