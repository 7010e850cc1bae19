"""Tests of matching that forgives."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.imap.cursor import Cursor
from mailframe.imap.fuzzy import _distance, grade, similarity
from mailframe.imap.search import SearchRequest, parse_search
from mailframe.imap.search_run import run_scored
from mailframe.model.uid_set import UIDSet
from tests.imap.message_context import FakeContext, ViewTestCase

_DAY = 86_400
_WORDS = st.text("ABE", max_size=7)


def slow_distance(one: str, other: str) -> int:
    """Return in how many letters two words differ, by recursion."""
    if not one or not other:
        return len(one) + len(other)
    found = min(
        slow_distance(one[1:], other) + 1,
        slow_distance(one, other[1:]) + 1,
        slow_distance(one[1:], other[1:]) + (one[0] != other[0]),
    )
    if one[:2] == other[1::-1] and len(one) > 1 and len(other) > 1:
        found = min(found, slow_distance(one[2:], other[2:]) + 1)
    return found


class SimilarityTests(SynchronousTestCase):
    """Of two words."""

    def test_alike(self) -> None:
        """The nearer, the higher; what has nothing in common has nothing."""
        same = similarity("SERVER", "SERVER")
        longer = similarity("SERVER", "SERVERS")
        misspelt = similarity("SERVER", "SEVRER")
        self.assertEqual(same, 100)
        self.assertTrue(same > longer > misspelt > 0)
        for one, other in (
            ("SWIM", "SWUM"),
            ("BREAK", "BROKEN"),
            ("RELEVANCE", "RELEVANCY"),
            ("MAIL", "EMAILS"),
            ("HELO", "HELLO"),
        ):
            self.assertGreater(similarity(one, other), 0, (one, other))
            self.assertEqual(similarity(one, other), similarity(other, one))
        for one, other in (("A", "AB"), ("IN", "ON"), ("SERVER", "HOLIDAY"), ("", "A")):
            self.assertEqual(similarity(one, other), 0, (one, other))

    @settings(max_examples=100, deadline=None)
    @given(_WORDS, _WORDS)
    def test_range(self, one: str, other: str) -> None:
        """0 to 100, and 100 only for the same."""
        score = similarity(one, other)
        self.assertTrue(0 <= score <= 100)
        self.assertEqual(score == 100, one == other)

    @settings(max_examples=100, deadline=None)
    @given(st.text("AB", max_size=5), st.text("AB", max_size=5))
    def test_distance(self, one: str, other: str) -> None:
        """As counted slowly, up to the most that is asked for."""
        short, long = sorted((one, other), key=len)
        found = _distance(short, long, 2)
        self.assertEqual(min(found, 3), min(slow_distance(short, long), 3))


class GradeTests(SynchronousTestCase):
    """Of what is looked for in some texts."""

    def test_grades(self) -> None:
        """All words must be there, or like some that are."""
        texts = ["THE BROKEN IMAP SERVER", "HELLO, WORLD"]
        self.assertEqual(grade("IMAP SERVER", texts), 100)
        self.assertEqual(grade("O, W", texts), 100)
        self.assertEqual(grade("SERVER IMAP", texts), 90)
        self.assertTrue(0 < grade("IMAP SERVRE", texts) < 90)
        self.assertEqual(grade("IMAP HOLIDAY", texts), 0)
        self.assertEqual(grade("...", texts), 0)
        self.assertEqual(grade("A", []), 0)

    def test_long_texts(self) -> None:
        """Neither long words nor many take long."""
        words = " ".join("W" * (n % 90) + str(n) for n in range(30_000))
        self.assertEqual(grade("X" * 5000, [words]), 0)
        self.assertGreater(grade(" ".join(["W1"] * 500), [words]), 0)


class SearchTests(ViewTestCase):
    """What is found, and its scores."""

    def found(self, context: FakeContext, query: bytes) -> dict[int, int]:
        request: SearchRequest = parse_search(Cursor(query))
        found = self.wait(run_scored(context, request))
        self.assertEqual(UIDSet.of(found.scores), found.uids)
        return found.scores

    def test_texts(self) -> None:
        """Of headers more than of bodies; decoded before they are compared."""
        context = self.context(
            [
                b"Subject: the server\r\n\r\nx\r\n",
                b"Subject: x\r\n\r\nthe server\r\n",
                b"Subject: =?utf-8?q?=73ervre?=\r\n\r\nx\r\n",
                b"Subject: x\r\n\r\nx\r\n",
            ]
        )
        scores = self.found(context, b"FUZZY TEXT server")
        self.assertEqual(scores[1], 100)
        self.assertEqual(scores[2], 80)
        self.assertTrue(0 < scores[3] < 100)
        self.assertEqual(set(self.found(context, b"FUZZY SUBJECT server")), {1, 3})
        self.assertEqual(set(self.found(context, b"FUZZY BODY servers")), {2})
        found = self.found(context, b"FUZZY OR SUBJECT server BODY server")
        self.assertEqual(set(found), {1, 2, 3})
        self.assertEqual(
            set(self.found(context, b"FUZZY NOT SUBJECT server")), {2, 3, 4}
        )
        self.assertEqual(self.found(context, b"FUZZY FUZZY SUBJECT server")[1], 100)
        found = self.found(context, b'FUZZY (SUBJECT "" BODY "" TEXT "")')
        self.assertEqual(set(found), {1, 2, 3, 4})

    def test_dates_and_sizes(self) -> None:
        """What is farther away has less, and nothing at last."""
        context = self.context(
            [b"Subject: x\r\n\r\n" + b"x" * 10 * n + b"\r\n" for n in range(12)],
            dates=[n * _DAY for n in range(12)],
        )
        scores = self.found(context, b"FUZZY ON 5-Jan-1970")
        self.assertEqual(scores[5], 100)
        self.assertTrue(100 >= scores[6] > scores[7] > scores[10] > 0)
        self.assertEqual(scores[12], 14)
        self.assertEqual(
            set(self.found(context, b"FUZZY SINCE 11-Jan-1970")), {*range(5, 13)}
        )
        large = self.found(context, b"FUZZY LARGER 100")
        self.assertTrue(0 < large[8] < large[9] <= 100)
        self.assertNotIn(1, large)
        small = self.found(context, b"FUZZY SMALLER 40")
        self.assertEqual(small[1], 100)
        self.assertNotIn(12, small)

    def test_exact(self) -> None:
        """Flags, numbers and the Date field match or do not."""
        context = self.context(
            [b"Date: 1 Jan 1990 00:00:00 +0000\r\n\r\n", b"\r\n"],
            [frozenset(("\\Seen",)), frozenset()],
        )
        for query, uids in (
            (b"FUZZY SEEN", {1}),
            (b"FUZZY 2", {2}),
            (b"FUZZY UID 1", {1}),
            (b"FUZZY SENTON 1-Jan-1990", {1}),
            (b"FUZZY ALL", {1, 2}),
        ):
            self.assertEqual(self.found(context, query), dict.fromkeys(uids, 100))
