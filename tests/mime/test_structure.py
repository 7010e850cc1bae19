"""Tests of :mod:`mailframe.mime.structure`."""

from collections.abc import Iterator
from email import message_from_bytes, policy
from random import Random
from typing import Any

from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase

from mailframe.limits import MIME_DEPTH, MIME_PARTS
from mailframe.mime.structure import Part, find_part, structure
from tests.mime.broken import random_message
from tests.mime.octets import messages


def multipart(boundary: str, *parts: bytes, kind: str = "mixed") -> bytes:
    """Return an entity of several."""
    start = b"--" + boundary.encode() + b"\r\n"
    return (
        f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()
        + b"".join(start + part + b"\r\n" for part in parts)
        + b"--%b--\r\n" % boundary.encode()
    )


def entity(kind: str, body: bytes) -> bytes:
    """Return an entity of one."""
    return f"Content-Type: {kind}\r\n\r\n".encode() + body


# The message of RFC 9051 section 6.4.5.1.
INNER_3 = b"Subject: three\r\n" + multipart(
    "c", entity("text/plain", b"3.1"), entity("application/octet-stream", b"3.2")
)
INNER_4_2 = b"Subject: four two\r\n" + multipart(
    "e",
    entity("text/plain", b"4.2.1"),
    multipart(
        "f",
        entity("text/plain", b"4.2.2.1"),
        entity("text/richtext", b"4.2.2.2"),
        kind="alternative",
    ),
)
COMPLEX = b"Subject: whole\r\n" + multipart(
    "a",
    entity("text/plain", b"1"),
    entity("application/octet-stream", b"2"),
    entity("message/rfc822", INNER_3),
    multipart("d", entity("image/gif", b"4.1"), entity("message/rfc822", INNER_4_2)),
)


def walk(root: Part) -> Iterator[tuple[Part | None, Part]]:
    """Yield each part with what it is in."""
    waiting: list[tuple[Part | None, Part]] = [(None, root)]
    while waiting:
        parent, part = waiting.pop()
        yield parent, part
        waiting += [(part, child) for child in part.children]


