"""POP3 sessions over the wire, without a wire."""

import gc
import weakref
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax, InsufficientStorage
from mailframe.limits import POP3Limits
from mailframe.mime.dot_stuffing import DotStuffer, stuffed
from mailframe.pop3.framing import Lines
from mailframe.pop3.top_cut import TopCut
from mailframe.testing.transcript import Conversation, FakeConnection, run_transcript
from tests.pop3.world import INTERNATIONAL, MESSAGES, World, start

_HERE = Path(__file__).parent / "transcripts"


class TranscriptTests(SynchronousTestCase):
    """The written conversations."""

    def test_session(self) -> None:
        """A session lists, reads, deletes and commits."""
        run_transcript(_HERE / "session.txt", start)

    def test_lock(self) -> None:
        """A maildrop is one session's at a time."""
        run_transcript(_HERE / "lock.txt", start)

    def test_logins(self) -> None:
        """Failed logins end the session."""
        run_transcript(_HERE / "logins.txt", start)

    def test_plaintext(self) -> None:
        """Passwords wait for TLS."""
        run_transcript(_HERE / "plaintext.txt", start)

    def test_sasl(self) -> None:
        """AUTH logs in."""
        run_transcript(_HERE / "sasl.txt", start)

    def test_apop(self) -> None:
        """APOP proves the password by a digest of the greeting."""
        run_transcript(_HERE / "apop.txt", start)

    def test_no_apop(self) -> None:
        """Without the option there is no timestamp and no APOP."""
        run_transcript(_HERE / "no_apop.txt", start)

    def test_expire(self) -> None:
        """What was read goes where mail may not stay."""
        run_transcript(_HERE / "expire.txt", start)

    def test_login_delay(self) -> None:
        """Whoever comes back too soon is told so."""
        run_transcript(_HERE / "login_delay.txt", start)

    def test_utf8(self) -> None:
        """UTF-8 headers are for clients that asked for them."""
        run_transcript(_HERE / "utf8.txt", start)

    def test_lang(self) -> None:
        """There is English."""
        run_transcript(_HERE / "lang.txt", start)

    def test_errors(self) -> None:
        """Bad commands are answered and counted."""
        run_transcript(_HERE / "errors.txt", start)


