"""Lines that are too long, and lines of a dialogue that announce a literal."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.limits import IMAPLimits
from tests.imap.world import World


class LineTests(SynchronousTestCase):
    """Nothing of a refused line is ever run as a command."""

    def setUp(self) -> None:
        self.world = World(
            limits=IMAPLimits(line=200, passed_over=1000, login_command=60)
        )

    def test_line(self) -> None:
        """A line that is too long is refused when it ends (RFC 2683)."""
        for command, answer in (
            (b"a NOOP " + b"x" * 300, b"a BAD Line too long"),
            (b"a" * 300 + b" NOOP", b"* BAD Line too long"),
            (b" " * 300, b"* BAD Line too long"),
            (b"a CREATE {3+}\r\nabc" + b"x" * 300, b"a BAD Line too long"),
            (b"a X " + b"x" * 300 + b" {9+}\r\nz NOOP\r\n y", b"a BAD Line too long"),
        ):
            for reads in (
                [command],
                [command[at : at + 1] for at in range(len(command))],
            ):
                made = self.world.logged_in()
                for read in reads:
                    self.assertEqual(made.say(read), b"")
                self.assertEqual(made.say(b"\r"), b"")
                heard = made.say(b"\nb NOOP\r\n")
                self.assertEqual(heard, answer + b"\r\nb OK NOOP completed\r\n")
        made = self.world.logged_in()
        octets = b"a X " + b"x" * 300 + b" {9}\r\nb NOOP\r\n"
        heard = made.say(octets)
        self.assertEqual(heard, b"a BAD Line too long\r\nb OK NOOP completed\r\n")

    def test_endless_line(self) -> None:
        """Without a line's end there is no next command, and no bound on waiting."""
        made = self.world.logged_in()
        for _ in range(10):
            self.assertEqual(made.say(b"a" * 100), b"")
        self.assertLess(len(made.server._framer._held), 50)  # type: ignore[attr-defined]
        self.assertEqual(made.say(b"a" * 100), b"* BYE Line too long\r\n")
        self.assertTrue(made.closed)

    def test_line_before_login(self) -> None:
        """Strangers get shorter lines, and as much as others after the login."""
        made = self.world.connect()
        heard = made.say(b"a LOGIN alice " + b"x" * 60 + b"\r\n")
        self.assertEqual(heard, b"a BAD Line too long\r\n")
        made = self.world.connect()
        heard = made.say(b"a LOGIN alice secret\r\nb CREATE " + b"x" * 60 + b"\r\n")
        self.assertIn(b"b OK", heard)

    def test_line_of_a_dialogue(self) -> None:
        """Neither IDLE nor AUTHENTICATE reads without end."""
        made = self.world.logged_in()
        made.say(b"a IDLE\r\n")
        self.assertIn(b"BYE", made.say(b"x" * 101))
        made = self.world.connect()
        made.say(b"a AUTHENTICATE PLAIN\r\n")
        self.assertIn(b"BYE", made.say(b"x" * 61))

    def test_literal_of_a_dialogue(self) -> None:
        """What a line announces is no command, even if the line makes no sense.

        Source: RFC 7888 section 3.
        """
        for begun, answer in (
            (b"a IDLE", b"a BAD expected DONE"),
            (b"a AUTHENTICATE PLAIN", b"a BAD expected base64"),
        ):
            made = self.world.connect()
            if b"IDLE" in begun:
                made.say(b"z LOGIN alice secret\r\n")
            made.say(begun + b"\r\n")
            octets = b"b X {8+}\r\nc NOOP\r\n {8+}\r\nd NOOP\r\n {9}\r\ne NOOP\r\n"
            expected = answer + b"\r\ne OK NOOP completed\r\n"
            self.assertEqual(made.say(octets), expected)
            made.say(begun + b"\r\n")
            self.assertEqual(made.say(b"b X {8+}\r\nc NOOP"), answer + b"\r\n")
            heard = made.say(b"\r\n rest\r\ne NOOP\r\n")
            self.assertEqual(heard, b"e OK NOOP completed\r\n")
            made.say(begun + b"\r\n")
            self.assertIn(b"* BYE [TOOBIG]", made.say(b"b {100000000000+}\r\n"))
