"""Tests of sequence sets."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax
from mailframe.imap.cursor import Cursor
from mailframe.imap.sequence import SequenceSet, sequence_set
from mailframe.model.uid_set import UIDSet

_NUMBER = st.none() | st.integers(1, 40)
_RANGES = st.lists(st.tuples(_NUMBER, _NUMBER), min_size=1, max_size=6)
_UIDS = st.lists(st.integers(1, 40), unique=True, max_size=20).map(sorted)


def read(octets: bytes) -> SequenceSet:
    """Read a whole set."""
    cursor = Cursor(octets)
    found = sequence_set(cursor)
    cursor.end()
    return found


def written(ranges: list[tuple[int | None, int | None]]) -> bytes:
    """Write a set as a client would."""
    return b",".join(
        b":".join(b"*" if end is None else b"%d" % end for end in pair)
        for pair in ranges
    )


class SequenceSetTests(SynchronousTestCase):
    """RFC 9051 section 9 (sequence-set)."""

    def test_numbers_in_any_order(self) -> None:
        """The example of the RFC: a mailbox with 15 messages."""
        uids = range(101, 116)
        self.assertEqual(
            read(b"2,4:7,9,12:*").to_uids(uids, False),
            UIDSet.of([102, 104, 105, 106, 107, 109, 112, 113, 114, 115]),
        )
        self.assertEqual(
            read(b"*:4,5:7").to_uids(uids[:10], False), UIDSet(((104, 110),))
        )

    def test_numbers_of_a_mailbox_with_gaps(self) -> None:
        """A message number is a row, not a UID."""
        found = read(b"1:2,4").to_uids([3, 5, 9, 20], False)
        self.assertEqual(found, UIDSet.of([3, 5, 20]))
        found = read(b"2:3").to_uids([3, 5, 9, 20], False)
        self.assertEqual(found, UIDSet.of([5, 9]))

    def test_number_beyond_the_mailbox(self) -> None:
        """Which the server should answer with BAD."""
        for octets in (b"4", b"1:4", b"4:*", b"9:8"):
            self.assertRaises(BadSyntax, read(octets).to_uids, [1, 2, 3], False)
        self.assertRaises(BadSyntax, read(b"*").to_uids, [], False)

    def test_uid_range_beyond_the_last_has_the_last(self) -> None:
        """3291:* includes the last message, even if its UID is lower."""
        self.assertEqual(read(b"3291:*").to_uids([3, 5], True), UIDSet.of([5]))
        self.assertEqual(read(b"*:3291").to_uids([3, 5], True), UIDSet.of([5]))
        self.assertEqual(read(b"3291").to_uids([3, 5], True), UIDSet.EMPTY)

    def test_uids_of_an_empty_mailbox(self) -> None:
        """Are none, and no error."""
        self.assertEqual(read(b"1:*,7").to_uids([], True), UIDSet.EMPTY)

    def test_uids_beyond_the_view_are_cut_off(self) -> None:
        """Messages the client was not told of are not meant."""
        self.assertEqual(read(b"1:4294967295").to_uids([3, 5], True), UIDSet(((1, 5),)))

    def test_not_a_set(self) -> None:
        """Zero, empty members and numbers above 32 bits are refused."""
        for octets in (b"", b"0", b"a", b",1", b"4294967296", b"99999999999", b"-1"):
            self.assertRaises(BadSyntax, read, octets)
        for octets in (b"1,", b"1:", b"1:2:3", b"01:0", b"1 2", b"1,0"):
            self.assertRaises(BadSyntax, read, octets)

    def test_cached(self) -> None:
        """The same octets give the same object."""
        self.assertIs(read(b"1:3,7"), read(b"1:3,7"))

    @settings(max_examples=100, deadline=None)
    @given(_RANGES, _UIDS, st.booleans())
    def test_against_a_naive_model(
        self,
        ranges: list[tuple[int | None, int | None]],
        uids: list[int],
        by_uid: bool,
    ) -> None:
        """Every number is looked up by itself."""
        found = read(written(ranges))
        self.assertEqual(found.ranges, tuple(ranges))
        last = (uids[-1] if by_uid else len(uids)) if uids else 0
        wanted = set[int]()
        for pair in ranges:
            low, high = sorted(last if end is None else end for end in pair)
            wanted.update(range(low, high + 1))
        if by_uid:
            got = found.to_uids(uids, True)
            self.assertEqual({uid for uid in uids if uid in got}, wanted & set(uids))
        elif 0 in wanted or max(wanted) > len(uids):
            self.assertRaises(BadSyntax, found.to_uids, uids, False)
        else:
            self.assertEqual(
                set(found.to_uids(uids, False)), {uids[row - 1] for row in wanted}
            )

    def test_saved(self) -> None:
        """``$`` is the search result variable, which only a view knows."""
        self.assertTrue(read(b"$").saved)
        self.assertRaises(TypeError, read(b"$").to_uids, [1], True)

    def test_numbers(self) -> None:
        """To a search a number beyond the mailbox is no error."""
        for octets, count, wanted in (
            (b"1:3,5", 4, [1, 2, 3]),
            (b"3:9", 4, [3, 4]),
            (b"9:*", 4, [4]),
            (b"*", 0, []),
            (b"1:*", 0, []),
        ):
            found = [
                number
                for low, high in read(octets).numbers(count)
                for number in range(low, high + 1)
            ]
            self.assertEqual(found, wanted)

    @settings(max_examples=100, deadline=None)
    @given(
        st.binary(max_size=20) | st.text("0123456789:*,", max_size=20).map(str.encode)
    )
    def test_any_octets(self, octets: bytes) -> None:
        """Only BadSyntax comes of octets that are no set."""
        with contextlib.suppress(BadSyntax):
            found = read(octets)
            if not found.saved:
                found.to_uids([2, 4], False)
