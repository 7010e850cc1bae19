"""Octets in, answers out: framing, limits, refusals, the life of a session."""

import gc
import weakref
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mailframe.errors import (
    InsufficientStorage,
    InUse,
    LimitExceeded,
    OverQuota,
    TemporaryFailure,
)
from mailframe.imap.capabilities import COMMANDS
from mailframe.imap.fetch import BrokenLiteral
from mailframe.interfaces.connection import IConnection, IServer, TLSInfo
from mailframe.limits import IMAPLimits
from mailframe.model.mailbox import INBOX
from mailframe.testing.transcript import Conversation, FakeConnection
from tests.imap.world import World, done


class ContractTests(SynchronousTestCase):
    """The server does what the pump expects."""

    def test_provides_the_interfaces(self) -> None:
        """Server and fake connection provide what they say."""
        world = World()
        made = world.connect()
        verifyObject(IServer, made.server)
        verifyObject(IConnection, made.connection)

    def test_timeouts(self) -> None:
        """Silence is allowed longer after the login."""
        world = World(limits=IMAPLimits(login_timeout=7.0, timeout=77.0))
        made = world.connect()
        self.assertEqual(made.server.timeout, 7.0)
        made.say(b"a LOGIN alice secret\r\n")
        self.assertEqual(made.server.timeout, 77.0)
        made.time_out()
        self.assertEqual(made.heard(), b"* BYE Autologout; idle for too long\r\n")
        self.assertTrue(made.closed)

    def test_shut_down(self) -> None:
        """The client is told that the host stops."""
        made = World().logged_in()
        made.stop()
        self.assertTrue(made.heard().startswith(b"* BYE [UNAVAILABLE]"))
        self.assertTrue(made.closed)

    def test_shut_down_while_working(self) -> None:
        """Goodbye is not said into the middle of a literal."""
        world = World()
        for _ in range(6):
            world.put(b"x: y\r\n\r\n" + b"z" * 100_000)
        made = world.selected()
        made.connection.slow = slow = Deferred()
        made.feed(b"a FETCH 1:* BODY.PEEK[]\r\nb NOOP\r\n")
        made.stop()
        self.assertNotIn(b"BYE", made.heard())
        made.connection.slow = None
        slow.callback(None)
        heard = made.heard()
        self.assertTrue(heard.endswith(b"server is shutting down\r\n"))
        self.assertIn(b"a OK FETCH completed\r\n* BYE", heard)
        self.assertTrue(made.closed)

    def test_logout_once(self) -> None:
        """The avatar is logged out once, when the connection is gone."""
        world = World(1)
        made = world.selected()
        made.say(b"a LOGOUT\r\n")
        self.assertEqual(world.door.logouts, 0)
        made.lose()
        self.assertEqual(world.door.logouts, 1)
        self.assertIsNone(made.server.lost())
        self.assertEqual(world.account._boxes[INBOX].watchers, {})

    def test_logout_may_take_time(self) -> None:
        """What the logout returns is waited for."""
        world = World()
        made = world.logged_in()
        gate: Deferred[None] = Deferred()
        made.server._session._logout = lambda: gate  # type: ignore[attr-defined]
        left = made.server.lost()
        assert left is not None
        ended = Deferred.fromCoroutine(left)
        self.assertNoResult(ended)
        gate.callback(None)
        self.successResultOf(ended)

    def test_lost_before_login(self) -> None:
        """Nothing is left to do when nobody logged in."""
        world = World()
        world.connect().lose()
        self.assertEqual(world.door.logouts, 0)

    def test_gone(self) -> None:
        """A session that is over goes with its last reference, without a collector."""
        made = World(1).selected()
        made.say(b"a FETCH 1 BODY[]\r\nb LOGOUT\r\n")
        made.lose()
        gc.disable()
        self.addCleanup(gc.enable)
        left = weakref.ref(made.server)
        del made.server
        self.assertIsNone(left())

    def test_nothing_after_closing(self) -> None:
        """What comes after LOGOUT is not looked at."""
        made = World().connect()
        heard = made.say(b"a LOGOUT\r\nb NOOP\r\n")
        self.assertTrue(heard.endswith(b"a OK LOGOUT completed\r\n"))

    def test_mind(self) -> None:
        """The portal learns who asks, and whether TLS protects it."""
        world = World()
        world.logged_in()
        mind = world.door.minds[0]
        self.assertEqual(
            (mind.service, mind.client_address, mind.secure),
            ("imap", "192.0.2.1", False),
        )

    def test_pipelining(self) -> None:
        """Hundreds of commands in one read are answered in order."""
        made = World(3).selected()
        tags = [b"t%d" % number for number in range(500)]
        heard = made.say(b"".join(tag + b" FETCH 1:* UID\r\n" for tag in tags))
        answers = [line for line in heard.splitlines() if line.startswith(b"t")]
        self.assertEqual(answers, [tag + b" OK FETCH completed" for tag in tags])

    def test_waits_for_the_portal(self) -> None:
        """What comes while a step waits is answered after it."""
        world = World()
        made = world.connect()
        gate: Deferred[Any] = Deferred()
        login = world.door.login

        async def slow(*arguments: Any) -> Any:
            await gate
            return await login(*arguments)

        world.door.login = slow  # type: ignore[method-assign, assignment]
        self.assertEqual(made.say(b"a LOGIN alice secret\r\nb NOOP\r\n"), b"")
        self.assertTrue(made.waiting)
        gate.callback(None)
        heard = made.heard().splitlines()
        self.assertTrue(heard[0].startswith(b"a OK"))
        self.assertEqual(heard[1:], [b"b OK NOOP completed"])


