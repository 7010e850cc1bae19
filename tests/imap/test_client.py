"""The IMAP client: what it says and what it understands, however octets are cut."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax, LineTooLong, TooLarge
from mailframe.imap import client as module
from mailframe.imap.client import Content, Exists, Idling, IMAPClient, Reply
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.model.secret import Secret
from mailframe.sasl.client import Carrier, Login
from tests.client_events import feed

LOGIN = Login(b"ann", Secret(b'pa"ss'))
SAFE = Carrier(True, b"n" * 18)
UNSAFE = Carrier(False, b"n" * 18)
STEPS = (0, 1, 2, 3, 7)


def greeted() -> IMAPClient:
    """Return a client that was greeted."""
    client = IMAPClient()
    feed(client, b"* OK hello\r\n")
    return client


class DialogueTests(SynchronousTestCase):
    """Commands and responses."""

    def test_greeting(self) -> None:
        """OK, PREAUTH and BYE are told apart."""
        for line, ok, inside in (
            (b"* OK hi\r\n", True, False),
            (b"* PREAUTH hi\r\n", True, True),
            (b"* BYE hi\r\n", False, False),
        ):
            client = IMAPClient()
            self.assertEqual(feed(client, line, 1), [Reply(ok, b"hi")])
            self.assertEqual(client.authenticated, inside)

    def test_command(self) -> None:
        """Untagged responses come with the reply; literals of others are skipped."""
        said = b'* LIST () "/" {5}\r\na1 OK\r\n* SEARCH 1 2\r\n* 3 EXISTS\r\n'
        for step in STEPS:
            client = greeted()
            client.command(b"NOOP")
            self.assertEqual(client.take_output(), b"a1 NOOP\r\n")
            (reply,) = feed(client, said + b"a1 OK [X] done {3}\r\n", step)
            lines = (b'LIST () "/" {5}', b"SEARCH 1 2", b"3 EXISTS")
            self.assertEqual(reply, Reply(True, b"[X] done {3}", lines))
            self.assertEqual(client.messages, 3)

    def test_message(self) -> None:
        """A message is streamed, whatever stands round it."""
        for step in STEPS:
            client = greeted()
            client.retrieve(7)
            client.take_output()
            said = b'* 2 FETCH (FLAGS (\\Seen))\r\n* 1 FETCH (X "a" BODY[] {9}\r\n'
            said += b"a1 OK\r\n{} UID 7)\r\na1 OK x\r\n"
            content, reply = feed(client, said, step)
            self.assertEqual(content, Content(b"a1 OK\r\n{}"))
            self.assertEqual(reply.lines[1], b'1 FETCH (X "a" BODY[] {9} UID 7)')

    def test_quoted_message(self) -> None:
        """A short one may come in quotes."""
        client = greeted()
        client.retrieve(7)
        said = b'* 1 FETCH (UID 7 BODY[] "a\\"b\\\\")\r\na1 OK x\r\n'
        content, reply = feed(client, said, 1)
        self.assertEqual(content, Content(b'a"b\\'))
        self.assertEqual(reply.lines, (b"1 FETCH (UID 7 BODY[] {4})",))

    def test_empty_message(self) -> None:
        """One of no octets has no content, and is there."""
        client = greeted()
        client.retrieve(7)
        (reply,) = feed(client, b"* 1 FETCH (UID 7 BODY[] {0}\r\n)\r\na1 OK x\r\n", 1)
        self.assertEqual(reply.lines, (b"1 FETCH (UID 7 BODY[] {0})",))

    def test_idle(self) -> None:
        """News come while idling; DONE ends it."""
        for step in STEPS:
            client = greeted()
            client.idle()
            self.assertEqual(client.take_output(), b"a1 IDLE\r\n")
            events = feed(client, b"+ idling\r\n* OK still\r\n* 4 EXISTS\r\n", step)
            self.assertEqual(events, [Idling(), Exists(4)])
            client.done()
            self.assertEqual(client.take_output(), b"DONE\r\n")
            self.assertEqual(feed(client, b"a1 OK x\r\n", step), [Reply(True, b"x")])

    def test_counts(self) -> None:
        """EXPUNGE is counted, and never below nothing."""
        client = greeted()
        client.command(b"NOOP")
        feed(client, b"* 1 EXISTS\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n")
        self.assertEqual((client.messages, client.expunged), (0, 1))

    def test_bad(self) -> None:
        """What no IMAP server says ends it."""
        for said in (b"hello\r\n", b"a2 OK x\r\n", b"+ go on\r\n", b"a1 WHAT x\r\n"):
            client = greeted()
            client.command(b"NOOP")
            self.assertRaises(BadSyntax, feed, client, said)
        self.assertRaises(BadSyntax, feed, greeted(), b"a0 OK\r\n")
        self.assertRaises(BadSyntax, feed, IMAPClient(), b"+OK pop\r\n")

    def test_bounds(self) -> None:
        """Lines, literals and answers have an end."""
        self.patch(module, "LINE", 100)
        self.patch(module, "ANSWER", 150)
        self.assertRaises(LineTooLong, feed, greeted(), b"* " + b"x" * 100, 7)
        self.assertRaises(LineTooLong, feed, greeted(), b"* {1}\r\nx" * 30, 7)
        self.assertRaises(TooLarge, feed, greeted(), b"* X {9999999}\r\n")
        client = greeted()
        client.command(b"NOOP")
        self.assertRaises(TooLarge, feed, client, b"* 1 FETCH (UID 1)\r\n" * 20)

    def test_many_empty_literals(self) -> None:
        """Thousands of literals in one response are nothing special."""
        client = greeted()
        client.command(b"NOOP")
        (reply,) = feed(client, b"* X" + b" {0}\r\n" * 5000 + b"\r\na1 OK x\r\n")
        self.assertTrue(reply.ok)

    def test_before_tls(self) -> None:
        """What was put behind the reply to STARTTLS is not taken for TLS's."""
        client = greeted()
        client.command(b"STARTTLS")
        client.receive(b"a1 OK go\r\n* PREAUTH injected\r\n")
        self.assertEqual(client.next_event(), Reply(True, b"go"))
        self.assertRaises(BadSyntax, client.tls_started)

    def test_greeting_before_tls(self) -> None:
        """Who said PREAUTH before TLS is not known."""
        client = IMAPClient()
        feed(client, b"* PREAUTH hi\r\n")
        client.tls_started()
        self.assertFalse(client.authenticated)


