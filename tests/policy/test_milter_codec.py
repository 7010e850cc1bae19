"""The milter protocol as octets."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from mailframe.errors import BadSyntax, TooLarge
from mailframe.policy import milter_codec as codec
from mailframe.policy.milter_codec import Packet, PacketReader, Step
from tests.policy.world import PolicyTestCase


class PacketTests(PolicyTestCase):
    """Packets out of octets, and back."""

    def test_cut(self) -> None:
        """However they come, the packets are the same."""
        octets = codec.packet(b"H", b"x") + codec.raw_packet(b"N") + codec.packet(b"R")
        expected = [Packet(b"H", b"x\0"), Packet(b"N"), Packet(b"R")]
        for size in (1, 2, 3, 7, 100):
            reader = PacketReader()
            found = []
            for start in range(0, len(octets), size):
                found += reader.receive(octets[start : start + size])
            self.assertEqual(found, expected)

    def test_bounds(self) -> None:
        """Nobody is waited for who announces gigabytes, or nothing."""
        with self.assertRaises(TooLarge):
            PacketReader().receive(b"\xff\xff\xff\xff")
        with self.assertRaises(BadSyntax):
            PacketReader().receive(b"\0\0\0\0")

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.binary(max_size=30)), st.integers(1, 9))
    def test_anything(self, pieces: list[bytes], size: int) -> None:
        """Any octets are packets, or refused."""
        reader = PacketReader()
        try:
            for piece in pieces:
                for packet in reader.receive(piece):
                    self.assertEqual(len(packet.command), 1)
        except BadSyntax:
            pass


class NegotiationTests(PolicyTestCase):
    """What both sides agree on."""

    def test_offer(self) -> None:
        """Version 6, every action and every step."""
        (offer,) = PacketReader().receive(codec.negotiation())
        version, actions, steps = struct.unpack(">III", offer.data)
        self.assertEqual((version, actions), (6, 0x1FF))
        self.assertEqual(steps, sum(Step))

    def test_agreement(self) -> None:
        """What follows the three numbers does not matter."""
        data = struct.pack(">III", 6, 0x11, 0x80400) + b"more"
        found = codec.negotiated(Packet(b"O", data))
        self.assertEqual(found.version, 6)
        self.assertTrue(found.steps & Step.NO_REPLY_BODY)

    def test_macros_wanted(self) -> None:
        """A milter may say what it wants to know, and when (``smfi_setsymlist``)."""

        def agreed(names: bytes) -> Packet:
            return Packet(b"O", struct.pack(">III", 6, 0x100, 0) + names)

        found = codec.negotiated(
            agreed(b"\0\0\0\0j {client_addr}\0\0\0\0\x05i,{auth_authen}\0")
        )
        self.assertEqual(
            found.macros, {b"C": ("j", "client_addr"), b"E": ("i", "auth_authen")}
        )
        self.assertEqual(codec.negotiated(agreed(b"")).macros, {})
        for wrong in (b"\0\0\0\x07i\0", b"\0\0\0\0i", b"\0\0", b"\0\0\0\x01"):
            with self.assertRaises(BadSyntax):
                codec.negotiated(agreed(wrong))

    def test_disagreement(self) -> None:
        """Other versions, and what was not offered, are refused."""
        for reply in (
            Packet(b"c"),
            Packet(b"O", b"short"),
            Packet(b"O", struct.pack(">III", 1, 0, 0)),
            Packet(b"O", struct.pack(">III", 7, 0, 0)),
            Packet(b"O", struct.pack(">III", 6, 0x200, 0)),
            Packet(b"O", struct.pack(">III", 6, 0, 0x200000)),
        ):
            with self.assertRaises(BadSyntax):
                codec.negotiated(reply)


class WritingTests(PolicyTestCase):
    """What we say."""

    def test_connect(self) -> None:
        """IPv4 and IPv6."""
        for address, expected in (
            ("192.0.2.1", b"Cx\x004\0\x19192.0.2.1\0"),
            ("2001:db8::1", b"Cx\x006\0\x19IPv6:2001:db8::1\0"),
        ):
            self.assertEqual(codec.connect(b"x", address, 25)[4:], expected)

    def test_macros(self) -> None:
        """Long names have braces; no NUL gets in."""
        found = codec.macros(b"M", {"i": "1", "mail_addr": "a\0b"})
        self.assertEqual(found[4:], b"DMi\x001\x00{mail_addr}\x00ab\x00")

    def test_header(self) -> None:
        """The space after the colon goes, unless it is asked for."""
        for steps, value in (
            (Step(0), b"a\n b"),
            (Step.HEADER_LEADING_SPACE, b" a\n b"),
        ):
            found = codec.header_field(b"X", b" a\r\n b", steps)
            self.assertEqual(found[4:], b"LX\0" + value + b"\0")


class ReadingTests(PolicyTestCase):
    """What a milter says."""

    def test_reply(self) -> None:
        """Code, enhanced code, text; the first line of several."""
        for data, expected in (
            (b"550 5.7.1 no way\0", (550, "5.7.1", "no way")),
            (b"451 later", (451, "", "later")),
            (b"550-5.7.1 one\r\n550 5.7.1 two\0", (550, "5.7.1", "one")),
            (b"450 5.7.1 odd\0", (450, "", "5.7.1 odd")),
        ):
            self.assertEqual(codec.reply_text(data), expected)
        for data in (b"", b"250 ok", b"5xx no", b"55", b"\0"):
            with self.assertRaises(BadSyntax):
                codec.reply_text(data)

    def test_indexed(self) -> None:
        """A number, a name, a value."""
        self.assertEqual(codec.indexed(b"\0\0\0\x02X\0y\0"), (2, b"X", b"y"))
        for data in (b"", b"\0\0\0\x02", b"\0\0\0\x02X\0", b"\0\0\0\x02X\0y"):
            with self.assertRaises(BadSyntax):
                codec.indexed(data)
