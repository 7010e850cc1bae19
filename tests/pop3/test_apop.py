"""APOP, and how often a user may come."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.pop3.extensions.apop import APOPDigest
from mailframe.pop3.login_delays import LoginDelays


class DigestTests(SynchronousTestCase):
    """Digests of others."""

    def test_rfc_1939(self) -> None:
        """The example of RFC 1939 section 7."""
        digest = APOPDigest(
            b"mrose",
            b"<1896.697170952@dbc.mtview.ca.us>",
            b"c4c9334bac560ecc979e58001b3e22fb",
        )
        self.assertTrue(digest.checkPassword(b"tanstaaf"))
        self.assertFalse(digest.checkPassword(b"tanstaa"))
        self.assertNotIn("c4c9", repr(digest))

    def test_prepared(self) -> None:
        """A client that prepares the password (RFC 6856 section 2.2) is right."""
        # "I" and a soft hyphen and "X" is "IX" (RFC 4013 section 3).
        digest = APOPDigest(b"a", b"<1@x>", b"9a5b034e61dd6cc77af70248a61d85bc")
        self.assertTrue(digest.checkPassword("I\u00adX".encode()))


class DelayTests(SynchronousTestCase):
    """Seconds between two logins."""

    def test_delay(self) -> None:
        """A user may come again when the seconds are over; others at any time."""
        now = [1000.0]
        delays = LoginDelays(60, lambda: now[0])
        self.assertTrue(delays.may_come("a"))
        delays.came("a")
        now[0] += 59
        self.assertFalse(delays.may_come("a"))
        self.assertTrue(delays.may_come("b"))
        now[0] += 1
        self.assertTrue(delays.may_come("a"))
