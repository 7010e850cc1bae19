"""COMPRESS=DEFLATE, as a client with zlib has it."""

import zlib
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax
from mailframe.imap.compression import Compression
from mailframe.testing.transcript import Conversation
from tests.imap.world import World


class Client:
    """The other end: compresses what it says, and reads what it hears."""

    def __init__(self, made: Conversation) -> None:
        self.made = made
        self._deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        self._inflater = zlib.decompressobj(-15)

    def compressed(self, octets: bytes, how: int = zlib.Z_SYNC_FLUSH) -> bytes:
        return self._deflater.compress(octets) + self._deflater.flush(how)

    def inflated(self, octets: bytes) -> bytes:
        return self._inflater.decompress(octets)

    def say(self, octets: bytes) -> bytes:
        return self.inflated(self.made.say(self.compressed(octets)))


class CompressTests(SynchronousTestCase):
    """RFC 4978 over a session."""

    def setUp(self) -> None:
        """Select a mailbox, and compress."""
        self.world = World(5)
        self.made = self.world.selected()
        heard = self.made.say(b"a COMPRESS deflate\r\n")
        self.assertEqual(heard, b"a OK DEFLATE active\r\n")
        self.client = Client(self.made)

    def test_both_directions(self) -> None:
        """From the CRLF of the tagged OK on everything is compressed."""
        heard = self.client.say(b"b FETCH 1:3 (UID)\r\nc NOOP\r\n")
        self.assertIn(b"* 3 FETCH (UID 3)\r\nb OK", heard)
        self.assertTrue(heard.endswith(b"c OK NOOP completed\r\n"), heard)

    def test_octet_by_octet(self) -> None:
        """It does not matter how the network cuts the octets."""
        message = b"Subject: x\r\n\r\n" + b"text\r\n" * 100
        octets = self.client.compressed(
            b"b APPEND INBOX {%d+}\r\n%b\r\nc IDLE\r\n" % (len(message), message)
        )
        heard = b""
        for at in range(len(octets)):
            heard += self.client.inflated(self.made.say(octets[at : at + 1]))
        self.assertIn(b"* 6 EXISTS\r\n", heard)
        self.assertIn(b"b OK [APPENDUID 7 6] APPEND completed\r\n+ idling\r\n", heard)
        self.assertTrue(self.client.say(b"DONE\r\n").startswith(b"c OK IDLE"))

    def test_pipelined(self) -> None:
        """What comes with the command in one read is compressed already."""
        made = self.world.selected()
        client = Client(made)
        heard = made.say(b"a COMPRESS DEFLATE\r\n" + client.compressed(b"b NOOP\r\n"))
        plain, answer, rest = heard.partition(b"a OK DEFLATE active\r\n")
        self.assertEqual(client.inflated(rest), b"b OK NOOP completed\r\n")

    def test_unasked(self) -> None:
        """What is told unasked can be read at once."""
        self.client.say(b"b IDLE\r\n")
        self.world.put(b"Subject: new\r\n\r\n")
        heard = self.client.inflated(self.made.heard())
        self.assertIn(b"* 6 EXISTS\r\n", heard)

    def test_twice(self) -> None:
        """It cannot be compressed twice, and is not announced any more."""
        heard = self.client.say(b"b COMPRESS DEFLATE\r\nc CAPABILITY\r\n")
        self.assertTrue(heard.startswith(b"b BAD [COMPRESSIONACTIVE] "), heard)
        self.assertNotIn(b"COMPRESS=DEFLATE", heard)

    def test_logout(self) -> None:
        """The last words can be read to their end."""
        heard = self.client.say(b"b LOGOUT\r\n")
        self.assertEqual(heard, b"* BYE Logging out\r\nb OK LOGOUT completed\r\n")
        self.assertTrue(self.made.closed)

    def test_not_compressed(self) -> None:
        """A client that does not compress is sent away."""
        heard = self.client.inflated(self.made.say(b"b NOOP\r\n" * 9))
        self.assertEqual(heard, b"* BYE That is not compressed\r\n")
        self.assertTrue(self.made.closed)

    def test_after_the_end(self) -> None:
        """Nothing comes after what a client itself has ended."""
        octets = self.client.compressed(b"b NOOP\r\n", zlib.Z_FINISH)
        heard = self.client.inflated(self.made.say(octets + b"c NOOP\r\n"))
        self.assertTrue(heard.startswith(b"b OK NOOP"), heard)
        self.assertIn(b"* BYE", heard)

    def test_unauthenticate(self) -> None:
        """UNAUTHENTICATE ends both layers (RFC 8437 section 4.1)."""
        for how, pipelined in (
            (zlib.Z_SYNC_FLUSH, b""),
            (zlib.Z_FINISH, b"c NOOP\r\n"),
        ):
            made = self.world.logged_in()
            self.assertIn(b"a OK", made.say(b"a COMPRESS DEFLATE\r\n"))
            client = Client(made)
            octets = client.compressed(b"b UNAUTHENTICATE\r\n", how)
            heard = made.say(octets + pipelined)
            self.assertEqual(
                client.inflated(heard), b"b OK UNAUTHENTICATE completed\r\n"
            )
            plain = client._inflater.unused_data + made.say(b"d LOGIN alice secret\r\n")
            self.assertEqual(plain.count(b"c OK"), len(pipelined) // 8)
            self.assertIn(b"COMPRESS=DEFLATE", plain)
            self.assertIn(b"e OK", made.say(b"e COMPRESS DEFLATE\r\n"))
            self.assertIn(b"f OK", Client(made).say(b"f NOOP\r\n"))

    def test_bomb(self) -> None:
        """A line that never ends is inflated only up to its limit."""
        octets = self.client.compressed(b"b" * 100_000_000)
        heard = self.client.inflated(self.made.say(octets))
        self.assertEqual(heard, b"* BYE Line too long\r\n")
        session_holds = self.made.server._framer._held  # type: ignore[attr-defined]
        self.assertLessEqual(len(session_holds), 2 * self.world.limits.inflated)

    def test_in_turns(self) -> None:
        """Much from little is dealt with in pieces, each a step of its own."""
        self.world.limits = replace(self.world.limits, inflated=100)
        made = self.world.logged_in()
        made.say(b"a COMPRESS DEFLATE\r\n")
        client = Client(made)
        heard = client.say(b"b NOOP\r\n" * 1000)
        self.assertEqual(heard.count(b"b OK"), 1000)


class GrammarTests(SynchronousTestCase):
    """When it may be asked for, and how."""

    def test_refused(self) -> None:
        """Before the login, and for what is no algorithm; nothing is switched on."""
        made = World().connect()
        self.assertIn(b"a BAD", made.say(b"a COMPRESS DEFLATE\r\n"))
        self.assertNotIn(b"COMPRESS", made.say(b"b CAPABILITY\r\n"))
        heard = made.say(b"c LOGIN alice secret\r\n")
        self.assertIn(b" COMPRESS=DEFLATE", heard)
        for wrong in (b"", b" ", b" GZIP", b" DEFLATE x", b" DEFLATE2"):
            heard = made.say(b"d COMPRESS%b\r\n" % wrong)
            self.assertTrue(heard.startswith(b"d BAD expected "), heard)


class CompressionTests(SynchronousTestCase):
    """The layer by itself."""

    def test_whole(self) -> None:
        """All that was compressed comes out, whatever the size of a piece."""
        octets = b"".join(b"%d " % n for n in range(2000)) + b"z" * 3000
        for most in (1, 7, 258, 1000, 100_000):
            layer = Compression(most)
            layer.receive(zlib.compress(octets, wbits=-15))
            found = []
            while layer.more:
                found.append(layer.inflate())
            self.assertEqual(b"".join(found), octets)
            self.assertLessEqual(max(map(len, found)), most)

    @given(st.binary() | st.binary().map(zlib.compress), st.integers(1, 300))
    def test_anything(self, octets: bytes, most: int) -> None:
        """Whatever comes is inflated in pieces, or refused."""
        layer = Compression(most)
        layer.receive(octets)
        try:
            while layer.more:
                self.assertLessEqual(len(layer.inflate()), most)
        except BadSyntax:
            pass

    def test_rubbish(self) -> None:
        """What is no DEFLATE is a breach of the grammar."""
        layer = Compression(100)
        layer.receive(b"\xff" * 10)
        self.assertRaises(BadSyntax, layer.inflate)
