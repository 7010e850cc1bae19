"""The SMTP client: a message closely behind another (RFC 2920 section 3.1)."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import MailError, NoSuchUser, NotPermitted, TemporaryFailure
from mailframe.model.address import Address
from mailframe.smtp.client import EARLY_CONTENT, SMTPClient
from mailframe.smtp.client_event import Done, SendContent
from tests.smtp.client_world import BINARY, BOB, CAT, Play, delivery, plays

UP = "PIPELINING", "8BITMIME"

FIRST = delivery(BOB, size=7)
SECOND = delivery(CAT, size=7)

MAIL = "MAIL FROM:<ann@example.org> BODY=8BITMIME\r\n"
TO_BOB = f"{MAIL}RCPT TO:<bob@example.com>\r\nDATA\r\n".replace(" BODY=8BITMIME", "")
TO_CAT = TO_BOB.replace("bob", "cat")
HI = "hi\r\n.\r\n"


def done(play: Play) -> list[Done]:
    """Return what is over, in its order."""
    return [event for event in play.events if isinstance(event, Done)]


class FollowingTests(SynchronousTestCase):
    """Where the server offers PIPELINING, and content goes by DATA."""

    def up(self, *more: str) -> Play:
        """Return a session in which Bob's message waits for its 354."""
        play = Play().up(*UP, *more)
        self.assertEqual(play.begin(FIRST, b"hi\r\n"), TO_BOB)
        return play

    def test_group(self) -> None:
        """The next envelope goes along with the end of the content."""
        for play in plays():
            play.up(*UP)
            said = [play.begin(FIRST, b"hi\r\n"), play.begin(SECOND, b"hi\r\n")]
            self.assertEqual(said, [TO_BOB, ""])
            said = [play.server("250 ok", "250 ok", "354 go")]
            self.assertEqual(said, [HI + TO_CAT])
            self.assertEqual(play.client.timeout, 600)
            said = [play.server("250 taken", "250 ok", "250 ok", "354 go")]
            self.assertEqual(said, [HI])
            self.assertEqual(done(play), [Done((None,), sent=True)])
            play.server("250 taken")
            self.assertEqual(done(play), [Done((None,), sent=True)] * 2)

    def test_after_the_content(self) -> None:
        """It goes at once when the content of the first is sent already."""
        play = self.up()
        self.assertEqual(play.server("250 ok", "250 ok", "354 go"), HI)
        self.assertEqual(play.begin(SECOND, b"hi\r\n"), TO_CAT)
        # And one more behind it, as soon as the first is over.
        self.assertFalse(play.client.has_room_behind)
        with self.assertRaises(ValueError):
            play.client.begin(FIRST)
        play.server("250 taken")
        self.assertEqual(play.begin(FIRST, b"hi\r\n"), "")
        self.assertEqual(play.server("250 ok", "250 ok", "354 go"), HI + TO_BOB)

    def test_first_refused_at_the_end(self) -> None:
        """The end of the data clears the server's buffers, whatever it says."""
        for code, kind in (("554 5.7.1 spam", NotPermitted), ("451 no", MailError)):
            play = self.up()
            play.begin(SECOND, b"hi\r\n")
            play.server("250 ok", "250 ok", "354 go")
            said = play.server(code, "250 ok", "250 ok", "354 go")
            self.assertEqual(said, HI)
            (first,) = done(play)
            self.assertIsInstance(first.verdicts[0], kind)
            play.server("250 taken")
            self.assertEqual(play.verdicts, (None,))

    def test_first_refused_before(self) -> None:
        """Without a content there is no group: it begins anew, after RSET."""
        play = self.up()
        play.begin(SECOND, b"hi\r\n")
        said = play.server("250 ok", "550 5.1.1 no", "554 nobody")
        self.assertEqual(said, "RSET\r\n" + TO_CAT)
        (first,) = done(play)
        self.assertIsInstance(first.verdicts[0], NoSuchUser)
        self.assertFalse(first.sent)
        self.assertEqual(play.server("250 ok", "250 ok", "250 ok", "354 go"), HI)

    def test_first_wants_nothing(self) -> None:
        """A 354 with no recipient left gets a single dot, then the next begins."""
        play = self.up()
        play.begin(SECOND, b"hi\r\n")
        self.assertEqual(play.server("250 ok", "550 5.1.1 no", "354 go"), ".\r\n")
        self.assertEqual(play.server("554 nobody"), TO_CAT)

    def test_second_refused(self) -> None:
        """What is said to the second is no verdict on the first."""
        play = self.up()
        play.begin(SECOND, b"hi\r\n")
        play.server("250 ok", "250 ok", "354 go")
        play.server("250 taken", "550 5.7.1 not you", "503 what?", "503 what?")
        first, second = done(play)
        self.assertEqual(first.verdicts, (None,))
        self.assertIsInstance(second.verdicts[0], NotPermitted)
        self.assertFalse(second.sent)
        self.assertEqual(play.begin(FIRST, b"hi\r\n"), "RSET\r\n" + TO_BOB)

    def test_goodbye(self) -> None:
        """A 421 is for the first; the second can be sent elsewhere at once."""
        play = self.up()
        play.begin(SECOND, b"hi\r\n")
        play.server("250 ok", "250 ok", "354 go")
        play.server("421 4.3.2 bye")
        first, second = done(play)
        assert first.verdicts[0] is not None
        assert second.verdicts[0] is not None
        self.assertIsNotNone(first.verdicts[0].reply)
        self.assertIsNone(second.verdicts[0].reply)
        self.assertIsInstance(second.verdicts[0], TemporaryFailure)
        self.assertEqual((first.sent, second.sent), (True, False))

    def test_broken_anywhere(self) -> None:
        """Wherever it breaks, each message is in exactly the right state."""
        replies = ["250 a", "250 b", "354 c", "250 d", "250 e", "250 f", "354 g"]
        for count in range(len(replies) + 2):
            play = self.up()
            play.begin(SECOND, b"hi\r\n")
            for reply in (*replies, "250 h")[:count]:
                play.server(reply)
            play.client.give_up(TemporaryFailure("gone"))
            play._run()
            first, second = done(play)
            self.assertEqual(first.verdicts[0] is None, count >= 4, count)
            self.assertEqual(first.sent, count >= 3, count)
            self.assertEqual(second.verdicts[0] is None, count >= 8, count)
            self.assertEqual(second.sent, count >= 7, count)

    def test_refused_in_the_middle(self) -> None:
        """A refusal in the middle of the content ends the session for both."""
        play = Play().up(*UP)
        play.client.begin(FIRST)
        play.client.begin(SECOND)
        play.said()
        play.client.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
        play.events.append(play.client.next_event())
        play.client.write(b"hi\r\n")
        play.server("552 5.3.4 too large")
        first, second = done(play)
        assert first.verdicts[0] is not None
        self.assertEqual(first.verdicts[0].status, "5.3.4")
        self.assertEqual((first.sent, second.sent), (False, False))

    def test_lmtp(self) -> None:
        """With LMTP each recipient's verdict comes before the next envelope's."""
        play = Play(lmtp=True).up(*UP)
        play.begin(delivery(BOB, CAT, size=4), b"hi\r\n")
        play.begin(SECOND, b"hi\r\n")
        said = play.server("250 ok", "250 ok", "250 ok", "354 go")
        self.assertEqual(said, HI + TO_CAT)
        play.server("250 taken", "550 5.1.1 no", "250 ok", "250 ok", "354 go")
        (first,) = done(play)
        self.assertIsNone(first.verdicts[0])
        self.assertIsInstance(first.verdicts[1], NoSuchUser)
        play.server("250 taken")
        self.assertEqual(play.verdicts, (None,))

    def test_no_room(self) -> None:
        """Not without PIPELINING, not where BDAT goes, not behind a large one."""
        large = delivery(BOB, size=EARLY_CONTENT + 1)
        for offer, first in (((), FIRST), ((*UP, "CHUNKING"), FIRST), (UP, large)):
            play = Play().up(*offer)
            self.assertFalse(play.client.has_room_behind)
            play.begin(first, b"hi\r\n")
            self.assertFalse(play.client.has_room_behind)
            self.assertFalse(play.client.takes(SECOND))
        # A large one that is sent has room behind it.
        play.server("250 ok", "250 ok", "354 go")
        self.assertTrue(play.client.takes(SECOND))

    def test_impossible(self) -> None:
        """What the server cannot take at all waits until the first is over."""
        play = self.up()
        wide = delivery(Address("k\u00f6ln", "example.com"), smtputf8=True, size=4)
        self.assertFalse(play.client.takes(wide))
        play.server("250 ok", "250 ok", "354 go", "250 taken")
        self.assertTrue(play.client.takes(wide))
        self.assertEqual(play.begin(wide), "")
        self.assertIsInstance(play.verdicts[0], MailError)


