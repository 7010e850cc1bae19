"""Tests of :mod:`mailframe.imap.global_part`."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.imap.global_part import without_global
from mailframe.mime.summary import summarise
from tests.mime.octets import read_list

_WORDS = ("a", "ü", '"', "\\", "(", ")", '("message" "global" ', "{3}\r\n ")


def _basic(value: Any) -> Any:
    """Return a structure that was read, without what is in MESSAGE/GLOBAL."""
    if not isinstance(value, list):
        return value
    if value[:2] == [b"message", b"global"]:
        value = value[:7] + value[10:]
    return [_basic(one) for one in value]


@st.composite
def _entity(draw: st.DrawFn, depth: int = 0) -> str:
    text = draw(st.sampled_from(_WORDS))
    header = f"Subject: {text}\r\nContent-Description: {text}\r\n"
    kinds = ["text/plain", "message/global", "message/rfc822", "multipart/mixed"]
    kind = draw(st.sampled_from(kinds[: 1 if depth > 3 else 4]))
    if kind == "multipart/mixed":
        parts = draw(st.lists(_entity(depth + 1), min_size=1, max_size=3))
        body = "".join(f"--b{depth}\r\n{part}\r\n" for part in parts)
        body += f"--b{depth}--\r\n"
        kind += f"; boundary=b{depth}"
    elif kind == "text/plain":
        body = text
    else:
        body = draw(_entity(depth + 1))
    return f"{header}Content-Type: {kind}\r\n\r\n{body}"


class GlobalPartTests(SynchronousTestCase):
    """RFC 3501 section 9, body-type-basic."""

    def test_example(self) -> None:
        """Envelope, structure and lines are left out, and nothing else."""
        inner = b'(NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" NIL) 3'
        basic = b'("message" "global" NIL NIL {4}\r\n") ( "7bit" 36%b NIL NIL)'
        self.assertEqual(without_global(basic % (b" " + inner)), basic % b"")
        other = b'("message" "rfc822" NIL NIL NIL "7bit" 36 %b)' % inner
        self.assertEqual(without_global(other), other)

    @settings(max_examples=200, deadline=None)
    @given(_entity())
    def test_any(self, entity: str) -> None:
        """Of any structure the rest stays, octet for octet."""
        found = summarise(entity.encode())
        for kept in (found.body, found.body_structure):
            self.assertEqual(read_list(without_global(kept)), _basic(read_list(kept)))
