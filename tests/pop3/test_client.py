"""The POP3 client: what it says and what it understands, however octets are cut."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax, LineTooLong
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.model.secret import Secret
from mailframe.pop3.client import REPLY_LINE, Content, POP3Client, Reply
from mailframe.sasl.client import Carrier, Login
from tests.client_events import feed

LOGIN = Login(b"ann", Secret(b"pass"))
SAFE = Carrier(True, b"n" * 18)
UNSAFE = Carrier(False, b"n" * 18)


def greeted() -> POP3Client:
    """Return a client that was greeted."""
    client = POP3Client()
    feed(client, b"+OK hello\r\n")
    return client


def stuffed(content: bytes) -> bytes:
    """Return a message as RETR's answer has it."""
    lines = content.split(b"\r\n")
    dotted = [b"." + one if one.startswith(b".") else one for one in lines]
    return b"+OK\r\n" + b"\r\n".join(dotted) + b".\r\n"


class DialogueTests(SynchronousTestCase):
    """Commands and replies."""

    def test_listing(self) -> None:
        """Lines come without ends and dots, octet by octet as at once."""
        for step in (0, 1, 2, 3):
            client = POP3Client()
            self.assertEqual(feed(client, b"+OK hi\r\n", step), [Reply(True, b"hi")])
            client.listing(b"UIDL")
            self.assertEqual(client.take_output(), b"UIDL\r\n")
            got = feed(client, b"+OK\r\n1 abc\r\n..x\r\n.\r\n", step)
            self.assertEqual(got, [Reply(True, b"", (b"1 abc", b".x"))])

    def test_refused_listing(self) -> None:
        """A refusal has no lines."""
        client = greeted()
        client.listing(b"UIDL")
        self.assertEqual(feed(client, b"-ERR no\r\n"), [Reply(False, b"no")])

    def test_message(self) -> None:
        """Dots are taken out, wherever the octets are cut."""
        for content in (
            b"",
            b"\r\n",
            b".\r\n",
            b"a\r\n.b\r\n..\r\n\r.\r\n",
            b"\n.\r\n",
        ):
            for step in (0, 1, 2, 3, 4, 5):
                client = greeted()
                client.retrieve(7)
                self.assertEqual(client.take_output(), b"RETR 7\r\n")
                events = feed(client, stuffed(content), step)
                expected: list[Any] = [Content(content)] if content else []
                self.assertEqual(events, [*expected, Reply(True, b"")])
                client.command(b"NOOP")
                self.assertEqual(feed(client, b"+OK\r\n"), [Reply(True)])

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"a"])),
        st.integers(1, 9),
    )
    def test_any_message(self, pieces: list[bytes], step: int) -> None:
        """Any message of whole lines comes as it was sent."""
        content = b"".join(pieces) + b"\r\n"
        client = greeted()
        client.retrieve(1)
        events = feed(client, stuffed(content), step)
        self.assertEqual(events, [Content(content), Reply(True, b"")])

    def test_nothing_asked(self) -> None:
        """A reply to nothing ends it."""
        client = greeted()
        self.assertRaises(BadSyntax, feed, client, b"+OK\r\n")

    def test_not_a_reply(self) -> None:
        """So does what is no reply."""
        for line in (b"hello\r\n", b"+ x\r\n", b"+ok\r\n", b"\r\n"):
            self.assertRaises(BadSyntax, feed, POP3Client(), line)

    def test_long_line(self) -> None:
        """A line without an end is not waited for."""
        self.assertRaises(LineTooLong, feed, POP3Client(), b"+" * (REPLY_LINE + 1))

    def test_before_tls(self) -> None:
        """What was put behind the reply to STLS is not taken for TLS's."""
        client = greeted()
        client.command(b"STLS")
        client.receive(b"+OK\r\n+OK injected\r\n")
        self.assertEqual(client.next_event(), Reply(True))
        self.assertRaises(BadSyntax, client.tls_started)


class LoginTests(SynchronousTestCase):
    """Who we are."""

    def test_plain(self) -> None:
        """PLAIN waits for the server's prompt: the line may be long."""
        client = greeted()
        client.log_in((b"UIDL", b"sasl LOGIN plain"), LOGIN, SAFE)
        self.assertEqual(client.take_output(), b"AUTH PLAIN\r\n")
        self.assertEqual(feed(client, b"+ \r\n"), [])
        self.assertEqual(client.take_output(), b"AGFubgBwYXNz\r\n")
        self.assertEqual(feed(client, b"+OK in\r\n"), [Reply(True, b"in")])

    def test_user(self) -> None:
        """Without SASL there is USER and PASS, when CAPA was refused too."""
        for capabilities in ((), (b"USER",)):
            client = greeted()
            client.log_in(capabilities, LOGIN, SAFE)
            self.assertEqual(client.take_output(), b"USER ann\r\n")
            self.assertEqual(feed(client, b"+OK\r\n"), [])
            self.assertEqual(client.take_output(), b"PASS pass\r\n")
            self.assertEqual(feed(client, b"-ERR no\r\n"), [Reply(False, b"no")])

    def test_no_secret_in_the_clear(self) -> None:
        """Without TLS no password is shown."""
        for capabilities in ((), (b"SASL PLAIN LOGIN", b"USER")):
            client = greeted()
            self.assertRaises(
                UnauthorizedLogin, client.log_in, capabilities, LOGIN, UNSAFE
            )
            self.assertEqual(client.take_output(), b"")

    def test_no_line_break(self) -> None:
        """A password with a line break is not sent as a command."""
        login = Login(b"ann", Secret(b"x\r\nDELE 1"))
        client = greeted()
        self.assertRaises(UnauthorizedLogin, client.log_in, (), login, SAFE)

    def test_server_without_proof(self) -> None:
        """A server that says yes to SCRAM too early is not believed."""
        client = greeted()
        client.log_in((b"SASL SCRAM-SHA-256",), LOGIN, UNSAFE)
        feed(client, b"+ \r\n")
        self.assertRaises(UnauthorizedLogin, feed, client, b"+OK\r\n")
