"""Every section of an RFC that has examples has a transcript that plays them."""

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.test_standards import REFERENCE, SECTION, known_sections

HERE = Path(__file__).resolve().parent


def _with_examples() -> dict[str, list[str]]:
    """Return the sections that have examples, by RFC."""
    lines = (HERE / "rfc_examples.txt").read_text("ascii").splitlines()
    rows = [line.partition(": ") for line in lines if not line.startswith("#")]
    return {number: sections.split() for number, _, sections in rows}


def _played() -> set[tuple[str, str]]:
    """Return each RFC and section that a comment of a transcript names.

    Of ``sections 1.2 to 1.4`` none is named: that is the subject of a file.
    """
    found = set()
    for path in sorted((HERE / "transcripts").glob("*.txt")):
        text = re.sub(r"\n#? *", " ", path.read_text("utf-8"))
        for number, listed in REFERENCE.findall(text):
            listed = re.sub(f"{SECTION} to {SECTION}", "", listed)
            found |= {(number, section) for section in re.findall(SECTION, listed)}
    return found


class ExampleTests(SynchronousTestCase):
    """The table of examples and the transcripts."""

    maxDiff = None

    def test_are_played(self) -> None:
        """A transcript names every section of the table."""
        played = _played()
        missing = [
            f"RFC {number} section {section}"
            for number, sections in _with_examples().items()
            for section in sections
            if (number, section) not in played
        ]
        self.assertEqual(missing, [])

    def test_sections_exist(self) -> None:
        """The table is of sections there are."""
        known = known_sections()
        wrong = [
            f"RFC {number} section {section}"
            for number, sections in _with_examples().items()
            for section in sections
            if section not in known[number]
        ]
        self.assertEqual(wrong, [])