class TLSTests(SynchronousTestCase):
    """Secrets do not cross the network unprotected, nor is its word believed."""

    def test_injection(self) -> None:
        """What came with STARTTLS in one read is thrown away.

        Source: RFC 9051 section 6.2.1.
        """
        made = World().connect(FakeConnection(can_start_tls=True))
        heard = made.say(b"a STARTTLS\r\nb LOGIN alice secret\r\nc X {9+}\r\nq")
        self.assertEqual(heard, b"a OK Begin TLS negotiation now\r\n")
        self.assertEqual(made.tls_starts, 1)
        self.assertEqual(made.say(b"d NOOP\r\n"), b"d OK NOOP completed\r\n")

    def test_no_certificate(self) -> None:
        """STARTTLS is neither announced nor done when it cannot be."""
        made = World().connect(FakeConnection())
        heard = made.say(b"a CAPABILITY\r\nb STARTTLS\r\n")
        self.assertNotIn(b"STARTTLS", heard.splitlines()[0])
        self.assertIn(b"LOGINDISABLED", heard)
        self.assertIn(b"b BAD", heard)

    def test_implicit_tls(self) -> None:
        """With TLS from the beginning, a login is possible."""
        tls = TLSInfo("TLSv1.3", "x", 256)
        made = World().connect(FakeConnection(tls=tls))
        self.assertIn(b"a OK", made.say(b"a LOGIN alice secret\r\n"))