class HostileTests(SynchronousTestCase):
    """What is no line, or no POP3."""

    def _logged_in(self, limits: POP3Limits | None = None) -> Conversation:
        conversation = Conversation(World(limits=limits).server())
        conversation.feed(b"USER alice@example.org\r\nPASS secret\r\n")
        self.assertTrue(conversation.heard().endswith(b"+OK 3 messages\r\n"))
        return conversation

    def test_long_line(self) -> None:
        """A line beyond the limit is refused once, and passed over."""
        conversation = self._logged_in()
        reply = conversation.say(b"RETR " + b"1" * 10_000)
        self.assertEqual(reply, b"-ERR expected a line of at most 255 octets\r\n")
        self.assertEqual(conversation.say(b"11\r\nNOOP\r\n"), b"+OK\r\n")

    def test_bare_line_ends(self) -> None:
        """Only CRLF ends a line; the session goes on."""
        conversation = self._logged_in()
        self.assertIn(b"-ERR", conversation.say(b"NOOP\n"))
        self.assertIn(b"-ERR", conversation.say(b"NO\rOP\r\n"))
        self.assertIn(b"-ERR", conversation.say(b"NO\0OP\r\n"))
        self.assertEqual(conversation.say(b"NOOP\r\n"), b"+OK\r\n")

    def test_injected_before_tls(self) -> None:
        """What came with STLS in one read is never a command."""
        connection = FakeConnection(can_start_tls=True)
        conversation = Conversation(World().server(), connection)
        conversation.heard()
        reply = conversation.say(b"STLS\r\nUSER alice@example.org\r\nPASS secret\r\n")
        self.assertEqual(reply, b"+OK begin TLS\r\n")

    def test_no_user_is_named_twice(self) -> None:
        """A failed login forgets the name."""
        conversation = Conversation(World().server())
        conversation.feed(b"USER alice@example.org\r\nPASS no\r\nPASS secret\r\n")
        self.assertIn(b"USER before PASS", conversation.heard())

    @given(st.binary(max_size=300))
    def test_any_octets(self, octets: bytes) -> None:
        """Whatever a client sends, nothing raises and no bug is reported."""
        world = World(limits=POP3Limits(errors=5))
        conversation = Conversation(world.server())
        conversation.feed(b"USER alice@example.org\r\nPASS secret\r\n")
        conversation.feed(octets)
        conversation.feed(b"\r\nQUIT\r\n")
        conversation.heard()
        self.assertEqual(world.reported, [])

    def test_pipelined(self) -> None:
        """Hundreds of commands in one read are answered in order."""
        conversation = self._logged_in()
        reply = conversation.say(b"NOOP\r\n" * 500 + b"STAT\r\n")
        self.assertEqual(reply, b"+OK\r\n" * 500 + b"+OK 3 114\r\n")

    def test_expunged_meanwhile(self) -> None:
        """A message another session removed is refused; the rest is sound."""
        world = World()
        conversation = Conversation(world.server())
        conversation.feed(b"USER alice@example.org\r\nPASS secret\r\n")
        conversation.heard()

        async def expunge() -> None:
            from mailframe.model.flag import FlagChange
            from mailframe.model.mailbox import INBOX
            from mailframe.model.uid_set import UIDSet

            mailbox = await world.account.open(INBOX)
            first = UIDSet([(1, 1)])
            await mailbox.store(first, FlagChange.ADD, frozenset({"\\Deleted"}))
            await mailbox.expunge(first)

        self.successResultOf(Deferred.fromCoroutine(expunge()))
        self.assertIn(b"-ERR", conversation.say(b"RETR 1\r\n"))
        self.assertTrue(conversation.say(b"RETR 2\r\n").startswith(b"+OK"))
        self.assertEqual(conversation.say(b"DELE 1\r\nQUIT\r\n"), b"+OK\r\n+OK bye\r\n")

    def test_gone(self) -> None:
        """A session that is over goes with its last reference, without a collector."""
        made = self._logged_in()
        made.say(b"RETR 1\r\nRETR 2\r\nQUIT\r\n")
        made.lose()
        gc.disable()
        self.addCleanup(gc.enable)
        left = weakref.ref(made.server)
        del made.server
        self.assertIsNone(left())

    def test_full_disk(self) -> None:
        """A commit that cannot be written is refused, and removes nothing."""
        world = World()
        conversation = Conversation(world.server())
        conversation.feed(b"USER alice@example.org\r\nPASS secret\r\nDELE 1\r\n")
        conversation.heard()

        async def full(deleted: object) -> None:
            raise InsufficientStorage("the disk is full")

        maildrop: Any = conversation.server
        maildrop.maildrop.commit = full
        reply = conversation.say(b"QUIT\r\n")
        self.assertTrue(reply.startswith(b"-ERR [SYS/TEMP] the disk is full"), reply)
        self.assertTrue(conversation.closed)


