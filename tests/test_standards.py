"""References to RFCs are of one form, to sections that exist, and listed."""

import re
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

CHECKOUT = Path(__file__).resolve().parent.parent
HOUSE = CHECKOUT / "mailframe"
TABLE = CHECKOUT / "docs" / "standards.rst"
SECTIONS = CHECKOUT / "tests" / "rfc_sections.txt"

SECTION = r"(?:[0-9]{1,2}|[A-Z]\b)(?:\.[0-9]{1,2})*"
_LISTED = rf"{SECTION}(?:(?:, | and | to ){SECTION})*"
REFERENCE = re.compile(
    rf"\bRFC ([0-9]+)(?![0-9])(?: (?:sections?|appendix) ({_LISTED}))?"
)
# RFC822, RFC822.SIZE and their like are names of items, not references.
_OTHER_FORM = re.compile(
    r"\b(?:RFC-?(?!822(?:\b|Name))[0-9]+|rfc [0-9]+"
    r"|RFC [0-9]+,? ?(?:§|sec\.|Section|sect\b))"
)
_ROW = re.compile(r"^   \* - ([0-9]+)$((?:\n     .*)+)", re.MULTILINE)
_STATES = ("full", "part", "prepared", "used")


def _sources() -> Iterator[tuple[str, str]]:
    """Yield the name of each file and its text, lines and comments joined."""
    for path in sorted(HOUSE.rglob("*.py")):
        text = path.read_text("utf-8")
        yield str(path.relative_to(CHECKOUT)), re.sub(r"\s*\n\s*(?:#\s*)?", " ", text)


def known_sections() -> dict[str, frozenset[str]]:
    """Return the sections of each RFC whose text was at hand."""
    known = {}
    for line in SECTIONS.read_text("ascii").splitlines():
        if not line.startswith("#"):
            number, _, sections = line.partition(": ")
            known[number] = frozenset(sections.split())
    return known


def _rows() -> dict[str, list[str]]:
    """Return the cells after the number in each row of the table of standards."""
    return {
        number: [" ".join(cell.split()) for cell in re.split(r"\n     - ", cells)[1:]]
        for number, cells in _ROW.findall(TABLE.read_text("utf-8"))
    }


class ReferenceTests(SynchronousTestCase):
    """What the code says of the standards can be looked up."""

    maxDiff = None

    def test_one_form(self) -> None:
        """A reference reads ``RFC n`` or ``RFC n section s``."""
        wrong = [
            f"{name}: {found[0]}"
            for name, text in _sources()
            for found in _OTHER_FORM.finditer(text)
        ]
        self.assertEqual(wrong, [])

    def test_sections_exist(self) -> None:
        """A section that is referred to exists in that RFC."""
        known = known_sections()
        wrong = []
        for name, text in _sources():
            for number, listed in REFERENCE.findall(text):
                wrong += [
                    f"{name}: RFC {number} has no section {section}"
                    for section in re.findall(SECTION, listed)
                    if section not in known.get(number, (section,))
                ]
        self.assertEqual(wrong, [])


class TableTests(SynchronousTestCase):
    """``docs/standards.rst`` tells the truth about the code."""

    maxDiff = None

    def test_row_for_each(self) -> None:
        """Every RFC the code refers to has a row."""
        rows = _rows()
        missing = {
            f"RFC {number} ({name})"
            for name, text in _sources()
            for number, _ in REFERENCE.findall(text)
            if number not in rows
        }
        self.assertEqual(sorted(missing), [])

    def test_rows_are_whole(self) -> None:
        """A row says what the RFC is, where it lives, and how much of it."""
        wrong = [
            f"RFC {number}: {cells}"
            for number, cells in _rows().items()
            if len(cells) != 3 or cells[2].split()[0].strip(":,;.") not in _STATES
        ]
        self.assertEqual(wrong, [])

    def test_places_exist(self) -> None:
        """The files and rooms the table names are there."""
        missing = [
            f"RFC {number}: {place}"
            for number, cells in _rows().items()
            for place in re.findall(r"``([^`]+)``", cells[1])
            if not (HOUSE / place).exists()
        ]
        self.assertEqual(missing, [])

    def test_extensions_are_listed(self) -> None:
        """Every file of an ``extensions`` room is somewhere in the table."""
        table = TABLE.read_text("utf-8")
        missing = [
            place
            for path in sorted(HOUSE.glob("*/extensions/*.py"))
            if (place := path.relative_to(HOUSE).as_posix()) not in table
            and path.name != "__init__.py"
        ]
        self.assertEqual(missing, [])

    def test_is_read(self) -> None:
        """The table is found and is not empty."""
        self.assertIn("5321", _rows())


class TourTests(SynchronousTestCase):
    """``docs/tour.rst`` leads to rooms that are there."""

    def test_places_exist(self) -> None:
        """Every file and room it names exists."""
        text = (CHECKOUT / "docs" / "tour.rst").read_text("utf-8")
        named = {
            place.removeprefix("mailframe/")
            for place in re.findall(r"``([a-z_0-9/]+/(?:[a-z_0-9]+\.py)?)``", text)
        }
        rooms = (HOUSE, CHECKOUT, *HOUSE.glob("*/"))
        missing = [
            place
            for place in sorted(named)
            if not any((room / place).exists() for room in rooms)
        ]
        self.assertIn("imap/view.py", named)
        self.assertEqual(missing, [])