class LiteralTests(SynchronousTestCase):
    """Literals that are too large are refused before they are read."""

    def setUp(self) -> None:
        """Small limits."""
        self.world = World(
            limits=IMAPLimits(
                line=200,
                literal=50,
                command=110,
                login_command=60,
                message_size=1000,
                errors=100,
            )
        )

    def test_synchronizing(self) -> None:
        """The client is told instead of being asked for the octets."""
        made = self.world.logged_in()
        self.assertEqual(
            made.say(b"a CREATE {51}\r\n"), b"a BAD [TOOBIG] Literal too large\r\n"
        )
        self.assertEqual(made.say(b"b NOOP\r\n"), b"b OK NOOP completed\r\n")

    def test_not_synchronizing(self) -> None:
        """Its octets are thrown away, however they come."""
        octets = (
            b"a CREATE {51+}\r\n"
            + b"x\r\nz NOOP\r\n" * 5
            + b"y {1+}\r\nq r\r\nb NOOP\r\n"
        )
        octets = octets.replace(b"{51+}", b"{%d+}" % len(b"x\r\nz NOOP\r\n" * 5))
        expected = b"a BAD [TOOBIG] Literal too large\r\nb OK NOOP completed\r\n"
        made = self.world.logged_in()
        self.assertEqual(made.say(octets), expected)
        for octet in octets:
            made.feed(bytes([octet]))
        self.assertEqual(made.heard(), expected)

    def test_synchronizing_in_a_skipped_command(self) -> None:
        """A second literal of a refused command is not waited for."""
        made = self.world.logged_in()
        octets = b"a CREATE {60+}\r\n" + b"x" * 60 + b" {1}\r\nb NOOP\r\n"
        self.assertEqual(
            made.say(octets),
            b"a BAD [TOOBIG] Literal too large\r\nb OK NOOP completed\r\n",
        )

    def test_command(self) -> None:
        """All literals of a command together have a limit."""
        made = self.world.logged_in()
        octets = b"a LSUB {50+}\r\n" + b"x" * 50 + b" {50}\r\n"
        self.assertEqual(made.say(octets), b"a BAD [TOOBIG] Literal too large\r\n")

    def test_before_login(self) -> None:
        """Strangers get less, and a message is nothing they can send."""
        made = self.world.connect()
        self.assertIn(b"+ OK", made.say(b"a LOGIN {30}\r\n"))
        made.say(b"x" * 30 + b" x\r\n")
        self.assertIn(b"b BAD [TOOBIG]", made.say(b"b LOGIN {49} {1}\r\nc X {60}\r\n"))
        self.assertIn(b"d BAD Not a", made.say(b"d APPEND INBOX {500}\r\n"))

    def test_absurd(self) -> None:
        """Nobody reads terabytes to be polite."""
        made = self.world.logged_in()
        self.assertEqual(
            made.say(b"a APPEND INBOX {100000000000+}\r\n"),
            b"* BYE [TOOBIG] Literal too large\r\n",
        )
        self.assertTrue(made.closed)

    def test_message_too_large(self) -> None:
        """A message beyond the limit is refused, at once when possible."""
        made = self.world.logged_in()
        expected = b"a NO [TOOBIG] The message is too large\r\n"
        self.assertEqual(made.say(b"a APPEND INBOX {1001}\r\n"), expected)
        octets = b"a APPEND INBOX {1001+}\r\n" + b"x" * 1001 + b"\r\n"
        self.assertEqual(made.say(octets), expected)
        self.assertEqual(made.say(b"b NOOP\r\n"), b"b OK NOOP completed\r\n")


class SlowWriter:
    """A content writer that makes its caller wait, or fails."""

    def __init__(self) -> None:
        self.got = b""
        self.wait: Deferred[None] | None = None
        self.error: Exception | None = None
        self.discarded = 0

    def begin(self) -> "SlowWriter":
        return self

    def write(self, octets: bytes) -> Deferred[None] | None:
        if self.error is not None:
            raise self.error
        self.got += octets
        return self.wait

    def discard(self) -> None:
        self.discarded += 1


class AppendTests(SynchronousTestCase):
    """A message goes to the intake as it comes."""

    def setUp(self) -> None:
        """A writer that can be watched."""
        self.world = World()
        self.world.intake = self.writer = SlowWriter()
        self.made = self.world.logged_in()

    def test_back_pressure(self) -> None:
        """While the disk is busy, no more is taken from the client."""
        self.writer.wait = slow = Deferred()
        self.assertEqual(self.made.say(b"a APPEND INBOX {6}\r\n"), b"+ OK\r\n")
        self.made.feed(b"abc")
        self.assertTrue(self.made.waiting)
        self.made.feed(b"def")
        self.assertEqual(self.writer.got, b"abc")
        self.writer.wait = None
        slow.callback(None)
        self.assertEqual(self.writer.got, b"abcdef")

    def test_disk_full(self) -> None:
        """The rest of the message is thrown away, then refused."""
        self.made.feed(b"a APPEND INBOX {6}\r\nab")
        self.writer.error = InsufficientStorage("full")
        self.made.feed(b"c")
        self.assertEqual(self.writer.discarded, 1)
        heard = self.made.say(b"def\r\nb NOOP\r\n")
        self.assertEqual(
            heard,
            b"+ OK\r\na NO [OVERQUOTA] There is no room to store it\r\n"
            b"b OK NOOP completed\r\n",
        )

    def test_disk_full_later(self) -> None:
        """The same when the writer says so later."""
        self.writer.wait = slow = Deferred()
        self.made.feed(b"a APPEND INBOX {6+}\r\nabc")
        slow.errback(InsufficientStorage("full"))
        heard = self.made.say(b"def\r\n")
        self.assertIn(b"a NO [OVERQUOTA]", heard)
        self.assertEqual(self.writer.got, b"abc")

    def test_no_intake(self) -> None:
        """Nor can a message come in when there is no room to begin."""

        def begin() -> Any:
            raise InsufficientStorage("full")

        self.writer.begin = begin  # type: ignore[method-assign]
        heard = self.made.say(b"a APPEND INBOX {3+}\r\nabc\r\n")
        self.assertIn(b"a NO [OVERQUOTA]", heard)

    def test_disk_full_at_the_end(self) -> None:
        """The same when everything was written."""

        async def finish() -> Any:
            raise InsufficientStorage("full")

        self.writer.finish = finish  # type: ignore[attr-defined]
        heard = self.made.say(b"a APPEND INBOX {3+}\r\nabc\r\n")
        self.assertIn(b"a NO [OVERQUOTA]", heard)
        self.assertEqual(self.writer.discarded, 1)

    def test_lost(self) -> None:
        """A message that never came is forgotten."""
        self.made.feed(b"a APPEND INBOX {6+}\r\nabc")
        self.made.lose()
        self.assertEqual(self.writer.discarded, 1)

    def test_garbage_after_the_message(self) -> None:
        """The message is not stored, and another literal is not waited for."""
        heard = self.made.say(b"a APPEND INBOX {1+}\r\nxy {5}\r\nb NOOP\r\n")
        self.assertEqual(
            heard, b"a BAD expected the end of the command\r\nb OK NOOP completed\r\n"
        )
        self.assertEqual(self.writer.discarded, 1)


