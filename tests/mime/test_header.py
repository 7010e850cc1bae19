"""Tests of :mod:`mailframe.mime.header`."""

from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase

from mailframe.limits import HEADER_SIZE
from mailframe.mime.header import (
    FIELDS,
    field_values,
    fields,
    first_value,
    header_end,
    split,
    subset,
    unfold,
)
from tests.mime.octets import messages

MESSAGE = (
    b"Received: one\r\n\tfor two\r\n"
    b"From : a@b\r\n"
    b"no field\r\n"
    b"bad name: x\r\n"
    b"SUBJECT:x: y \r\n"
    b"Received: three\r\n"
    b"\r\n"
    b"From: body\r\n\r\nrest"
)


class SplitTests(SynchronousTestCase):
    """RFC 5322 section 2.1: an empty line ends the header."""

    def test_empty_line_belongs_to_header(self) -> None:
        """The header has its final empty line."""
        self.assertEqual(split(b"A: b\r\n\r\nbody"), (b"A: b\r\n\r\n", b"body"))

    def test_no_body(self) -> None:
        """Without an empty line all is header."""
        self.assertEqual(split(b"A: b\r\n"), (b"A: b\r\n", b""))

    def test_no_header(self) -> None:
        """A message may begin with the empty line."""
        self.assertEqual(split(b"\r\nbody"), (b"\r\n", b"body"))
        self.assertEqual(split(b"\nbody"), (b"\n", b"body"))

    def test_lenient_bare_lf(self) -> None:
        """Lines that end in LF end the header too, whichever comes first."""
        self.assertEqual(split(b"A: b\n\nbody\r\n\r\n"), (b"A: b\n\n", b"body\r\n\r\n"))
        self.assertEqual(split(b"A: b\r\n\r\nx\n\n")[1], b"x\n\n")

    def test_between_offsets(self) -> None:
        """Only the entity asked about is looked at."""
        self.assertEqual(header_end(b"A: b\r\n\r\nbody", 0, 5), 5)
        self.assertEqual(header_end(b"xx\r\nbody", 2), 4)


class FieldTests(SynchronousTestCase):
    """RFC 5322 section 2.2: what the fields are."""

    def test_fields(self) -> None:
        """Names are in lower case, values on one line, the rest passed over."""
        self.assertEqual(
            fields(MESSAGE),
            [
                (b"received", b"one\tfor two"),
                (b"from", b"a@b"),
                (b"subject", b"x: y"),
                (b"received", b"three"),
            ],
        )

    def test_values_of_one_name(self) -> None:
        """All fields of a name are found, in any case."""
        self.assertEqual(
            field_values(MESSAGE, b"RECEIVED"), [b"one\tfor two", b"three"]
        )
        self.assertEqual(field_values(MESSAGE, b"to"), [])

    def test_first_value(self) -> None:
        """The first field of a name is found without the others."""
        self.assertEqual(first_value(MESSAGE, b"Received"), b"one\tfor two")
        self.assertEqual(first_value(MESSAGE, b"from"), b"a@b")
        self.assertEqual(first_value(MESSAGE, b"subject"), b"x: y")
        self.assertIsNone(first_value(MESSAGE, b"rest"))
        self.assertIsNone(first_value(b"Subjects: x\r\nFrom: y", b"subject"))
        self.assertEqual(first_value(b"Subject: x", b"subject"), b"x")

    def test_unfold(self) -> None:
        """Only the line ends go."""
        self.assertEqual(unfold(b"a\r\n b\n\tc"), b"a b\tc")
        self.assertEqual(unfold(b"a"), b"a")

    def test_bounded(self) -> None:
        """Of a header with endless fields the first are looked at."""
        self.assertEqual(len(fields(b"A:\r\n" * (FIELDS + 5))), FIELDS)
        self.assertEqual(len(fields(b"A: " + b"x" * 11_000_000)[0][1]), HEADER_SIZE - 3)

    @given(messages)
    @settings(max_examples=100)
    def test_any_octets(self, octets: bytes) -> None:
        """Any octets have fields, and the ways to ask for one agree."""
        for name, _ in fields(octets):
            if b"\t" not in name:
                self.assertEqual(
                    first_value(octets, name), field_values(octets, name)[0]
                )


class SubsetTests(SynchronousTestCase):
    """RFC 9051 section 6.4.5.1: HEADER.FIELDS and HEADER.FIELDS.NOT."""

    def test_fields(self) -> None:
        """The fields stand as they do in the message, with the empty line."""
        self.assertEqual(
            subset(MESSAGE, [b"received", b"From"]),
            b"Received: one\r\n\tfor two\r\nFrom : a@b\r\nReceived: three\r\n\r\n",
        )

    def test_fields_not(self) -> None:
        """All others are kept."""
        self.assertEqual(
            subset(b"A: 1\r\nB: 2\r\n 3\r\nC: 4\r\n\r\n", [b"b"], True),
            b"A: 1\r\nC: 4\r\n\r\n",
        )

    def test_none(self) -> None:
        """Of no field at all the empty line is left."""
        self.assertEqual(subset(MESSAGE, [b"x"]), b"\r\n")

    def test_no_empty_line(self) -> None:
        """A header that has no empty line gets none; a torn last line counts."""
        self.assertEqual(subset(b"A: 1\r\nB: 2", [b"b"]), b"B: 2")
        self.assertEqual(subset(b"A: 1\r\nB: 2", [b"a"]), b"A: 1\r\n")
        self.assertEqual(subset(b"A: 1\r\n 2", [b"a"]), b"A: 1\r\n 2")
        self.assertEqual(subset(b"A: 1\r\n 2", [b"b"]), b"")

    @given(messages)
    @settings(max_examples=100)
    def test_nothing_is_lost(self, octets: bytes) -> None:
        """All fields but those of no name are the whole header."""
        self.assertEqual(subset(octets, [], True), split(octets)[0])
