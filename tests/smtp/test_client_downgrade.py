"""Down-conversion: seven bits on the wire, the same content for the reader."""

from email import message_from_bytes
from email.message import Message

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.smtp.client_downgrade import downgrade, needs_downgrade

UMLAUTS = "Grüße aus Köln".encode()


def lines(*parts: bytes) -> bytes:
    """Return lines with their CRLF."""
    return b"".join(part + b"\r\n" for part in parts)


def converted(octets: bytes) -> bytes:
    """Return a message in seven bits."""
    return b"".join(downgrade(octets))


def leaves(octets: bytes) -> list[tuple[str, bytes]]:
    """Return type and decoded body of every leaf, as the email package sees it."""
    found = []
    for part in message_from_bytes(octets).walk():
        assert isinstance(part, Message)
        if not part.is_multipart():
            body = part.get_payload(decode=True)
            assert isinstance(body, bytes)
            body = body.replace(b"\r\n", b"\n")
            if part.get_content_maintype() == "text":
                # Python's reader takes trailing line ends differently.
                body = body.rstrip(b"\n")
            found.append((part.get_content_type(), body))
    return found


class DowngradeTests(SynchronousTestCase):
    """Messages as they are written."""

    def check(self, octets: bytes) -> bytes:
        """Convert, and compare what a reader sees; return the message."""
        result = converted(octets)
        self.assertFalse(needs_downgrade(result))
        self.assertTrue(result.isascii())
        self.assertEqual(leaves(result), leaves(octets))
        self.assertLessEqual(max(map(len, result.split(b"\r\n"))), 998)
        self.assertEqual(result.count(b"\n"), result.count(b"\r\n"))
        return result

    def test_text(self) -> None:
        """Text becomes quoted-printable."""
        result = self.check(
            lines(
                b"MIME-Version: 1.0",
                b"Content-Type: text/plain; charset=utf-8",
                b"Content-Transfer-Encoding: 8bit",
                b"Subject: hi",
                b"",
                UMLAUTS + b" = ",
                b".",
                b"x" * 200,
            )
        )
        self.assertIn(b"Content-Transfer-Encoding: quoted-printable\r\n", result)
        self.assertNotIn(b"8bit", result)
        self.assertIn(b"Gr=C3=BC=C3=9Fe aus K=C3=B6ln", result)

    def test_unknown(self) -> None:
        """Text of nobody's charset is said to be that (RFC 1428 3)."""
        result = converted(lines(b"Subject: hi", b"", UMLAUTS))
        self.assertIn(b"MIME-Version: 1.0\r\n", result)
        self.assertIn(b"charset=unknown-8bit\r\n", result)

    def test_ascii(self) -> None:
        """What has seven bits already is not touched."""
        octets = lines(b"Subject: hi", b"", b"hello", b"", b" world ")
        self.assertEqual(converted(octets), octets)
        self.assertFalse(needs_downgrade(octets))

    def test_said_but_not_used(self) -> None:
        """An 8bit that is not true becomes 7bit."""
        result = self.check(
            lines(b"MIME-Version: 1.0", b"Content-Transfer-Encoding: 8bit", b"", b"hi")
        )
        self.assertIn(b"Content-Transfer-Encoding: 7bit\r\n", result)

    def test_multipart(self) -> None:
        """Each part is converted by itself; containers become 7bit."""
        octets = lines(
            b"MIME-Version: 1.0",
            b"Content-Type: multipart/mixed; boundary=b",
            b"Content-Transfer-Encoding: 8bit",
            b"",
            b"preamble",
            b"--b",
            b"",
            b"plain",
            b"--b",
            b"Content-Type: text/html; charset=utf-8",
            b"Content-Transfer-Encoding: 8bit",
            b"",
            UMLAUTS,
            b"--b",
            b"Content-Type: application/octet-stream",
            b"Content-Transfer-Encoding: binary",
            b"",
            bytes(range(256)).replace(b"\r", b"").replace(b"\n", b"") * 30,
            b"--b",
            b"Content-Type: message/rfc822",
            b"Content-Transfer-Encoding: 8bit",
            b"",
            b"Subject: inner",
            b"MIME-Version: 1.0",
            b"Content-Type: text/plain; charset=utf-8",
            b"Content-Transfer-Encoding: 8bit",
            b"",
            UMLAUTS,
            b"--b--",
        )
        result = self.check(octets)
        self.assertIn(b"preamble\r\n--b\r\n\r\nplain\r\n--b\r\n", result)
        self.assertEqual(result.count(b"Content-Transfer-Encoding: 7bit"), 2)
        self.assertEqual(result.count(b"base64"), 1)
        self.assertEqual(result.count(b"quoted-printable"), 2)

    def test_large(self) -> None:
        """A large body is converted in pieces that fit together."""
        body = bytes(range(256)) * 2000
        octets = b"Content-Type: image/png\r\nMIME-Version: 1.0\r\n\r\n" + body
        result = b"".join(downgrade(octets))
        self.assertEqual(leaves(result)[0][1], body.replace(b"\r\n", b"\n"))
        message = message_from_bytes(result)
        self.assertEqual(message.get_payload(decode=True), body)

    def test_long_line(self) -> None:
        """A line too long for SMTP is folded."""
        head = (b"MIME-Version: 1.0", b"Content-Type: text/plain", b"")
        self.check(lines(*head, b"x" * 5000))

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(
            st.sampled_from(
                [b"\r\n", b"\n", b"Content-Type: multipart/mixed; boundary=b\r\n"]
                + [b"--b\r\n", b"--b--\r\n", b"Content-Type: message/rfc822\r\n"]
                + [b"Content-Transfer-Encoding: 8bit\r\n", b"\xc3\xa4", b"text", b"\0"]
            ),
            max_size=30,
        )
    )
    def test_anything(self, words: list[bytes]) -> None:
        """A message that was converted needs no more, whatever it is."""
        octets = b"Subject: x\r\nMIME-Version: 1.0\r\n" + b"".join(words)
        result = converted(octets)
        self.assertEqual(b"".join(downgrade(result)), result)
