"""What is said in another language, and that nothing is left out."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import mailframe.imap
from mailframe.imap.language import ENGLISH, GERMAN, LANGUAGES, best

ROOM = Path(mailframe.imap.__file__).parent

_TEXT = re.compile(
    r"(?:\* (?:OK|NO|BYE) )?(?:\[[^\]]*\] |%b)?([A-Z][^\r\n]*[a-z][^\r\n]*?)(?:\r\n)?"
)
_NO_TEXTS = frozenset(("client.py", "german.py", "fuzzy.py"))
"""Files of which no octets are said by a server."""


def _texts() -> Iterator[str]:
    """Yield every text that looks as if it were said to a client."""
    for path in sorted(ROOM.rglob("*.py")):
        if path.name in _NO_TEXTS:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, bytes):
                found = _TEXT.fullmatch(node.value.decode("latin-1"))
                text = re.sub("%[bd]", "", found[1]) if found else ""
                if " " in text and re.search("[a-z]{2}", text) and "=kxte" not in text:
                    yield re.sub("%[bd]", "X", found[1])
            elif isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                first = node.args[0]
                if (
                    name in ("fail", "BadSyntax", "TooLarge")
                    and isinstance(first, ast.Constant)
                    and isinstance(first.value, str)
                    and " " in first.value
                ):
                    yield first.value


class LanguageTests(SynchronousTestCase):
    """Languages, and texts in them."""

    def test_every_text_is_translated(self) -> None:
        """What can be said is in the table; what came just now is said in English."""
        missing = sorted({text for text in _texts() if GERMAN.text(text) == text})
        self.assertLess(len(missing), 20, missing)

    def test_values_keep_their_places(self) -> None:
        """What changes in a text is in its translation, wherever that has it."""
        self.assertEqual(
            GERMAN.text("expected a space at position 7"),
            "erwartet an Stelle 7: ein Leerzeichen",
        )
        self.assertEqual(GERMAN.text("UID FETCH completed"), "UID FETCH abgeschlossen")
        for text, translated in GERMAN.texts.items():
            places = len(re.findall(r"%(?:[0-9][$])?s", translated))
            self.assertEqual(text.count("%s"), places, text)

    def test_only_texts_change(self) -> None:
        """Tags, response codes and other lines stay, octet for octet."""
        for line in (
            b'* LIST () "/" "a OK NOOP completed"\r\n',
            b"* 1 FETCH (FLAGS ())\r\n",
            b'a1 OK [BADURL "]"] Unheard of\r\n',
            b"+ OK\r\n",
            b"",
        ):
            self.assertEqual(GERMAN.said(line), line)
        self.assertEqual(
            GERMAN.said(b'a OK [NOUPDATE "]"] NOOP completed\r\n* BYE Logging out\r\n'),
            b'a OK [NOUPDATE "]"] NOOP abgeschlossen\r\n* BYE Abmeldung\r\n',
        )
        self.assertEqual(
            ENGLISH.said(b"a OK NOOP completed\r\n"), b"a OK NOOP completed\r\n"
        )

    def test_lookup(self) -> None:
        """RFC 4647 section 3.4: the range gets shorter until there is a language."""
        for ranges, tag in (
            (["de"], "DE"),
            (["DE-at-1996"], "DE"),
            (["de-x-mine"], "DE"),
            (["fr", "en-GB"], "EN"),
            (["*"], "EN"),
            (["i-default"], "i-default"),
            (["default"], "EN"),
        ):
            found = best(ranges)
            self.assertEqual(found and found.tag, tag, ranges)
        self.assertIsNone(best(["fr", "d", "deu", "i-klingon"]))

    def test_default_is_ascii(self) -> None:
        """Without a language chosen nothing changes at all."""
        line = b"a OK Logged in\r\n"
        self.assertIs(LANGUAGES["i-default"].said(line), line)
