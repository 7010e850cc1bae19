"""Tests of searching many headers at once."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.imap import search_run
from mailframe.imap.criterion import Candidate
from mailframe.imap.cursor import Cursor
from mailframe.imap.search import parse_search
from mailframe.imap.search_header import Header, HeaderBatch, Sent, values_of
from mailframe.imap.search_run import run_search
from mailframe.mime.text import casemap
from mailframe.model.flag import DELETED, FlagChange
from mailframe.model.uid_set import UIDSet
from tests.imap.message_context import ViewTestCase
from tests.imap.test_fetch import Passing

_LINES = (
    b"Subject: alpha",
    b"subject : Beta alpha",
    b"SUBJECT:x\r\n beta",
    b"Subject: x\r\n\tfolded needle",
    b"Subject: =?utf-8?b?w6TDpA==?=",
    b"Subject: =?utf-8?q?al=70ha?=",
    b"Subject: caf\xe9",
    "Subject: café".encode(),
    b"Subject:",
    b"Subjective: alpha",
    b"From: alpha <beta@example.org>",
    b"From:",
    b" alpha",
    b"not a field",
    b"",
)
_HEADERS = st.lists(
    st.lists(st.sampled_from(_LINES), max_size=5).map(b"\r\n".join), max_size=12
)
_NAMES = st.sampled_from((b"subject", b"from", b"to", b"sub.*", b"x\r\nsubject"))
_TEXTS = st.sampled_from(
    ("", "alpha", "ALPHA", "x beta", "ä", "cafe", "é", "=?", "a", "folded needle", ":")
)


def naive(header: bytes, name: bytes, text: str) -> bool:
    """Look at one header by itself."""
    message = Candidate(0, {})
    message.header = header
    return bool(Header(name, text).test(message))


class HeaderBatchTests(SynchronousTestCase):
    """What is found in a batch is what is found in each header."""

    @settings(max_examples=300, deadline=None)
    @given(_HEADERS, _NAMES, _TEXTS)
    def test_as_one_by_one(self, headers: list[bytes], name: bytes, text: str) -> None:
        """Folded, repeated, missing and broken fields, in any mixture."""
        text = casemap(text)
        wanted = {
            place for place, header in enumerate(headers) if naive(header, name, text)
        }
        self.assertEqual(Header(name, text).select(HeaderBatch(headers)), wanted)

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.binary(max_size=40), max_size=6), _NAMES, _TEXTS)
    def test_any_octets(self, headers: list[bytes], name: bytes, text: str) -> None:
        """Hostile headers neither fail nor move into each other."""
        key = Header(name, casemap(text))
        found = key.select(HeaderBatch(headers))
        wanted = {
            place
            for place, header in enumerate(headers)
            if naive(header, name, key.text)
        }
        self.assertEqual(found, wanted)

    def test_few_of_many(self) -> None:
        """The quick way to find who has a value, and when it must not be gone."""
        headers = [b"Subject: s%d\r\n\r\n" % place for place in range(100)]
        key = Header(b"subject", "S42")
        self.assertEqual(key.select(HeaderBatch(headers)), {42})
        # As many values as messages, but one has none and another has two.
        headers[3], headers[60] = b"X: y\r\n\r\n", b"Subject: a\r\nSubject: b\r\n\r\n"
        self.assertEqual(key.select(HeaderBatch(headers)), {42})
        self.assertEqual(Header(b"subject", "A").select(HeaderBatch(headers)), {60})

    def test_values(self) -> None:
        """Of one header, as they stand."""
        header = b"A: 1\r\nb: 2\r\n 3\r\na\t: 4\r\n\r\n"
        self.assertEqual(values_of(header, b"a"), [b" 1\r", b" 4\r"])
        self.assertEqual(values_of(header, b"B"), [b" 2\r\n 3\r"])

    def test_octets_for_an_index(self) -> None:
        """An index is asked for one piece of ASCII only."""
        for text, octets in (
            ("ABC", b"abc"),
            ("", None),
            ("A B", None),
            ("U\u0308", None),
        ):
            self.assertEqual(Header(b"x", text).octets, octets)


class SentTests(SynchronousTestCase):
    """Days, and how sure one can be of them."""

    def test_select(self) -> None:
        """Within a day of a bound the field itself must be seen."""
        day = 86_400
        moments = {row: (row + 5) * day for row in range(10)}
        epoch = 719_163
        for first, end, sure, perhaps in (
            (8, 10, set(), {2, 3, 4, 5}),
            (8, 12, {4, 5}, {2, 3, 4, 5, 6, 7}),
            (8, None, {4, 5, 6, 7, 8, 9}, {2, 3, 4, 5, 6, 7, 8, 9}),
            (None, 8, {0, 1}, {0, 1, 2, 3}),
        ):
            key = Sent(
                None if first is None else epoch + first,
                None if end is None else epoch + end,
            )
            self.assertEqual(key.select(moments), (sure, perhaps), (first, end))


class IndexTests(ViewTestCase):
    """A mailbox that knows its headers is asked before they are read."""

    QUERIES = (
        b"SUBJECT alpha",
        b"NOT SUBJECT alpha",
        b"OR SUBJECT alpha FROM beta",
        b"OR NOT SUBJECT alpha NOT FROM beta",
        b"SUBJECT alpha FROM beta",
        b"SUBJECT alpha BODY two",
        b"OR SUBJECT alpha BODY two",
        b"NOT (SUBJECT alpha BODY two)",
        b"SUBJECT alpha UID 1:7",
        b"SENTSINCE 1-Jan-1990 SUBJECT alpha",
        b"OR SENTBEFORE 1-Jan-1990 NOT SUBJECT alpha",
    )

    def test_same_answers(self) -> None:
        """With the index and without it."""
        context = self.context(
            [
                b"\r\n".join(
                    [
                        _LINES[place % 14],
                        _LINES[(place * 7) % 11],
                        b"Date: %d Jan 1990 00:00:00 +0%d00" % (place % 3, place % 9),
                        b"",
                        (b"one", b"two", b"three")[place % 3],
                    ]
                )
                for place in range(40)
            ]
        )
        quick = context.mailbox
        for query in self.QUERIES:
            request = parse_search(Cursor(query))
            answers = []
            for most, mailbox in ((10**9, quick), (0, quick), (0, Passing(quick))):
                self.patch(search_run, "_INDEXED", most)
                context.mailbox = mailbox
                answers.append(self.wait(run_search(context, request)))
            self.assertEqual(answers, [answers[0]] * 3, query)

    def test_only_candidates_are_read(self) -> None:
        """Headers that cannot match are not fetched."""
        read: list[int] = []
        context = self.context(
            [b"Subject: s%d\r\n\r\n" % place for place in range(300)]
        )
        headers = context.mailbox.headers

        async def noted(uids: UIDSet) -> Any:
            read.extend(uids)
            return await headers(uids)

        self.patch(type(context.mailbox), "headers", lambda self, uids: noted(uids))
        self.patch(
            type(context.mailbox),
            "headers_with",
            lambda self, uids, octets: _already([42, 77]),
        )
        request = parse_search(Cursor(b"SUBJECT s42"))
        self.assertEqual(self.wait(run_search(context, request)), UIDSet())
        self.assertEqual(read, [42, 77])

    def test_gone_among_others(self) -> None:
        """Read with its neighbours, and some are gone: the others are known."""
        context = self.context(
            [b"Subject: s%d\r\n\r\n" % place for place in range(6)],
            [frozenset(("\\Seen",) if place % 2 else ()) for place in range(6)],
        )
        deleted = frozenset((DELETED,))
        gone = UIDSet.of([2, 3, 4])
        self.wait(context.mailbox.store(gone, FlagChange.ADD, deleted))
        self.wait(context.mailbox.expunge())
        request = parse_search(Cursor(b"SEEN SUBJECT s"))
        self.assertEqual(self.wait(run_search(context, request)), UIDSet.of([6]))

    def test_large_headers_are_read_few_at_a_time(self) -> None:
        """A mailbox of messages that are all header is read piece by piece."""
        asked: list[int] = []
        context = self.context(
            [b"Subject: %d\r\nX: %b" % (n, b"x" * 1000) for n in range(9)]
        )
        headers = context.mailbox.headers

        async def noted(uids: UIDSet) -> Any:
            asked.append(len(uids))
            return await headers(uids)

        self.patch(search_run, "_HEADER_OCTETS", 3000)
        context.mailbox = Passing(context.mailbox, headers=noted)
        request = parse_search(Cursor(b"SUBJECT 4"))
        self.assertEqual(self.wait(run_search(context, request)), UIDSet.of([5]))
        self.assertEqual(max(asked), 2)
        self.assertEqual(sum(asked), 9)


async def _already(value: Any) -> Any:
    return value
