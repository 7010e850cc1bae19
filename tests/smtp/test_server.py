"""SMTP, submission and LMTP sessions over the wire, without a wire."""

from pathlib import Path

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mailframe.errors import InsufficientStorage, TemporaryFailure
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.interfaces.connection import IServer
from mailframe.model.address import Address
from mailframe.model.envelope import BodyType
from mailframe.testing.transcript import FAKE_TLS, FakeConnection, run_transcript
from tests.smtp.world import World, start

_HERE = Path(__file__).parent / "transcripts"

HELLO = b"EHLO client.example\r\n"
ENVELOPE = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@example.org>\r\nDATA\r\n"
LOGIN = b"AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==\r\n"


class TranscriptTests(SynchronousTestCase):
    """The written conversations, fed by line, by octet and at once."""

    def test_session(self) -> None:
        """Two messages in one session."""
        run_transcript(_HERE / "session.txt", start)

    def test_small(self) -> None:
        """The small commands."""
        run_transcript(_HERE / "small.txt", start)

    def test_sequence(self) -> None:
        """Commands in a wrong order."""
        run_transcript(_HERE / "sequence.txt", start)

    def test_parameters(self) -> None:
        """ESMTP parameters and non-ASCII addresses."""
        run_transcript(_HERE / "parameters.txt", start)

    def test_lmtp(self) -> None:
        """A reply for each recipient."""
        run_transcript(_HERE / "lmtp.txt", start)

    def test_verdicts(self) -> None:
        """One reply for all recipients."""
        run_transcript(_HERE / "verdicts.txt", start)

    def test_submission(self) -> None:
        """A login, and what is not one."""
        run_transcript(_HERE / "submission.txt", start)

    def test_plaintext(self) -> None:
        """TLS before a password."""
        run_transcript(_HERE / "plaintext.txt", start)

    def test_limits(self) -> None:
        """Too many recipients, too many messages."""
        run_transcript(_HERE / "limits.txt", start)

    def test_goodbye(self) -> None:
        """Silence and shutting down."""
        run_transcript(_HERE / "goodbye.txt", start)


