"""Tests of :mod:`mailframe.mime.received`."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.mime.received import received_count


class ReceivedTests(SynchronousTestCase):
    """RFC 5321 section 6.3: mail that goes round is noticed by its trace."""

    def test_count(self) -> None:
        """Fields of that name count, in any case."""
        header = b"Received: x\r\n\tfor y\r\nX-Received: no\r\nRECEIVED: z\r\n\r\n"
        self.assertEqual(received_count(header), 2)
        self.assertEqual(received_count(b""), 0)