class RefusalTests(SynchronousTestCase):
    """Each family of errors has its answer."""

    def setUp(self) -> None:
        """A session whose STATUS fails as told."""
        self.world = World()
        self.made = self.world.logged_in()

    def status_with(self, error: Exception) -> bytes:
        async def status(name: str) -> Any:
            raise error

        self.world.account.status = status  # type: ignore[method-assign, assignment]
        return self.made.say(b"a STATUS INBOX (MESSAGES)\r\n")

    def test_mail_errors(self) -> None:
        """A refusal has a response code, and nothing of its own text."""
        for error, code in (
            (OverQuota("s3cret"), b"OVERQUOTA"),
            (InsufficientStorage("s3cret"), b"OVERQUOTA"),
            (TemporaryFailure("s3cret"), b"UNAVAILABLE"),
            (InUse("s3cret"), b"INUSE"),
            (LimitExceeded("s3cret"), b"LIMIT"),
        ):
            heard = self.status_with(error)
            self.assertTrue(heard.startswith(b"a NO [%b] " % code), heard)
            self.assertNotIn(b"s3cret", heard)
        self.assertEqual(self.world.reported, [])

    def test_our_bug(self) -> None:
        """Our own bug is reported, and its text is fixed."""
        error = KeyError("s3cret")
        heard = self.status_with(error)
        self.assertEqual(heard, b"a NO [SERVERBUG] Internal error\r\n")
        self.assertEqual(self.world.reported, [error])
        self.assertIn(b"b OK", self.made.say(b"b NOOP\r\n"))

    def test_broken_literal(self) -> None:
        """After half a literal nothing can be said any more."""
        heard = self.status_with(BrokenLiteral())
        self.assertEqual(heard, b"")
        self.assertTrue(self.made.closed)
        self.assertEqual(len(self.world.reported), 1)

    def test_too_many_errors(self) -> None:
        """A client that talks nonsense is sent away."""
        self.world.limits = IMAPLimits(errors=3)
        made = self.world.connect()
        heard = made.say(b"\r\n" * 5)
        self.assertEqual(heard.count(b"* BAD"), 3)
        self.assertTrue(heard.endswith(b"* BYE Too many errors\r\n"))
        self.assertTrue(made.closed)

    def test_browser(self) -> None:
        """A browser that is made to speak to us is sent away at once."""
        made = self.world.connect()
        heard = made.say(b"POST /a HTTP/1.1\r\nHost: x\r\n\r\na LOGIN alice secret\r\n")
        self.assertEqual(heard, b"* BYE This is an IMAP server\r\n")

    def test_bare_line_feed(self) -> None:
        """A bare LF or CR ends no command and is part of none."""
        for octets in (b"a NOOP\nb NOOP\r\n", b"a NOOP\r\r\n", b"a\r NOOP\r\n"):
            heard = self.made.say(octets)
            self.assertIn(b"BAD", heard, octets)
            self.assertNotIn(b"OK", heard, octets)

    def test_passwords_are_not_shown(self) -> None:
        """What a client logs in with is in no answer."""
        made = self.world.connect()
        heard = made.say(
            b'a LOGIN alice s3cret x\r\nb LOGIN s3cret\r\nc LOGIN alice "s3cret\r\n'
        )
        self.assertNotIn(b"s3cret", heard)


