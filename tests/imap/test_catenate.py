"""CATENATE: what the transcript does not show."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.imap.loading import PIECE
from mailframe.limits import IMAPLimits
from mailframe.mime.lines import to_crlf
from mailframe.model.mailbox import INBOX
from mailframe.model.uid_set import UIDSet
from mailframe.storage.content import MemoryIntake, MemoryWriter
from tests.imap.world import World, done

BIG = b"Subject: big\r\n\r\n" + b"0123456789abcd\r\n" * 20_000


class Counting(MemoryIntake):
    """Notes how much was written at once, and what is still open."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        self.open: set[Any] = set()

    def begin(self) -> MemoryWriter:
        intake, writer = self, super().begin()
        self.open.add(writer)

        class Noting:
            def write(self, octets: bytes) -> None:
                intake.most = max(intake.most, len(octets))
                writer.write(octets)

            async def finish(self) -> Any:
                intake.open.discard(writer)
                return await writer.finish()

            def discard(self) -> None:
                intake.open.discard(writer)
                writer.discard()

        return Noting()  # type: ignore[return-value]


class CatenateTests(SynchronousTestCase):
    """RFC 4469."""

    def setUp(self) -> None:
        """Have a large message."""
        self.world = World(limits=IMAPLimits(message_size=400_000))
        self.world.put(BIG)
        self.intake = self.world.intake = Counting()
        self.made = self.world.selected()

    def append(self, parts: bytes, before: bytes = b"APPEND INBOX") -> bytes:
        return self.made.say(b"a %b CATENATE (%b)\r\n" % (before, parts))

    def test_in_pieces(self) -> None:
        """A large part is copied a piece at a time, octet for octet."""
        heard = self.append(b"URL /INBOX/;UID=1/;SECTION=TEXT TEXT {2+}\r\nhi")
        self.assertIn(b"a OK [APPENDUID 7 2]", heard)
        self.assertLessEqual(self.intake.most, PIECE)
        heard = self.made.say(b"b FETCH 2 BODY.PEEK[]\r\n")
        self.assertIn(BIG[16:] + b"hi)\r\n", heard)
        self.assertFalse(self.intake.open)

    def test_too_big(self) -> None:
        """More than a message may have is refused, from text and from URLs."""
        heard = self.append(b"URL /INBOX/;UID=1 URL /INBOX/;UID=1")
        self.assertIn(b"a NO [TOOBIG]", heard)
        text = b"TEXT {250000+}\r\n%b " % (b"x" * 250_000)
        heard = self.append((text * 2).rstrip())
        self.assertIn(b"a NO [TOOBIG]", heard)
        heard = self.append(text + b"URL /INBOX/;UID=1")
        self.assertIn(b"a NO [TOOBIG]", heard)
        self.assertFalse(self.intake.open)
        self.assertIn(b"* 1 EXISTS", self.made.say(b"c SELECT INBOX\r\n"))

    def test_header_fields(self) -> None:
        """A section may be some header fields; PARTIAL counts in those."""
        url = b"/INBOX/;UID=1/;SECTION=HEADER.FIELDS%20(SUBJECT)/;PARTIAL=9"
        self.assertIn(b"a OK", self.append(b'URL "%b"' % url))
        heard = self.made.say(b"b FETCH 2 BODY.PEEK[]\r\n")
        self.assertIn(b"BODY[] {7}\r\nbig\r\n\r\n)", heard)

    def test_replace(self) -> None:
        """A draft is replaced by one made of it."""
        heard = self.append(
            b"TEXT {6+}\r\na: b\r\n URL ;UID=1/;SECTION=TEXT", b"UID REPLACE 1 INBOX"
        )
        self.assertIn(b"* OK [APPENDUID 7 2]", heard)
        self.assertIn(b"* 1 EXPUNGE\r\n", heard)
        heard = self.append(b"URL ;UID=2", b"REPLACE 1 INBOX")
        self.assertIn(b"* OK [APPENDUID 7 3]", heard)
        heard = self.made.say(b"b REPLACE 1 INBOX\r\n")
        self.assertIn(b"b BAD", heard)

    def test_header_beyond_ascii(self) -> None:
        """A header beyond ASCII needs UTF8=ACCEPT (RFC 6855 section 4)."""
        parts = b"URL /INBOX/;UID=1/;PARTIAL=0.9 TEXT {6+}\r\n\xc3\xa9\r\n\r\n"
        self.assertIn(b"a NO [CANNOT]", self.append(parts))
        self.assertIn(b"OK", self.made.say(b"b ENABLE UTF8=ACCEPT\r\n"))
        self.assertIn(b"a OK", self.append(parts))

    def test_nul(self) -> None:
        """A literal8 may come, but a message has no NUL."""
        heard = self.append(b"TEXT ~{3+}\r\na\0b")
        self.assertIn(b"a NO [UNKNOWN-CTE]", heard)
        self.assertFalse(self.intake.open)

    def test_literal_url_too_long(self) -> None:
        """A URL as a literal has the size of an argument; nothing stays open."""
        for literal in (b"{70000}\r\n", b"{70000+}\r\n" + b"x" * 70_000 + b")\r\n"):
            heard = self.made.say(
                b"a APPEND INBOX CATENATE (TEXT {2+}\r\nhi URL " + literal
            )
            self.assertIn(b"a BAD [TOOBIG]", heard)
            self.assertFalse(self.intake.open)
            self.assertIn(b"b OK", self.made.say(b"b NOOP\r\n"))

    def test_too_many_parts(self) -> None:
        """The number of parts is bounded."""
        most = self.world.limits.append_messages
        heard = self.append(b" ".join([b"URL ;UID=1"] * (most + 1)))
        self.assertIn(b"a NO [LIMIT]", heard)

    @given(
        st.lists(
            st.binary(max_size=8).map(lambda octets: octets.replace(b"\0", b"0"))
            | st.tuples(st.integers(0, 400), st.integers(1, 200_000)),
            min_size=1,
            max_size=8,
        ),
        st.booleans(),
    )
    def test_joined(self, parts: list[Any], together: bool) -> None:
        """The message is its parts, one behind the other."""
        world = World()
        world.put(BIG)
        made = world.logged_in()
        made.say(b"e ENABLE UTF8=ACCEPT\r\n")
        asked, expected = [], b""
        for part in parts:
            if isinstance(part, bytes):
                asked.append(b"TEXT {%d+}\r\n%b" % (len(part), part))
                expected += part
            else:
                first, count = part
                asked.append(b"URL /INBOX/;UID=1/;PARTIAL=%d.%d" % part)
                expected += BIG[first : first + count]
        octets = b"a APPEND INBOX CATENATE (%b)\r\n" % b" ".join(asked)
        if together:
            heard = made.say(octets)
        else:
            half = len(octets) // 2
            made.feed(octets[:half])
            heard = made.say(octets[half:])
        if not expected:
            self.assertIn(b"a NO [CANNOT]", heard)
            return
        self.assertIn(b"a OK [APPENDUID 7 2]", heard)
        stored = done(done(world.account.open(INBOX)).load(UIDSet.of([2]), 10**9))
        self.assertEqual(stored, {2: to_crlf(expected)})

    def test_no_mailbox(self) -> None:
        """Without a selected mailbox a URL has to name one."""
        self.made.say(b"b UNSELECT\r\n")
        self.assertIn(b"a NO [BADURL ;UID=1]", self.append(b"URL ;UID=1"))
