"""Every bound on what a session may use."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mailframe.limits import SMTPLimits
from tests.smtp.test_server import ENVELOPE, HELLO
from tests.smtp.world import World

_WRONG = b"AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHdyb25n\r\n"


class LimitTests(SynchronousTestCase):
    """What is too much gets its reply, at any cut of the network."""

    def _heard(self, octets: bytes, service: str = "smtp", **limits: Any) -> bytes:
        """Return all that is heard, having checked that the cut does not matter."""
        heard = set()
        for size in (1, 1000, len(octets)):
            conversation = World(service, SMTPLimits(**limits)).converse()
            for start in range(0, len(octets), size):
                conversation.feed(octets[start : start + size])
            self.closed = conversation.closed
            heard.add(conversation.heard())
        self.assertEqual(len(heard), 1)
        return heard.pop()

    def test_errors(self) -> None:
        """The last error allowed ends the session."""
        heard = self._heard(b"FOO\r\n" * 5, errors=3)
        self.assertEqual(heard.count(b"500 5.5.1"), 3)
        self.assertTrue(heard.endswith(b"421 4.7.0 Too many errors, closing\r\n"))
        self.assertTrue(self.closed)

    def test_long_lines_are_errors(self) -> None:
        """A line that is too long is one error (RFC 5321 section 4.5.3.1.9)."""
        heard = self._heard(b"NOOP " + b"x" * 5000 + b"\r\nNOOP\r\n")
        self.assertEqual(
            heard,
            b"500 5.5.2 Syntax error, expected a line of at most 4096 octets\r\n"
            b"250 2.0.0 OK\r\n",
        )
        heard = self._heard((b"x" * 50 + b"\r\n") * 3, command_line=20, errors=2)
        self.assertTrue(heard.endswith(b"421 4.7.0 Too many errors, closing\r\n"))
        self.assertEqual(heard.count(b"\r\n"), 3)

    def test_endless_line(self) -> None:
        """A line that never ends is not listened to for ever."""
        heard = self._heard(b"x" * 3000, command_line=20, passed_over=1000)
        self.assertEqual(heard, b"421 4.7.0 Too many errors, closing\r\n")
        self.assertTrue(self.closed)
        # What was passed over of one line does not count for the next.
        line = b"x" * 900 + b"\r\n"
        heard = self._heard(line * 5, command_line=20, passed_over=1000)
        self.assertEqual(heard.count(b"500 5.5.2"), 5)

    def test_endless_message(self) -> None:
        """A message that is too large and has no end is answered before it."""
        endless = HELLO + ENVELOPE + b"text\r\n" * 10
        heard = self._heard(endless, message_size=20, unwanted=10)
        self.assertTrue(
            heard.endswith(
                b"\r\n552 5.3.4 Message too large\r\n"
                b"421 4.7.0 Too much that is not wanted, closing\r\n"
            )
        )
        self.assertTrue(self.closed)
        lmtp = endless.replace(b"EHLO", b"LHLO").replace(
            b"DATA", b"RCPT TO:<second@example.org>\r\nDATA"
        )
        heard = self._heard(lmtp, "lmtp", message_size=20, unwanted=10)
        self.assertEqual(heard.count(b"552 5.3.4"), 2)
        self.assertEqual(heard.count(b"421 4.7.0"), 1)

    def test_unwanted_chunk(self) -> None:
        """A chunk of no message is read, unless it is too large for that."""
        self.assertEqual(
            self._heard(b"BDAT 10\r\n1234567890QUIT\r\n", unwanted=10),
            b"503 5.5.1 MAIL first\r\n221 2.0.0 Bye\r\n",
        )
        self.assertEqual(
            self._heard(b"BDAT 11\r\n12345678901QUIT\r\n", unwanted=10),
            b"503 5.5.1 MAIL first\r\n"
            b"421 4.7.0 Too much that is not wanted, closing\r\n",
        )

    def test_longest_line(self) -> None:
        """The limit counts the CRLF."""
        self.assertIn(b"250 ", self._heard(b"NOOP 1234\r\n", command_line=11))
        self.assertIn(b"500 ", self._heard(b"NOOP 12345\r\n", command_line=11))

    def test_a_message_clears_the_errors(self) -> None:
        """Who has a message accepted begins to be counted anew."""
        octets = HELLO + (b"FOO\r\n" * 2 + ENVELOPE + b".\r\n") * 3 + b"NOOP\r\n"
        self.assertTrue(self._heard(octets, errors=3).endswith(b"OK\r\n"))

    def test_unknown_recipients(self) -> None:
        """Who tries names is sent away; who logged in or speaks LMTP is not."""
        octets = b"MAIL FROM:<>\r\n" + b"RCPT TO:<nobody@example.org>\r\n" * 5
        self._heard(HELLO + octets, errors=3)
        self.assertTrue(self.closed)
        self._heard(b"LHLO x\r\n" + octets, "lmtp", errors=3)
        self.assertFalse(self.closed)

    def test_idle_commands(self) -> None:
        """Commands in a row that move no mail."""
        heard = self._heard(b"NOOP\r\nRSET\r\n" * 10, idle_commands=5)
        self.assertEqual(heard.count(b"250 "), 5)
        self.assertTrue(
            heard.endswith(b"421 4.7.0 Too many commands without mail, closing\r\n")
        )

    def test_messages_are_not_idle(self) -> None:
        """Each message begins the count anew."""
        octets = HELLO + (b"NOOP\r\n" + ENVELOPE + b".\r\n") * 10
        self._heard(octets, idle_commands=5)
        self.assertFalse(self.closed)

    def test_recipients_without_end(self) -> None:
        """Some recipients too many are put off, very many end the session."""
        octets = HELLO + b"MAIL FROM:<>\r\n" + b"RCPT TO:<a@example.org>\r\n" * 8
        heard = self._heard(octets, recipients=3)
        self.assertEqual(heard.count(b"250 2.1.5"), 3)
        self.assertEqual(heard.count(b"452 4.5.3"), 3)
        self.assertTrue(heard.endswith(b"421 4.7.0 Too many errors, closing\r\n"))

    def test_login_attempts(self) -> None:
        """The last failed login allowed ends the session."""
        heard = self._heard(HELLO + _WRONG * 5, "submission", login_attempts=3)
        self.assertEqual(heard.count(b"535 5.7.8"), 2)
        self.assertTrue(
            heard.endswith(b"421 4.7.0 Too many failed logins, closing\r\n")
        )

    def test_login_line(self) -> None:
        """A SASL response beyond its limit ends the exchange, not the session."""
        octets = HELLO + b"AUTH PLAIN\r\n" + b"A" * 200 + b"\r\nNOOP\r\n"
        heard = self._heard(octets, "submission", auth_line=100)
        self.assertTrue(
            heard.endswith(
                b"334 \r\n500 5.5.6 Authentication exchange line too long\r\n"
                b"250 2.0.0 OK\r\n"
            )
        )

    def test_initial_response(self) -> None:
        """The same limit holds for a response that comes with the command."""
        octets = HELLO + b"AUTH PLAIN " + b"A" * 200 + b"\r\nNOOP\r\n"
        heard = self._heard(octets, "submission", auth_line=100)
        self.assertIn(b"500 5.5.6 Authentication exchange line too long", heard)

    def test_text_line(self) -> None:
        """A line of the message has its own limit, CRLF counted."""
        octets = HELLO + ENVELOPE + b"x" * 18 + b"\r\n.\r\n"
        self.assertIn(b"250 2.0.0 OK id=", self._heard(octets, text_line=20))
        self.assertIn(b"554 5.6.0", self._heard(octets, text_line=19))

    def test_message_size(self) -> None:
        """The content counts, dot-stuffing does not (RFC 1870 section 3)."""
        octets = HELLO + ENVELOPE + b"..345678\r\n.\r\n"
        self.assertIn(b"250 2.0.0 OK id=", self._heard(octets, message_size=9))
        self.assertIn(b"552 5.3.4", self._heard(octets, message_size=8))

    def test_bare_line_end_is_said_first(self) -> None:
        """With several faults the reply is always the same one."""
        octets = HELLO + ENVELOPE + b"x" * 50 + b"\r\ny\nz\r\n.\r\n"
        heard = self._heard(octets, message_size=9, text_line=20)
        self.assertIn(b"550 5.6.11", heard)