class OutputTests(SynchronousTestCase):
    """A client that reads slowly is waited for."""

    def test_drain(self) -> None:
        """After some 256 KiB a command asks the connection to drain."""
        world = World()
        for _ in range(6):
            world.put(b"x: y\r\n\r\n" + b"z" * 100_000)
        made = world.selected()
        made.connection.slow = slow = Deferred()
        made.feed(b"a FETCH 1:* BODY.PEEK[]\r\nb NOOP\r\n")
        self.assertEqual(made.connection.drains, 1)
        self.assertTrue(made.waiting)
        first = made.heard()
        self.assertNotIn(b"a OK", first)
        self.assertLess(len(first), 500_000)
        made.connection.slow = None
        slow.callback(None)
        rest = made.heard()
        self.assertIn(b"a OK FETCH completed\r\nb OK NOOP", rest)

    def test_lost_while_waiting(self) -> None:
        """A step that waits for a peer that is gone ends quietly."""
        world = World()
        for _ in range(6):
            world.put(b"x: y\r\n\r\n" + b"z" * 100_000)
        made = world.selected()
        made.connection.slow = Deferred()
        made.feed(b"a FETCH 1:* BODY.PEEK[]\r\n")
        made.lose()
        self.assertEqual(world.door.logouts, 1)


_NAMES = [b"%b " % name for name in COMMANDS]
_ARGUMENTS = (
    b"INBOX|work|1:*|2,4|1|(\\Seen)|\\Seen|FLAGS|+FLAGS.SILENT|BODY[]|(UID FLAGS)|ALL|"
    b'alice|secret|(|)|NOT|OR|%|*|""|"|\\|DONE|+|NIL|(MESSAGES)|PLAIN|\n|\0|\xff'
).split(b"|")
_ENDS = [
    *[b" "] * 3,
    *[b"\r\na "] * 2,
    *(b"\r\n", b"", b" {3}\r\n", b"{3+}\r\nabc"),
]
_WORDS = st.one_of(
    st.sampled_from(_NAMES),
    st.builds(bytes.__add__, st.sampled_from(_ARGUMENTS), st.sampled_from(_ENDS)),
)
_STATES = st.sampled_from(["connect", "logged_in", "selected"])


class NonsenseTests(SynchronousTestCase):
    """Whatever is sent, we have no bug, and the cuts make no difference."""

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(_WORDS, max_size=40),
        st.sampled_from(["connect", "logged_in", "selected"]),
    )
    def test_nonsense(self, words: list[bytes], state: str) -> None:
        """All at once and octet by octet, in every state."""
        octets = b"a " + b"".join(words) + b"\r\n"
        heard = []
        for reads in ([octets], [octets[at : at + 1] for at in range(len(octets))]):
            world = World(4, limits=IMAPLimits(message_size=500))
            made = getattr(world, state)()
            for read in reads:
                made.feed(read)
            heard.append(made.heard())
            self.assertEqual(world.reported, [])
            made.lose()
        # TLS forgets what came with it, which is what cuts may change.
        if b"STARTTLS" not in octets:
            self.assertEqual(heard[0], heard[1])


class GreetingTests(SynchronousTestCase):
    """What is said first."""

    def test_capabilities(self) -> None:
        """The greeting saves the client a CAPABILITY."""
        made = Conversation(World().server())
        heard = made.heard()
        self.assertTrue(heard.startswith(b"* OK [CAPABILITY IMAP4rev1 "), heard)
        self.assertIn(b"mail.example.org", heard)

    def test_no_waiting(self) -> None:
        """Without a view a NOOP is answered in the call itself."""
        made = World().logged_in()
        made.server.receive(b"a NOOP\r\n")
        self.assertIsNone(made.server.next_step())
        self.assertEqual(made.server.take_output(), b"a OK NOOP completed\r\n")
        self.assertEqual(made.server.take_output(), b"")

    def test_done(self) -> None:
        """A command that has to ask the account is a step."""
        made = World().logged_in()
        made.server.receive(b'a LIST "" *\r\n')
        step = made.server.next_step()
        self.assertIsNotNone(step)
        done(step)
        self.assertIn(b"a OK", made.server.take_output())
