"""Tests of :mod:`mailframe.mime.received`."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.mime.received import received_count


class ReceivedTests(SynchronousTestCase):
    """RFC 5321 section 6.3: mail that goes round is noticed by its trace."""

    def test_count(self) -> None:
        """Fields of the header count, in any case; the body does not."""
        octets = (
            b"Received: x\r\n\tfor y\r\nX-Received: no\r\nRECEIVED: z\r\n\r\n"
            b"\r\nReceived: body\r\n"
        )
        self.assertEqual(received_count(octets), 2)
        self.assertEqual(received_count(b""), 0)
