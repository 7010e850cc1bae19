"""Slow senders on a whole connection: pump and session have one clock."""

from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mailframe.limits import IMAPLimits, SMTPLimits
from mailframe.net.imap import IMAPFactory
from mailframe.net.smtp import SMTPFactory
from tests.imap.world import World
from tests.smtp.test_server import ENVELOPE, HELLO
from tests.smtp.world import RecordingReceiver


class SlowSenderTests(SynchronousTestCase):
    """A transport, a pump, an SMTP session."""

    def setUp(self) -> None:
        """Connect."""
        self.clock = Clock()
        limits = SMTPLimits(timeout=300.0, data_timeout=600.0, data_rate=500)
        factory = SMTPFactory(RecordingReceiver(), reactor=self.clock, limits=limits)
        self.protocol: Any = factory.buildProtocol(None)
        self.transport = StringTransport()
        self.protocol.makeConnection(self.transport)

    def _drip(self, seconds: float, interval: float, octets: bytes = b"x") -> float:
        """Send some octets at intervals until we are cut off; return when that was."""
        begun = self.clock.seconds()
        while not self.transport.disconnecting:
            self.assertLess(self.clock.seconds() - begun, seconds)
            self.protocol.dataReceived(octets)
            self.clock.advance(interval)
        self.assertTrue(
            self.transport.value().endswith(b"421 4.4.2 Timed out, closing\r\n")
        )
        return self.clock.seconds() - begun

    def test_command(self) -> None:
        """An octet a minute is over when the time of a command is."""
        self.assertEqual(self._drip(1000, 60), 300)

    def test_silent(self) -> None:
        """So is silence."""
        self.clock.pump([100] * 4)
        self.assertTrue(self.transport.disconnecting)

    def test_message(self) -> None:
        """An octet a minute of a message is over with the time of the message."""
        self.protocol.dataReceived(HELLO + ENVELOPE)
        self.assertEqual(self._drip(2000, 60), 660)

    def test_too_slow(self) -> None:
        """Half the rate asked for is over in twice the time."""
        self.protocol.dataReceived(HELLO + ENVELOPE)
        self.assertEqual(self._drip(5000, 10, b"x" * 2500), 1190)


class SlowLoginTests(SynchronousTestCase):
    """A transport, a pump, an IMAP session."""

    def setUp(self) -> None:
        """Connect."""
        self.clock = Clock()
        world = World()
        limits = IMAPLimits(login_time=180.0, login_timeout=60.0, timeout=1800.0)
        factory = IMAPFactory(
            world.door,
            intake=world.intake,
            reactor=self.clock,
            limits=limits,
            allow_plaintext_auth=True,
        )
        self.protocol: Any = factory.buildProtocol(None)
        self.transport = StringTransport()
        self.protocol.makeConnection(self.transport)

    def _cut_off(self, octets: bytes, interval: float) -> float:
        """Send octets at intervals, as far as they go; return when the end came."""
        begun = self.clock.seconds()
        for octet in octets:
            self.protocol.dataReceived(bytes((octet,)))
            for _ in range(round(interval)):
                self.clock.advance(1)
                if self.transport.disconnecting:
                    return self.clock.seconds() - begun
        self.fail("not cut off")

    def test_before_login(self) -> None:
        """An octet a minute is over when the time before the login is."""
        self.assertEqual(self._cut_off(b"a NOOP\r\n", 50), 180)

    def test_silent_before_login(self) -> None:
        """Silence is over before."""
        self.assertEqual(self._cut_off(b"a NOOP\r\n", 100), 60)

    def test_command(self) -> None:
        """After it a command has its time, from its first octet on."""
        self.protocol.dataReceived(b"a LOGIN alice secret\r\n")
        self.assertIn(b"a OK", self.transport.value())
        self.clock.pump([100] * 17)
        # Each octet has given a little back, together less than a second.
        self.assertEqual(self._cut_off(b"a NOOP" * 9, 60), 1801)

    def test_idle(self) -> None:
        """Who idles has the time of silence."""
        self.protocol.dataReceived(b"a LOGIN alice secret\r\nb IDLE\r\n")
        self.clock.pump([1] * 1799)
        self.assertFalse(self.transport.disconnecting)
        self.clock.advance(1)
        self.assertTrue(self.transport.disconnecting)
