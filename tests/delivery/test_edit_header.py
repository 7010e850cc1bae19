"""Headers changed, and content with fields before it."""

from hypothesis import given, settings
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from mailframe.delivery.content import SMALL, HeadedContent
from mailframe.delivery.edit_header import edited, field_octets
from mailframe.interfaces.check import AddField, ChangeField, Edit
from mailframe.interfaces.content import IContent
from mailframe.memory_content import MemoryContent
from mailframe.mime.header import fields
from tests.delivery.world import DeliveryTestCase

HEADER = b"A: 1\r\nB: 2\r\n\tfolded\r\na : 3\r\n\r\n"


class EditedTests(DeliveryTestCase):
    """Fields that come, change and go."""

    def test_edits(self) -> None:
        """All else stays octet for octet."""
        cases: tuple[tuple[Edit, bytes], ...] = (
            (AddField(b"X", b"y"), HEADER[:-2] + b"X: y\r\n\r\n"),
            (AddField(b"X", b"y", 0), b"X: y\r\n" + HEADER),
            (AddField(b"X", b"y", 1), b"A: 1\r\nX: y\r\n" + HEADER[6:]),
            (AddField(b"X", b"y", 99), HEADER[:-2] + b"X: y\r\n\r\n"),
            (
                ChangeField(b"b", 1, b"new"),
                HEADER.replace(b"B: 2\r\n\tfolded", b"b: new"),
            ),
            (ChangeField(b"a", 2, None), HEADER.replace(b"a : 3\r\n", b"")),
            (ChangeField(b"a", 3, None), HEADER),
            (ChangeField(b"a", 3, b"4"), HEADER[:-2] + b"a: 4\r\n\r\n"),
            (AddField(b"no name", b"x"), HEADER),
            (AddField(b"X:", b"x"), HEADER),
        )
        for edit, expected in cases:
            self.assertEqual(edited(HEADER, [edit]), expected)

    def test_one_after_another(self) -> None:
        """A later change sees an earlier one."""
        edits: list[Edit] = [AddField(b"X", b"1", 0), ChangeField(b"X", 1, b"2")]
        self.assertEqual(edited(b"\r\n", edits), b"X: 2\r\n\r\n")
        self.assertEqual(edited(b"A: 1\r\n", edits), b"X: 2\r\nA: 1\r\n")

    def test_no_injection(self) -> None:
        """A value ends no field: folding is folding."""
        self.assertEqual(
            field_octets(b"X", b"a\nBcc: eve\r\n\r\nbody\n\tfolded\0"),
            b"X: a\r\n\tBcc: eve\r\n\tbody\r\n\tfolded\r\n",
        )

    @settings(max_examples=100, deadline=None)
    @given(st.binary(max_size=60), st.binary(max_size=30), st.integers(0, 5))
    def test_anything(self, header: bytes, value: bytes, place: int) -> None:
        """Whatever stands there, one field is added and none is lost."""
        new = edited(header + b"\r\n", [AddField(b"X-Q", value, place)])
        self.assertIn(b"X-Q:", new)
        self.assertGreaterEqual(len(fields(new)), min(len(fields(header + b"\r\n")), 1))


class HeadedContentTests(DeliveryTestCase):
    """Two contents in one."""

    def test_read(self) -> None:
        """Every cut gives what the whole has there."""
        for body in (b"0123456789", b"x" * (SMALL + 1)):
            content = HeadedContent(b"head:\r\n", MemoryContent(body))
            verifyObject(IContent, content)
            whole = b"head:\r\n" + body
            self.assertEqual(content.size, len(whole))
            self.assertEqual(content.octets, whole if len(body) < SMALL else None)
            for start in range(0, 12):
                for stop in range(start, 20):
                    self.assertEqual(
                        self.run_now(content.read(start, stop)), whole[start:stop]
                    )
            content.close()