class InTurnTests(SynchronousTestCase):
    """A client that reads one after another is answered from memory."""

    def _session(self, world: World) -> tuple[Any, Conversation]:
        server = world.server()
        conversation = Conversation(server)
        conversation.feed(b"USER alice@example.org\r\nPASS secret\r\n")
        conversation.heard()
        return server, conversation

    def _said(self, world: World, *numbers: int) -> list[bytes]:
        server, conversation = self._session(world)
        said = [conversation.say(b"RETR %d\r\n" % number) for number in numbers]
        self.assertEqual(server.retrieved, {number - 1 for number in numbers})
        conversation.say(b"QUIT\r\n")
        return said

    def test_same(self) -> None:
        """It gets the same as who reads in another order, or twice."""
        world = World()
        world.append(INTERNATIONAL)
        in_turn = self._said(world, 1, 2, 3, 4)
        self.assertTrue(all(one.startswith(b"+OK ") for one in in_turn))
        self.assertTrue(in_turn[3].partition(b"\r\n\r\n")[0].isascii())
        self.assertEqual(self._said(world, 4, 3, 2, 1), in_turn[::-1])
        again = self._said(world, 1, 2, 2, 3, 3, 1, 4, 4)
        self.assertEqual(
            again, [in_turn[place - 1] for place in (1, 2, 2, 3, 3, 1, 4, 4)]
        )

    def test_at_hand(self) -> None:
        """What was loaded with the first is there once, and goes with the lock."""
        server, conversation = self._session(World())
        conversation.say(b"RETR 1\r\n")
        self.assertEqual(server.at_hand(1), MESSAGES[1])
        self.assertIsNone(server.at_hand(1))
        conversation.say(b"QUIT\r\n")
        self.assertIsNone(server.at_hand(2))


def _pieces(octets: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({min(cut, len(octets)) for cut in cuts} | {0, len(octets)})
    return [octets[low:high] for low, high in pairwise(places)] or [b""]


_LINES = st.lists(
    st.sampled_from([b".", b"..", b"", b"a", b".a", b"a."]), max_size=8
).map(b"\r\n".join)
_CUTS = st.lists(st.integers(0, 40), max_size=6)


class PieceTests(SynchronousTestCase):
    """What passes does not depend on where the pieces are cut."""

    @given(_LINES, _CUTS)
    def test_stuffing(self, octets: bytes, cuts: list[int]) -> None:
        """Each line that begins with a dot gets one more."""
        stuffer = DotStuffer()
        pieces = [stuffer.feed(piece) for piece in _pieces(octets, cuts)]
        ended = octets if octets.endswith(b"\r\n") or not octets else octets + b"\r\n"
        lines = ended.split(b"\r\n")
        expected = b"\r\n".join(b"." * line.startswith(b".") + line for line in lines)
        self.assertEqual(b"".join(pieces) + stuffer.finish(), expected + b".\r\n")
        self.assertEqual(stuffed(octets, b".x"), b".x" + expected + b".\r\n")

    @given(
        st.lists(
            st.sampled_from(
                [b"NOOP\r\n", b"\r\n", b"\n", b"a\rb\r\n", b"x" * 30, b"\0"]
            )
        ).map(b"".join),
        _CUTS,
    )
    def test_lines(self, octets: bytes, cuts: list[int]) -> None:
        """Lines, and what is none, are told in the same order."""

        def told(pieces: list[bytes]) -> list[bytes | str]:
            lines = Lines()
            found: list[bytes | str] = []
            for piece in pieces:
                lines.feed(piece)
                while True:
                    try:
                        line = lines.next(20)
                    except BadSyntax as error:
                        found.append(error.expected)
                        continue
                    if line is None:
                        break
                    found.append(line)
            return found

        whole = told([octets])
        self.assertEqual(told(_pieces(octets, cuts)), whole)
        good = [line for line in whole if isinstance(line, bytes)]
        self.assertLessEqual(good.count(b"NOOP"), octets.count(b"NOOP\r\n"))

    @given(_LINES, _LINES, st.integers(0, 9), _CUTS)
    def test_top(self, header: bytes, body: bytes, lines: int, cuts: list[int]) -> None:
        """The header and so many lines pass."""
        fields = [line for line in header.split(b"\r\n") if line]
        head = b"".join(line + b"\r\n" for line in [*fields, b""])
        cut = TopCut(lines)
        passed = b""
        for piece in _pieces(head + body, cuts):
            if not cut.done:
                passed += cut.feed(piece)
        expected = head + b"".join(body.splitlines(keepends=True)[:lines])
        self.assertEqual(passed, expected)
