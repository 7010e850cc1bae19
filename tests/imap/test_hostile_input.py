"""Whatever a client sends: responses, BAD that says what and where, or BYE."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.limits import IMAPLimits
from mailframe.testing.transcript import Conversation
from tests.fuzz.imap_world import COMMANDS, ODD, Session, parse_with_everything
from tests.imap.world import World

words = st.one_of(
    st.sampled_from(COMMANDS),
    st.sampled_from(ODD),
    st.sampled_from([word for one in COMMANDS for word in one.split(b" ")]),
    st.binary(max_size=12),
)
arguments = st.lists(words, max_size=8).map(b" ".join)


class AnyInputTests(SynchronousTestCase):
    """Nothing ends in a traceback; longer runs are in ``tests.fuzz``."""

    @settings(max_examples=200, deadline=None)
    @given(arguments)
    def test_grammar(self, octets: bytes) -> None:
        """Every parser refuses with BadSyntax, or as a MailError."""
        parse_with_everything(b" " + octets)

    @settings(max_examples=150, deadline=None)
    @given(
        st.booleans(),
        st.lists(arguments, max_size=20),
        st.integers(1, 200),
    )
    def test_session(self, login: bool, lines: list[bytes], size: int) -> None:
        """A session answers in responses, and is silent when it is over."""
        session = Session(tls=True, trusted=True, login=login)
        sent = b"s SELECT INBOX\r\n"
        sent += b"".join(b"a%d %b\r\n" % (n, one) for n, one in enumerate(lines))
        for start in range(0, len(sent), size):
            session.feed(sent[start : start + size])
        session.close()


class AnswerTests(SynchronousTestCase):
    """What a client is told about its mistakes."""

    def test_what_and_where(self) -> None:
        """BAD says what was expected, and at which octet of the command."""
        made = World(3).selected()
        for command, answer in (
            (b"FETCH", b"a space at position 7"),
            (b"FETCH x FLAGS", b"a set of message numbers at position 8"),
            (b"FETCH 1 NOTHING", b"something that can be fetched at position 10"),
            (b"FETCH 1 (FLAGS", b") at position 16"),
            (b"STORE 1 FLUGS ()", b"FLAGS at position 10"),
            (b"SELECT", b"a space at position 8"),
            (b"NOOP x", b"the end of the command at position 6"),
            (b"SEARCH SINCE 30-Foo-2020", b"a date such as 1-Feb-1994 at position 15"),
        ):
            self.assertEqual(
                made.say(b"a %b\r\n" % command),
                b"a BAD expected %b\r\n" % answer,
                command,
            )

    def test_too_many(self) -> None:
        """Too many bad commands end with BYE, pipelined or not."""
        limits = IMAPLimits(errors=3)
        made = World(1, limits).logged_in()
        heard = made.say(b"a X\r\n" * 10 + b"b NOOP\r\n")
        self.assertEqual(
            heard.splitlines(),
            [b"a BAD Unknown command"] * 3 + [b"* BYE Too many errors"],
        )
        self.assertTrue(made.closed)

    def _refused(self, made: Conversation, line: bytes) -> None:
        heard = made.say(b"a %b\r\n" % line)
        self.assertTrue(heard.startswith(b"a "), heard)
        self.assertIn(b"[TOOBIG]", heard)
        self.assertEqual(made.say(b"b NOOP\r\n"), b"b OK NOOP completed\r\n")

    def test_literals_over_the_limit(self) -> None:
        """A literal that is too large is refused before one octet of it is sent."""
        made = World(1).selected()
        self._refused(made, b"SELECT {70000}")
        self._refused(made, b"APPEND INBOX {60000000}")
        self._refused(made, b"APPEND {70000}")
        self._refused(made, b"STATUS {99999999999999999}")
        self._refused(made, b"SEARCH SUBJECT {65537}")

    def test_literals_of_no_command(self) -> None:
        """What would be thrown away is not asked for (RFC 9051 section 7.6)."""
        made = World(1).logged_in()
        for line, answer in (
            (b"BLURDYBLOOP {10}", b"a BAD Unknown command\r\n"),
            (b"UID BLURDYBLOOP {10}", b"a BAD Unknown command\r\n"),
            (b"SEARCH SUBJECT {4}", b"a BAD Not a command of this state\r\n"),
        ):
            self.assertEqual(made.say(b"a %b\r\n" % line), answer)
        heard = made.say(b"a BLURDYBLOOP {3+}\r\nb X {2+}\r\nxx\r\nc NOOP\r\n")
        self.assertEqual(heard, b"a BAD Unknown command\r\nc OK NOOP completed\r\n")
