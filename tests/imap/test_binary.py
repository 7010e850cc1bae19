"""BINARY: parts without their transfer encoding."""

from base64 import b64encode

from twisted.trial.unittest import SynchronousTestCase

from mailframe.imap.loading import LOADED_OCTETS
from tests.imap.world import World

IMAGE = bytes(range(256))
MESSAGE = (
    b"Subject: parts\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"caf=C3=A9=\r\n!\r\n"
    b"--b\r\nContent-Type: image/png\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\n" + b64encode(IMAGE) + b"\r\n"
    b"--b\r\nContent-Type: text/plain\r\n"
    b"Content-Transfer-Encoding: BASE64\r\n\r\n" + b64encode(b"a\nb\n") + b"\r\n"
    b"--b\r\nContent-Type: application/octet-stream\r\n"
    b"Content-Transfer-Encoding: x-uuencode\r\n\r\nwhat\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\n"
    b"Subject: inner\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"
    b"--b--\r\n"
)


class BinaryTests(SynchronousTestCase):
    """FETCH of BINARY, BINARY.PEEK and BINARY.SIZE."""

    def setUp(self) -> None:
        """Select a mailbox with one message of several parts."""
        self.world = World()
        self.world.put(MESSAGE)
        self.made = self.world.selected()

    def fetch(self, items: bytes) -> bytes:
        """Return what is answered to a FETCH of message 1."""
        return self.made.say(b"a FETCH 1 %b\r\n" % items)

    def test_text(self) -> None:
        """Text is decoded, not converted to another charset, with CRLF."""
        heard = self.fetch(b"(BINARY.PEEK[1] BINARY.SIZE[1])")
        self.assertEqual(
            heard,
            b"* 1 FETCH (BINARY[1] {6}\r\ncaf\xc3\xa9! BINARY.SIZE[1] 6)\r\n"
            b"a OK FETCH completed\r\n",
        )
        heard = self.fetch(b"(BINARY.PEEK[3] BINARY.SIZE[3])")
        self.assertIn(b"BINARY[3] {6}\r\na\r\nb\r\n BINARY.SIZE[3] 6)", heard)

    def test_octets(self) -> None:
        """A part with a NUL is a literal8."""
        heard = self.fetch(b"BINARY.PEEK[2]")
        self.assertIn(b"BINARY[2] ~{256}\r\n" + IMAGE + b")\r\n", heard)

    def test_partial(self) -> None:
        """A piece is one of the decoded octets."""
        heard = self.fetch(b"(BINARY.PEEK[2]<1.3> BINARY.PEEK[2]<300.3>)")
        self.assertIn(b'BINARY[2]<1> "\1\2\3" BINARY[2]<300> "")', heard)
        heard = self.fetch(b"BINARY.PEEK[2]<254.100>")
        self.assertIn(b"BINARY[2]<254> {2}\r\n\xfe\xff)", heard)

    def test_seen(self) -> None:
        """Only BINARY itself marks the message as seen."""
        self.assertNotIn(b"FLAGS", self.fetch(b"(BINARY.PEEK[1] BINARY.SIZE[1])"))
        self.assertIn(b"FLAGS (\\Seen", self.fetch(b"BINARY[1]"))

    def test_containers(self) -> None:
        """A message and a multipart come as they are."""
        for section in (b"", b"5"):
            plain = self.fetch(b"BODY.PEEK[%b]" % section).replace(b"BODY", b"BINARY")
            self.assertEqual(self.fetch(b"BINARY.PEEK[%b]" % section), plain)
        heard = self.fetch(b"BINARY.PEEK[5.1]")
        self.assertIn(b'BINARY[5.1] "hello")', heard)

    def test_missing(self) -> None:
        """A part that is not there is NIL, and has no size."""
        heard = self.fetch(b"(BINARY.PEEK[7] BINARY.SIZE[7])")
        self.assertIn(b"(BINARY[7] NIL BINARY.SIZE[7] 0)", heard)

    def test_unknown_encoding(self) -> None:
        """An encoding that is not known fails the request."""
        for item in (b"BINARY.PEEK[4]", b"BINARY.SIZE[4]"):
            self.assertEqual(
                self.fetch(item),
                b"a NO [UNKNOWN-CTE] The transfer encoding is not known\r\n",
            )

    def test_large(self) -> None:
        """A message too large to be loaded with others is decoded too."""
        octets = b"x" * LOADED_OCTETS
        self.world.put(
            b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + b64encode(octets)
        )
        self.made.say(b"b NOOP\r\n")
        heard = self.made.say(b"c FETCH 2 (BINARY.SIZE[1] BINARY.PEEK[1]<0.2>)\r\n")
        wanted = b'BINARY.SIZE[1] %d BINARY[1]<0> "xx")' % len(octets)
        self.assertIn(wanted, heard)

    def test_not_a_section(self) -> None:
        """Words and field names are not for BINARY."""
        for item in (
            b"BINARY[TEXT]",
            b"BINARY[1.MIME]",
            b"BINARY",
            b"BINARY.SIZE[1]<0.1>",
        ):
            self.assertIn(b"a BAD", self.fetch(item))


class AppendTests(SynchronousTestCase):
    """APPEND with a literal8."""

    def test_append(self) -> None:
        """A literal8 is taken like any literal."""
        made = World().logged_in()
        for literal in (b"~{12+}\r\n", b"~{12}\r\n"):
            heard = made.say(b"a APPEND INBOX %b" % literal)
            self.assertEqual(heard, b"" if b"+" in literal else b"+ OK\r\n")
            heard = made.say(b"A: b\r\n\r\n\xc3\xa9\r\n\r\n")
            self.assertIn(b"a OK [APPENDUID", heard)

    def test_nul(self) -> None:
        """A NUL is refused, and what follows is the next command."""
        made = World().logged_in()
        heard = made.say(b"a APPEND INBOX ~{9+}\r\nA: b\r\n\r\n\0\r\nb NOOP\r\n")
        self.assertEqual(
            heard,
            b"a NO [UNKNOWN-CTE] A message cannot have a NUL\r\n"
            b"b OK NOOP completed\r\n",
        )