class StructureTests(SynchronousTestCase):
    """RFC 2046: what the parts of a message are."""

    def test_not_mime(self) -> None:
        """A message without Content-Type is US-ASCII text (RFC 2045 section 5.2)."""
        root = structure(b"A: b\r\n\r\none\r\ntwo")
        self.assertEqual(
            (root.content_type, root.parameters),
            (b"text/plain", ((b"charset", b"us-ascii"),)),
        )
        self.assertEqual((root.body_start, root.body_end, root.lines), (8, 16, 1))
        self.assertEqual((root.size, root.children, root.encoding), (8, [], b"7bit"))

    def test_line_end_before_boundary(self) -> None:
        """It belongs to the boundary, not to the part (RFC 2046 section 5.1.1)."""
        octets = multipart("b", entity("text/plain", b"x\r\n"), b"\r\n", b"A: b")
        root = structure(octets)
        bodies = [octets[p.body_start : p.body_end] for p in root.children]
        self.assertEqual(bodies, [b"x\r\n", b"", b""])
        self.assertEqual(root.children[2].first(b"a"), b"b")

    def test_preamble_and_epilogue(self) -> None:
        """What is before and after the parts is no part."""
        whole = multipart("b", b"\r\n1")
        octets = (
            whole.replace(b"\r\n--b\r\n", b"\r\npre\r\n--b\r\n") + b"--b\r\n\r\npost"
        )
        (part,) = structure(octets).children
        self.assertEqual(octets[part.body_start : part.body_end], b"1")

    def test_parameters(self) -> None:
        """Parameters are found by name, missing ones are empty."""
        root = structure(b'Content-TYPE: Text/HTML (x); CharSet="UTF-8"\r\n\r\n')
        self.assertEqual(root.content_type, b"text/html")
        self.assertEqual(root.parameter(b"charset"), b"UTF-8")
        self.assertEqual(root.parameter(b"name"), b"")
        self.assertIsNone(root.first(b"subject"))

    def test_encoding(self) -> None:
        """The transfer encoding is a token in lower case."""
        for value, expected in (
            (b"BASE64", b"base64"),
            (b"Quoted-Printable (x)", b"quoted-printable"),
            (b"", b"7bit"),
            (b"()", b"7bit"),
        ):
            root = structure(b"Content-Transfer-Encoding: %b\r\n\r\n" % value)
            self.assertEqual(root.encoding, expected)

    def test_digest(self) -> None:
        """Parts of a digest are messages (RFC 2046 section 5.1.5)."""
        octets = multipart("b", b"\r\nSubject: x\r\n\r\ny\r\nz", kind="digest")
        (part,) = structure(octets).children
        self.assertEqual((part.content_type, part.lines), (b"message/rfc822", 3))
        self.assertEqual(part.children[0].first(b"subject"), b"x")

    def test_lenient_bad_type(self) -> None:
        """What is no type, or a multipart without boundary, is text."""
        for kind in (
            b"text",
            b"/",
            b"",
            b"multipart/mixed",
            b'multipart/x; boundary=" "',
        ):
            root = structure(b"Content-Type: %b\r\n\r\n--\r\n\r\nx" % kind)
            self.assertEqual(root.content_type, b"text/plain", kind)
            self.assertEqual(root.children, [])

    def test_lenient_no_parts(self) -> None:
        """A multipart without a part has one empty one."""
        octets = b"Content-Type: multipart/mixed; boundary=b\r\n\r\nnothing\r\n"
        root = structure(octets)
        (part,) = root.children
        self.assertEqual(part.content_type, b"text/plain")
        self.assertEqual((part.header_start, part.body_end), (len(octets),) * 2)

    def test_lenient_not_closed(self) -> None:
        """A multipart that never closes ends where its parent does."""
        inner = multipart("in", b"\r\n1", b"\r\n2").replace(b"--in--\r\n", b"")
        octets = multipart("out", inner, b"\r\n3")
        first, second = structure(octets).children
        bodies = [octets[p.body_start : p.body_end] for p in first.children]
        self.assertEqual(bodies, [b"1", b"2\r\n"])
        self.assertEqual(octets[second.body_start : second.body_end], b"3")

    def test_boundary_that_begins_another(self) -> None:
        """A boundary is a whole line: ``b`` is not found in ``bc``."""
        octets = multipart("b", multipart("bc", b"\r\n1", b"\r\n2"), b"\r\n3")
        first, second = structure(octets).children
        self.assertEqual(len(first.children), 2)
        self.assertEqual(octets[second.body_start : second.body_end], b"3")

    def test_lenient_padding_and_bare_lf(self) -> None:
        """White space after a boundary and LF without CR are no obstacle."""
        octets = multipart("b", b"\r\n1", b"\r\n2").replace(b"--b\r\n", b"--b \t\r\n")
        for message in (octets, octets.replace(b"\r\n", b"\n")):
            root = structure(message)
            bodies = [message[p.body_start : p.body_end] for p in root.children]
            self.assertEqual(bodies, [b"1", b"2"])

    def test_lines_of_nested_messages(self) -> None:
        """Each message has the lines of all that is in it."""
        octets = entity("message/rfc822", entity("message/global", b"\r\n\r\na\r\n"))
        outer = structure(octets)
        inner = outer.children[0]
        self.assertEqual((outer.lines, inner.lines), (5, 3))
        self.assertEqual(inner.children[0].lines, 2)

    def test_depth(self) -> None:
        """What is nested too deeply is text."""
        nested = b"".join(
            b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (i, i)
            for i in range(1000)
        )
        for octets in (nested, entity("message/rfc822", b"") * 1000):
            parts = [part for _, part in walk(structure(octets))]
            self.assertEqual(max(part.depth for part in parts), MIME_DEPTH)
            self.assertEqual(parts[-1].content_type, b"text/plain")

    def test_many_parts(self) -> None:
        """Beyond the limit the rest is a piece of the last part."""
        octets = multipart("b", *[b"\r\nx"] * 20_000)
        root = structure(octets)
        self.assertEqual(len(root.children), MIME_PARTS - 1)
        self.assertEqual(root.children[-1].body_end, root.body_end)

    def test_many_messages(self) -> None:
        """The messages in a digest count as parts."""
        octets = multipart("b", *[b"\r\n\r\nx"] * 20_000, kind="digest")
        parts = [part for _, part in walk(structure(octets))]
        self.assertLessEqual(len(parts), MIME_PARTS)

    def test_many_false_boundaries(self) -> None:
        """Lines that only look like a boundary cost a bounded time."""
        octets = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\n'
        octets += b"\n--bX" * 1_000_000
        (part,) = structure(octets).children
        self.assertEqual(part.body_end, len(octets))

    @given(messages)
    @settings(max_examples=100)
    def test_any_octets(self, octets: bytes) -> None:
        """Parts lie in order inside their parents, and are never too many."""
        last: dict[int, int] = {}
        for parent, part in reversed(list(walk(structure(octets)))):
            self.assertLessEqual(part.header_start, part.body_start)
            self.assertLessEqual(part.body_start, part.body_end)
            self.assertLessEqual(part.body_end, len(octets))
            self.assertLessEqual(part.depth, MIME_DEPTH)
            self.assertEqual(bool(part.children), part.is_multipart or part.is_message)
            if part.is_message or part.content_type.startswith(b"text/"):
                body = octets[part.body_start : part.body_end]
                self.assertEqual(part.lines, body.count(b"\n"))
            if parent is not None:
                self.assertLessEqual(parent.body_start, part.header_start)
                self.assertLessEqual(part.body_end, parent.body_end)
                self.assertEqual(part.depth, parent.depth + 1)
                # From the last part to the first: none overlaps the next.
                self.assertLessEqual(last.get(id(parent), 0), part.header_start)
                last[id(parent)] = part.body_end