class LoginTests(SynchronousTestCase):
    """Who we are."""

    def test_plain(self) -> None:
        """The response goes with the command where SASL-IR is there, else after."""
        client = greeted()
        client.log_in(frozenset({b"AUTH=PLAIN", b"SASL-IR"}), LOGIN, SAFE)
        self.assertEqual(
            client.take_output(), b"a1 AUTHENTICATE PLAIN AGFubgBwYSJzcw==\r\n"
        )
        self.assertEqual(feed(client, b"a1 OK in\r\n"), [Reply(True, b"in")])
        client = greeted()
        client.log_in(frozenset({b"AUTH=PLAIN"}), LOGIN, SAFE)
        self.assertEqual(client.take_output(), b"a1 AUTHENTICATE PLAIN\r\n")
        feed(client, b"+ \r\n")
        self.assertEqual(client.take_output(), b"AGFubgBwYSJzcw==\r\n")

    def test_login(self) -> None:
        """Without SASL there is LOGIN, its words in quotes."""
        client = greeted()
        client.log_in(frozenset({b"IMAP4REV1"}), LOGIN, SAFE)
        self.assertEqual(client.take_output(), b'a1 LOGIN "ann" "pa\\"ss"\r\n')

    def test_no_secret_in_the_clear(self) -> None:
        """Without TLS, and where LOGIN is disabled, no password is shown."""
        offers = ({b"AUTH=PLAIN"}, {b"LOGINDISABLED"}, {b"IMAP4REV1"})
        for offer, carrier in zip(offers, (UNSAFE, SAFE, UNSAFE), strict=True):
            client = greeted()
            self.assertRaises(
                UnauthorizedLogin, client.log_in, frozenset(offer), LOGIN, carrier
            )
            self.assertEqual(client.take_output(), b"")

    def test_no_line_break(self) -> None:
        """A password that cannot be quoted is not sent by LOGIN."""
        for secret in (b"x\r\ny", b"x\0y"):
            login = Login(b"ann", Secret(secret))
            self.assertRaises(
                UnauthorizedLogin, greeted().log_in, frozenset(), login, SAFE
            )

    def test_server_without_proof(self) -> None:
        """A server that says yes to SCRAM too early is not believed."""
        client = greeted()
        client.log_in(frozenset({b"AUTH=SCRAM-SHA-256"}), LOGIN, UNSAFE)
        feed(client, b"+ \r\n")
        self.assertRaises(UnauthorizedLogin, feed, client, b"a1 OK\r\n")
