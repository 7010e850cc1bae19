"""Tests of :mod:`mailframe.mime.date`."""

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.mime.date import date_header, sent, sent_day

CASES = (
    (b"Fri, 21 Nov 1997 09:55:06 -0600", 880127706, (1997, 11, 21)),
    (b"Tue, 1 Jul 2003 10:52:37 +0200", 1057049557, (2003, 7, 1)),
    (b"Thu,\t13 Feb 1969 23:32 -0330 (Newfoundland Time)", -27723480, (1969, 2, 13)),
    (b"21 Nov 97 09:55:06 GMT", 880106106, (1997, 11, 21)),
    (b"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880127706, (1997, 11, 21)),
    (b"(a(b)) 21 Nov 1997 09:55:06 EST", 880124106, (1997, 11, 21)),
    (b"21 Nov 1997 09:55:06 PDT", 880131306, (1997, 11, 21)),
    (b"21 Nov 1997 09:55:06 A", 880106106, (1997, 11, 21)),
    (b"21 Nov 1997 09:55:06 nowhere", 880106106, (1997, 11, 21)),
    (b"21 Nov 1997 09:55:06 +9900", 880106106, (1997, 11, 21)),
    (b"21 Nov 1997 09:55:06 +0099", 880106106, (1997, 11, 21)),
    (b"31 Dec 2000 16:01:33 -0800", 978307293, (2000, 12, 31)),
    (b"21 Nov 49 00:00 +0000", 2521065600, (2049, 11, 21)),
    (b"21 Nov 97", 880070400, (1997, 11, 21)),
    (b"21 Nov 097", 880070400, (1997, 11, 21)),
    (b"21 Nov 1997 25:00:00 +0100", 880070400, (1997, 11, 21)),
    (b"21 Nov 1997 noon", 880070400, (1997, 11, 21)),
    (b"Fri, 21-November-1997 09.55.06 +01:00", 880102506, (1997, 11, 21)),
    (b"Fri Nov 21 09:55:06 1997", 880106106, (1997, 11, 21)),
    (b"Fri Nov 21 09:55:06 -0600 1997", 880127706, (1997, 11, 21)),
    (b"1997-11-21T09:55:06.123-06:00", 880127706, (1997, 11, 21)),
    (b"1997-11-21", 880070400, (1997, 11, 21)),
)

NO_DATES = (
    b"",
    b"yesterday",
    b"32 Nov 1997 00:00:00 +0000",
    b"21 Xyz 1997 00:00:00 +0000",
    b"1 Jan 0000 00:00:00 +0000",
    b"1 Jan 12345 00:00:00 +0000",
    b"1997-13-01",
    b"(" * 1000,
)


class SentTests(SynchronousTestCase):
    """RFC 5322 sections 3.3 and 4.3: when a message was sent."""

    def test_dates(self) -> None:
        """Dates in all their forms name a moment and a day."""
        for value, epoch, day in CASES:
            self.assertEqual(sent(value), epoch, value)
            self.assertEqual(sent_day(value), date(*day), value)

    def test_no_dates(self) -> None:
        """What is no date is none."""
        for value in NO_DATES:
            self.assertIsNone(sent(value), value)
            self.assertIsNone(sent_day(value), value)

    @given(st.integers(min_value=-(10**9), max_value=10**10))
    @settings(max_examples=100)
    def test_written_and_read(self, epoch: int) -> None:
        """A moment written is read as the same moment."""
        self.assertEqual(sent(date_header(epoch)), epoch)

    @given(
        st.lists(
            st.sampled_from(
                (
                    *(b"Mon", b",", b" ", b"1", b"99", b"Jan", b"1997", b":", b"+0000"),
                    *(b"(", b")", b"-", b".", b"T", b"\xff", b"\n"),
                )
            )
        ).map(b"".join)
    )
    @settings(max_examples=100)
    def test_any_octets(self, value: bytes) -> None:
        """Any octets have a day when they have a moment."""
        self.assertEqual(sent(value) is None, sent_day(value) is None)


class WrittenTests(SynchronousTestCase):
    """RFC 5322 section 3.3: the form of a date."""

    def test_form(self) -> None:
        """A date has its day of the week, in English, and a zone."""
        self.assertEqual(date_header(880127706), b"Fri, 21 Nov 1997 15:55:06 +0000")
        self.assertEqual(date_header(0), b"Thu, 1 Jan 1970 00:00:00 +0000")
