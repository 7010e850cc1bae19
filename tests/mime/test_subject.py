"""Tests of :mod:`mailframe.mime.subject`."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.mime.subject import base_subject, is_reply_or_forward

CASES = (
    (b"hello", "hello"),
    (b"Re: hello", "hello"),
    (b"RE:re : FW: Fwd:hello", "hello"),
    (b"Re[2]: hello", "hello"),
    (b"Re: [foo] re [2]: hello (fwd) (FWD) ", "hello"),
    (b"[list] hello", "hello"),
    (b"[a] [b] Re: [c] hello", "hello"),
    (b"[a] [b]", "[b]"),
    (b"Re: [x] ", "[x]"),
    (b"[Fwd: Re: test]", "test"),
    (b"Fwd: [fwd: FW: [list] x (fwd)]", "x"),
    (b"  Re:  a \t b\r\n  c ", "a b c"),
    (b"Re:", ""),
    (b"(fwd)", ""),
    (b"", ""),
    (b"Regarding: x", "Regarding: x"),
    (b"[a]b [c]", "b [c]"),
    (b"=?utf-8?q?Re=3A_=C3=A9?=", "\xe9"),
)


class BaseSubjectTests(SynchronousTestCase):
    """RFC 5256 section 2.1: the base subject."""

    def test_rules(self) -> None:
        """Leaders, blobs and trailers go, in that order, again and again."""
        for value, expected in CASES:
            self.assertEqual(base_subject(value), expected, value)

    def test_hostile(self) -> None:
        """Endless blobs, leaders and forwards take no endless time."""
        for piece in (b"[]", b"re:", b"[fwd:", b"(fwd)", b"[a]re", b"["):
            base_subject(piece * 50_000)

    @given(
        st.lists(
            st.sampled_from(
                [b"re", b":", b" ", b"fwd", b"(fwd)", b"[", b"]", b"[fwd:", b"a"]
            )
        ).map(b"".join)
    )
    @settings(max_examples=100)
    def test_twice_is_once(self, value: bytes) -> None:
        """The base subject of a base subject is itself."""
        found = base_subject(value)
        self.assertEqual(base_subject(found.encode()), found)


class ReplyTests(SynchronousTestCase):
    """RFC 5256 section 3 (REFERENCES): what makes a reply of a message."""

    def test_replies(self) -> None:
        """A leader, a trailer or a forwarded whole; blobs alone do not."""
        for value, wanted in (
            (b"Re: a", True),
            (b"[x] Fwd [y]: a", True),
            (b"a (fwd)", True),
            (b"a (FWD)  ", True),
            (b"[fwd: a]", True),
            (b"=?utf-8?q?Re=3A_a?=", True),
            (b"a  ", False),
            (b"[x] [y] a", False),
            (b"[fwd: a", False),
            (b"regarding: a", False),
            (b"", False),
        ):
            self.assertEqual(is_reply_or_forward(value), wanted, value)
