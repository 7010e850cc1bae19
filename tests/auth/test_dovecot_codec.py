"""Tests of :mod:`mailframe.auth.dovecot_codec`."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.dovecot_codec import (
    LINE,
    DovecotCodec,
    Ready,
    Reply,
    escaped,
    unescaped,
)
from mailframe.errors import BadSyntax, LineTooLong

# As Dovecot 2.3.19 greets on auth-client.
GREETING = (
    b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t4242\nCUID\t1\n"
    b"COOKIE\t0123456789abcdef0123456789abcdef\nDONE\n"
)


class RequestTests(SynchronousTestCase):
    """What is sent."""

    def test_greeting(self) -> None:
        """Passwords need a process ID, lookups do not."""
        self.assertEqual(DovecotCodec(7).greeting(), b"VERSION\t1\t1\nCPID\t7\n")
        self.assertEqual(DovecotCodec(7, True).greeting(), b"VERSION\t1\t1\n")

    def test_password(self) -> None:
        """The secret comes last, as PLAIN has it, and no tab gets between."""
        codec = DovecotCodec(7)
        self.assertEqual(
            codec.password(3, b"alice", b"a\tb", "imap", "192.0.2.1"),
            b"AUTH\t3\tPLAIN\tservice=imap\tsecured\tnologin\tno-penalty"
            b"\trip=192.0.2.1\tresp=AGFsaWNlAGEJYg==\n",
        )
        self.assertNotIn(b"rip", codec.password(3, b"alice", b"a", "imap"))

    def test_user(self) -> None:
        """A name with a tab or a line end stays one parameter."""
        self.assertEqual(
            DovecotCodec(7, True).user(4, "a\tb\nc", "lmtp"),
            b"USER\t4\ta\x01tb\x01nc\tservice=lmtp\n",
        )


class ReceiveTests(SynchronousTestCase):
    """What comes."""

    def test_passwords(self) -> None:
        """A greeting and replies, however they are cut."""
        said = GREETING + (
            b"OK\t1\tuser=alice@example.org\tnologin\n"
            b"FAIL\t2\tuser=bob\tcode=temp_fail\nCONT\t3\tAAAA\nWHATEVER\t1\n"
        )
        events = [
            Ready(),
            Reply(1, "OK", "alice@example.org", {"nologin": ""}),
            Reply(2, "FAIL", "bob", {"code": "temp_fail"}),
            Reply(3, "CONT", "", {"AAAA": ""}),
        ]
        self.assertEqual(DovecotCodec(7).receive(said), events)
        for size in (1, 7):
            codec = DovecotCodec(7)
            found: list[object] = []
            for start in range(0, len(said), size):
                found += codec.receive(said[start : start + size])
            self.assertEqual(found, events)

    def test_lookups(self) -> None:
        """The other socket greets with less."""
        codec = DovecotCodec(7, True)
        self.assertEqual(
            codec.receive(
                b"VERSION\t1\t1\nSPID\t9\nUSER\t1\talice\thome=/h\x01tx\tuid=5\n"
                b"NOTFOUND\t2\nFAIL\t3\tinternal\nOK\t4\n"
            ),
            [
                Ready(),
                Reply(1, "USER", "alice", {"home": "/h\tx", "uid": "5"}),
                Reply(2, "NOTFOUND"),
                Reply(3, "FAIL", "", {"internal": ""}),
            ],
        )

    def test_another_protocol(self) -> None:
        """What is not this protocol is noticed at once."""
        for said in (
            b"220 mail.example.org\r\n", b"VERSION\t2\t0\n", b"VERSION\n", b"\n",
            b"VERSION\t1\t1\nOK\n", b"VERSION\t1\t1\nOK\tx\n",
            b"VERSION\t1\t1\nFAIL\t-1\n", b"VERSION\t1\t1\nOK\t1\tuser=\xff\n",
        ):  # fmt: skip
            self.assertRaises(BadSyntax, DovecotCodec(7).receive, said)

    def test_line_limit(self) -> None:
        """A line has so many octets, with its end or without one."""
        DovecotCodec(7).receive(b"VERSION\t1\t1\n" + b"X" * LINE)
        for end in (b"", b"\n"):
            self.assertRaises(
                LineTooLong,
                DovecotCodec(7).receive,
                b"VERSION\t1\t1\n" + b"X" * (LINE + 1) + end,
            )

    @settings(max_examples=100, deadline=None)
    @given(st.binary(max_size=200), st.booleans())
    def test_rubbish(self, octets: bytes, lookups: bool) -> None:
        """Whatever comes is understood or refused."""
        codec = DovecotCodec(7, lookups)
        try:
            codec.receive(b"VERSION\t1\t1\n" + octets)
            codec.receive(octets + b"\n")
        except BadSyntax:
            pass


class EscapeTests(SynchronousTestCase):
    """Parameters may have anything in them."""

    @settings(max_examples=100, deadline=None)
    @given(st.text())
    def test_round_trip(self, text: str) -> None:
        """What is escaped reads the same, and has no tab or line end."""
        octets = escaped(text.encode("utf-8", "replace"))
        self.assertNotRegex(octets, rb"[\t\n\r\x00]")
        self.assertEqual(unescaped(octets), text.encode("utf-8", "replace").decode())

    def test_other_escapes(self) -> None:
        """What need not be escaped may be, and the last octet too."""
        self.assertEqual(unescaped(b"a\x01bc\x01"), "abc\x01")