class ChunkTests(SynchronousTestCase):
    """Content that goes by BDAT: nothing follows before its verdict."""

    def test_refused_chunk(self) -> None:
        """The first refusal counts, though the rest was on its way already."""
        for lmtp in (False, True):
            play = Play(lmtp=lmtp).up(*UP, "CHUNKING", "BINARYMIME")
            content = delivery(BOB, CAT, body=BINARY)
            said = play.begin(content, b"hi\n", b"you\n")
            self.assertTrue(said.endswith("RCPT TO:<cat@example.com>\r\n"))
            said = play.server("250 ok", "250 ok", "250 ok")
            self.assertEqual(said, "BDAT 3\r\nhi\nBDAT 4 LAST\r\nyou\n")
            self.assertFalse(play.client.takes(SECOND))
            play.server("452 4.3.1 full", "503 5.5.1 what?")
            for verdict in play.verdicts:
                assert verdict is not None
                self.assertEqual(verdict.status, "4.3.1")
            # How many answers an LMTP server gives then is anybody's guess.
            self.assertEqual(play.client.broken, lmtp)
            if not lmtp:
                self.assertTrue(play.begin(SECOND, b"hi\r\n").startswith("RSET\r\n"))


class Server:
    """A server of one fixed mind, behind a wire that can break.

    Attributes:
        taken: Numbers of the messages it has.
    """

    def __init__(self, refusals: Sequence[bool]) -> None:
        """Greet.

        Args:
            refusals: Whether to refuse, command by command, from the first on.
        """
        self.replies = b"220 hi\r\n"
        self.taken: list[int] = []
        self._refusals = iter(refusals)
        self._octets = b""
        self._mail = False
        self._recipients = 0
        self._data: list[bytes] | None = None

    def receive(self, octets: bytes) -> None:
        """Take what the client says."""
        *lines, self._octets = (self._octets + octets).split(b"\r\n")
        for line in lines:
            self._line(line)

    def _line(self, line: bytes) -> None:
        if self._data is not None:
            if line != b".":
                self._data.append(line)
                return
            if self._recipients and self._says(b"250 taken"):
                self.taken.append(int(self._data[0]))
            elif not self._recipients:
                self.replies += b"554 nobody\r\n"
            self._data, self._recipients = None, 0
        elif line.startswith((b"EHLO", b"LHLO")):
            self.replies += b"250-hi\r\n250 PIPELINING\r\n"
        elif line == b"RSET":
            self._recipients = 0
            self.replies += b"250 ok\r\n"
        elif line.startswith(b"RCPT"):
            self._recipients += self._says(b"250 ok") and self._mail
        elif line != b"DATA":
            self._recipients = 0
            self._mail = self._says(b"250 ok")
        elif self._says(b"354 go"):
            self._data = []

    def _says(self, reply: bytes) -> bool:
        refused = next(self._refusals, False)
        self.replies += b"451 no\r\n" if refused else reply + b"\r\n"
        return not refused