class ServerTests(SynchronousTestCase):
    """What a server tells its receiver, and when."""

    def test_contract(self) -> None:
        """It is an IServer."""
        verifyObject(IServer, World().server())

    def test_greeting(self) -> None:
        """The greeting names host and protocol (RFC 5321 section 4.2)."""
        for service, kind in (("smtp", b"ESMTP"), ("lmtp", b"LMTP")):
            server = World(service).server()
            server.connected(FakeConnection())
            self.assertEqual(
                server.take_output(), b"220 mx.example.org " + kind + b"\r\n"
            )

    def test_envelope(self) -> None:
        """The receiver is given all the client said."""
        world = World()
        conversation = world.converse()
        conversation.feed(HELLO)
        conversation.feed(b"MAIL FROM:<A@B.example> SIZE=5 BODY=8BITMIME SMTPUTF8\r\n")
        path = world.last.reverse_path
        self.assertEqual(path.address, Address("A", "b.example"))
        self.assertEqual((path.size, path.body), (5, BodyType.EIGHT_BIT_MIME))
        self.assertTrue(path.smtputf8)
        self.assertEqual(world.last.origin.helo, "client.example")
        self.assertEqual(world.last.origin.client_address, "192.0.2.1")

    def test_protocol_names(self) -> None:
        """The ``with`` keywords of RFC 3848 and RFC 6531 section 4.3."""
        mail = b"MAIL FROM:<>%b\r\n"
        for service, tls, hello, login, parameters, name in (
            ("smtp", False, b"HELO x\r\n", b"", b"", "SMTP"),
            ("smtp", False, HELLO, b"", b"", "ESMTP"),
            ("smtp", True, HELLO, b"", b"", "ESMTPS"),
            ("smtp", True, HELLO, b"", b" SMTPUTF8", "UTF8SMTPS"),
            ("submission", False, HELLO, LOGIN, b"", "ESMTPA"),
            ("submission", True, HELLO, LOGIN, b"", "ESMTPSA"),
            ("submission", True, HELLO, LOGIN, b" SMTPUTF8", "UTF8SMTPSA"),
            ("lmtp", False, b"LHLO x\r\n", b"", b"", "LMTP"),
            ("lmtp", True, b"LHLO x\r\n", b"", b" SMTPUTF8", "UTF8LMTPS"),
        ):
            world = World(service)
            connection = FakeConnection(tls=FAKE_TLS if tls else None, trusted=True)
            world.converse(connection).feed(hello + login + mail % parameters)
            self.assertEqual(world.last.origin.protocol, name)
            self.assertEqual(world.last.origin.tls is not None, tls)

    def test_login(self) -> None:
        """The account goes with the message; it is let go of once."""
        world = World("submission")
        conversation = world.converse()
        conversation.feed(HELLO + LOGIN + b"MAIL FROM:<a@b.example> AUTH=<>\r\n")
        origin = world.last.origin
        self.assertEqual(origin.user, "alice@example.org")
        self.assertEqual(getattr(origin.account, "address", None), origin.user)
        self.assertEqual(world.last.reverse_path.auth, "")
        conversation.lose()
        self.assertEqual((world.logouts, world.last.aborted), (1, 1))

    def test_logout(self) -> None:
        """A logout may take its time, or fail; either way the session is over."""
        slow: Deferred[None] = Deferred()
        for at_logout, reports in (
            (lambda: slow, 0),
            (lambda: fail(ZeroDivisionError()), 1),
            (lambda: 1 / 0, 1),
        ):
            world = World("submission")
            world.at_logout = at_logout
            conversation = world.converse()
            conversation.feed(HELLO + LOGIN)
            conversation.lose()
            self.assertEqual((world.logouts, len(world.reported)), (1, reports))
            self.assertIsNone(conversation.server.lost())
            self.assertEqual(world.logouts, 1)

    def test_login_trouble(self) -> None:
        """What cannot be told now is no wrong password, nor is a bug."""
        for error, code in (
            (TemporaryFailure("no directory"), b"454 4.7.0"),
            (ZeroDivisionError(), b"451 4.3.0"),
            (UnauthorizedLogin(), b"535 5.7.8"),
        ):
            world = World("submission")
            world.at_login = error
            conversation = world.converse()
            conversation.feed(HELLO)
            conversation.heard()
            self.assertTrue(conversation.say(LOGIN).startswith(code))

    def test_refused_by_the_mechanism(self) -> None:
        """Credentials nobody can have are answered as wrong ones."""
        conversation = World("submission").converse()
        conversation.feed(HELLO)
        conversation.heard()
        # NUL NUL: neither a name nor a password.
        self.assertIn(b"535 5.7.8", conversation.say(b"AUTH PLAIN AAA=\r\n"))

    def test_login_without_a_portal(self) -> None:
        """Nobody can log in where there is nobody to ask."""
        world = World("submission")
        world.portal = None
        conversation = world.converse()
        self.assertNotIn(b"AUTH", conversation.say(HELLO))
        self.assertIn(b"504 5.5.4", conversation.say(LOGIN))

    def test_trusted_path_only(self) -> None:
        """AUTH= of MAIL has to be a mailbox (RFC 4954 section 5)."""
        conversation = World("submission").converse()
        conversation.feed(HELLO + LOGIN)
        conversation.heard()
        for value in (b"", b"=a", b"=a+20b+40c.example+3E"):
            reply = conversation.say(b"MAIL FROM:<a@b.example> AUTH" + value + b"\r\n")
            self.assertTrue(reply.startswith(b"501 5.5.4"), value)

    def test_abort_fails(self) -> None:
        """A transaction that cannot be dropped is reported, and dropped."""
        world = World()
        conversation = world.converse()
        conversation.feed(HELLO + b"MAIL FROM:<>\r\n")
        conversation.heard()
        world.last.abort_fails = True
        self.assertEqual(conversation.say(b"RSET\r\n"), b"250 2.0.0 OK\r\n")
        self.assertEqual(len(world.reported), 1)

    def test_not_utf8(self) -> None:
        """A command is ASCII or UTF-8, its verb ASCII."""
        conversation = World().converse()
        self.assertIn(b"501 5.5.4", conversation.say(b"NOOP \xff\r\n"))
        self.assertIn(b"500 5.5.1", conversation.say(b"N\xff\r\n"))

    def test_lost_in_data(self) -> None:
        """A message that broke off is dropped (RFC 5321 section 4.1.1.4)."""
        world = World()
        conversation = world.converse()
        conversation.feed(HELLO + ENVELOPE + b"half a message\r\n")
        conversation.lose()
        self.assertEqual((world.last.aborted, world.last.finished), (1, False))

    def test_accepted_is_not_aborted(self) -> None:
        """A message that was taken is the receiver's."""
        world = World()
        conversation = world.converse()
        conversation.feed(HELLO + ENVELOPE + b"text\r\n.\r\nRSET\r\nQUIT\r\n")
        conversation.lose()
        self.assertEqual((world.last.aborted, world.last.finished), (0, True))
        self.assertEqual(world.last.content, b"text\r\n")

    def test_back_pressure(self) -> None:
        """While the receiver asks to wait, nothing more is read or answered."""
        world = World()
        conversation = world.converse()
        conversation.feed(HELLO + ENVELOPE)
        conversation.heard()
        slow = world.last.wait_for = Deferred()
        conversation.feed(b"one\r\n")
        conversation.feed(b"two\r\n.\r\nNOOP\r\n")
        self.assertTrue(conversation.waiting)
        self.assertEqual(world.last.content, b"one")
        self.assertEqual(conversation.heard(), b"")
        slow.callback(None)
        self.assertEqual(world.last.content, b"one\r\ntwo\r\n")
        self.assertEqual(
            conversation.heard(), b"250 2.0.0 OK id=T1\r\n250 2.0.0 OK\r\n"
        )

    def test_refused_while_writing(self) -> None:
        """The rest of a refused message is read and not handed on."""
        for late in (False, True):
            world = World()
            conversation = world.converse()
            conversation.feed(HELLO + ENVELOPE)
            conversation.heard()
            if late:
                slow = world.last.wait_for = Deferred()
                conversation.feed(b"one\r\n")
                slow.errback(InsufficientStorage("disk"))
            world.last.refuse = InsufficientStorage("disk")
            self.assertEqual(
                conversation.say(b"two\r\nQUIT\r\n.\r\nNOOP\r\n"),
                b"452 4.3.1 Insufficient system storage\r\n250 2.0.0 OK\r\n",
            )
            self.assertEqual((world.last.aborted, world.last.finished), (1, False))

    def test_own_bugs(self) -> None:
        """A bug is reported, and the peer is told nothing of it."""
        world = World()
        conversation = world.converse()
        conversation.feed(HELLO + b"MAIL FROM:<>\r\n")
        conversation.heard()
        fixed = b"451 4.3.0 Local error, try again later\r\n"
        self.assertEqual(conversation.say(b"RCPT TO:<bug@example.org>\r\n"), fixed)
        conversation.say(b"RCPT TO:<c@example.org>\r\nDATA\r\n")
        world.last.refuse = ZeroDivisionError("secret text")
        self.assertEqual(conversation.say(b"text\r\n.\r\n"), fixed)
        self.assertEqual(len(world.reported), 2)

    def test_wrong_number_of_verdicts(self) -> None:
        """A receiver that forgets a recipient has not taken the message."""
        world = World()
        conversation = world.converse()
        conversation.feed(HELLO + ENVELOPE)
        conversation.heard()
        world.last.recipients.clear()
        self.assertIn(b"451 4.3.0", conversation.say(b".\r\n"))
        self.assertEqual(len(world.reported), 1)

    def test_stop_while_a_step_runs(self) -> None:
        """The answer that is being made comes before the goodbye."""
        world = World()
        conversation = world.converse()
        conversation.feed(HELLO + ENVELOPE)
        conversation.heard()
        slow = world.last.wait_for = Deferred()
        conversation.feed(b"text\r\n.\r\n")
        conversation.stop()
        self.assertEqual(conversation.heard(), b"")
        slow.callback(None)
        self.assertEqual(
            conversation.heard(),
            b"250 2.0.0 OK id=T1\r\n421 4.3.2 Shutting down, closing\r\n",
        )

    def test_timeout(self) -> None:
        """More time inside DATA (RFC 5321 section 4.5.3.2)."""
        conversation = World().converse()
        self.assertEqual(conversation.server.timeout, 300.0)
        conversation.feed(HELLO + ENVELOPE)
        self.assertEqual(conversation.server.timeout, 600.0)
        conversation.feed(b".\r\n")
        self.assertEqual(conversation.server.timeout, 300.0)