class FindPartTests(SynchronousTestCase):
    """RFC 9051 section 6.4.5.1: what a section number names."""

    def body(self, octets: bytes, *numbers: int) -> bytes | None:
        """Return the body of a section."""
        part = find_part(structure(octets), numbers)
        return None if part is None else octets[part.body_start : part.body_end]

    def test_example(self) -> None:
        """The numbers of the RFC's example name their parts."""
        for name in ("1", "2", "3.1", "4.1", "4.2.1", "4.2.2.1", "4.2.2.2"):
            numbers = tuple(map(int, name.split(".")))
            self.assertEqual(self.body(COMPLEX, *numbers), name.encode())

    def test_messages(self) -> None:
        """The number of a message/rfc822 part names the whole message."""
        self.assertEqual(self.body(COMPLEX, 3), INNER_3)
        self.assertEqual(self.body(COMPLEX, 4, 2), INNER_4_2)
        part = find_part(structure(COMPLEX), (4, 2))
        assert part is not None
        self.assertEqual(part.children[0].first(b"subject"), b"four two")

    def test_whole(self) -> None:
        """No number names the message itself."""
        root = structure(COMPLEX)
        self.assertIs(find_part(root, ()), root)

    def test_no_such_part(self) -> None:
        """Numbers beyond the parts, and inside of a part, name nothing."""
        for numbers in ((0,), (5,), (1, 1), (1, 2), (3, 3), (4, 2, 2, 3), (4, 3)):
            self.assertIsNone(self.body(COMPLEX, *numbers), numbers)

    def test_single_part(self) -> None:
        """A message that is no multipart has a part 1 and no other."""
        octets = entity("text/plain", b"x")
        self.assertEqual(self.body(octets, 1), b"x")
        for numbers in ((2,), (1, 1)):
            self.assertIsNone(self.body(octets, *numbers), numbers)

    def test_single_part_inside_message(self) -> None:
        """So has the message inside a message."""
        octets = multipart("b", entity("message/rfc822", entity("text/plain", b"x")))
        self.assertEqual(self.body(octets, 1, 1), b"x")
        self.assertIsNone(self.body(octets, 1, 2))
        self.assertIsNone(self.body(octets, 1, 1, 1))

    def test_message_alone(self) -> None:
        """A message whose body is a message has that message as part 1."""
        inner = multipart("b", b"\r\n1", b"\r\n2")
        octets = entity("message/rfc822", inner)
        self.assertEqual(self.body(octets, 1), inner)
        self.assertEqual(self.body(octets, 1, 2), b"2")
        self.assertIsNone(self.body(octets, 2))


class OtherReaderTests(SynchronousTestCase):
    """Python's email package takes sound messages apart in the same way."""

    def test_random_messages(self) -> None:
        """Parts in parts; a multipart without one has an empty one here."""

        def ours(part: Part) -> Any:
            children = [
                child
                for child in part.children
                if not (part.is_multipart and child.header_start == child.body_end)
            ]
            return part.content_type.decode(), [ours(child) for child in children]

        def theirs(message: Any) -> Any:
            children = message.get_payload() if message.is_multipart() else []
            return message.get_content_type(), [theirs(child) for child in children]

        for seed in range(300):
            octets = random_message(Random(seed))
            read = message_from_bytes(octets, policy=policy.default)
            self.assertEqual(ours(structure(octets)), theirs(read), seed)
