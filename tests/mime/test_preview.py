"""Tests of :mod:`mailframe.mime.preview`."""

from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase

from mailframe.mime.preview import preview
from mailframe.mime.structure import structure
from tests.mime.octets import messages


def preview_of(kind: str, body: bytes, more: bytes = b"") -> str:
    """Return the preview of a message of one part."""
    octets = f"Content-Type: {kind}\r\n".encode() + more + b"\r\n" + body
    return preview(octets, structure(octets))


class PreviewTests(SynchronousTestCase):
    """RFC 8970 section 3.3: a preview is plain text."""

    def test_plain(self) -> None:
        """White space is one space, what does not show is left out."""
        self.assertEqual(
            preview_of("text/plain; charset=utf-8", b" a\r\n\tb \xe2\x80\x8bc\x00\r\n"),
            "a b c",
        )

    def test_length(self) -> None:
        """There are at most 200 characters, whatever they are."""
        text = preview_of("text/plain; charset=utf-8", b"\xc3\xa9" * 1000)
        self.assertEqual(text, "\xe9" * 200)

    def test_second_look(self) -> None:
        """Text that begins late is found."""
        self.assertEqual(preview_of("text/plain", b"\r\n" * 5000 + b"late"), "late")

    def test_quoted_lines(self) -> None:
        """What is quoted is left out, unless there is nothing else."""
        self.assertEqual(preview_of("text/plain", b"> a\r\n> b\r\nc > d\r\n"), "c > d")
        self.assertEqual(preview_of("text/plain", b"> a\r\n"), "> a")

    def test_html(self) -> None:
        """Markup, styles, scripts and comments are left out."""
        self.assertEqual(
            preview_of(
                "text/html",
                b"<!DOCTYPE html><HTML><Head><title>t</title></hEAD><style>s</style>"
                b"<script>a<b</script><!-- c > --><p>one&nbsp;&amp;<br>two</p> 3",
            ),
            "one & two 3",
        )

    def test_lenient_html(self) -> None:
        """What never closes hides what follows it."""
        for octets in (b"a<b", b"a<!-- b", b"a<style>b", b"a<script>b</script"):
            self.assertEqual(preview_of("text/html", octets), "a")

    def test_long_html(self) -> None:
        """No more is looked at than is shown."""
        text = preview_of("text/html", b"<b>x</b>" * 5000)
        self.assertEqual(text, "x " * 99 + "x")

    def test_best_part(self) -> None:
        """Plain text goes before markup, and attachments do not count."""
        octets = (
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
            b"Content-Type: text/html\r\n\r\n<p>html\r\n--b\r\n"
            b"Content-Disposition: attachment\r\n\r\nattached\r\n--b\r\n"
            b"Content-Type: text/html\r\n\r\nmore\r\n--b\r\n"
            b"\r\n  \r\n--b\r\n\r\nplain\r\n--b--\r\n"
        )
        self.assertEqual(preview(octets, structure(octets)), "plain")
        octets = octets.replace(b"plain", b"")
        self.assertEqual(preview(octets, structure(octets)), "html")

    def test_no_text(self) -> None:
        """A message without text has an empty preview."""
        self.assertEqual(preview_of("image/gif", b"GIF"), "")
        self.assertEqual(
            preview_of("text/plain", b"x", b"Content-Disposition: ATTACHMENT\r\n"), ""
        )
        self.assertEqual(preview(b"", structure(b"")), "")

    def test_decoded(self) -> None:
        """Base64 cut off in the middle is decoded all the same."""
        self.assertEqual(
            preview_of(
                "text/plain",
                b"YWJj\r\n" * 500,
                b"Content-Transfer-Encoding: base64\r\n",
            ),
            ("abc" * 67)[:200],
        )

    @given(messages)
    @settings(max_examples=100)
    def test_any_octets(self, octets: bytes) -> None:
        """Any message has a preview of one line."""
        text = preview(octets, structure(octets))
        self.assertLessEqual(len(text), 200)
        self.assertEqual(text, " ".join(text.split()))