class BrokenWireTests(SynchronousTestCase):
    """Many messages over a wire that breaks somewhere."""

    @settings(max_examples=400, deadline=None)
    @given(
        st.integers(1, 600),
        st.integers(1, 40),
        st.lists(st.booleans(), max_size=40),
        st.booleans(),
    )
    def test_state_of_each(
        self, octets: int, step: int, refusals: list[bool], lmtp: bool
    ) -> None:
        """A success was one; what was not sent the server does not have."""
        server = Server(refusals)
        client = SMTPClient("mail.example.org", lmtp=lmtp)
        found: list[Done] = []
        begun = 0
        heard = 0

        def go_on() -> None:
            while (event := client.next_event()) is not None:
                if isinstance(event, Done):
                    found.append(event)
                elif isinstance(event, SendContent):
                    client.write(b"%d\r\n" % len(found))
                    client.finish()

        while heard < octets and not client.broken:
            piece = server.replies[heard : min(heard + step, octets)]
            if not piece:
                break
            heard += len(piece)
            client.receive(piece)
            go_on()
            while client.takes(SECOND):
                client.begin(SECOND)
                begun += 1
            server.receive(client.take_output())
        client.give_up(TemporaryFailure("gone"))
        go_on()
        self.assertEqual(len(found), begun)
        self.assertLessEqual(len(server.taken), begun)
        for number, one in enumerate(found):
            if one.verdicts == (None,):
                self.assertIn(number, server.taken)
            if number in server.taken:
                self.assertTrue(one.sent)
