"""Paths, domains and parameters."""

import contextlib
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax
from mailframe.model.address import Address
from mailframe.smtp import grammar

_PATHS: tuple[tuple[str, Address], ...] = (
    ("a@b", Address("a", "b")),
    ("Alice.O'Hara+x@Example.ORG", Address("Alice.O'Hara+x", "example.org")),
    ('"a b"@example.org', Address("a b", "example.org")),
    ('"a\\"b\\\\@c"@example.org', Address('a"b\\@c', "example.org")),
    ('""@example.org', Address("", "example.org")),
    ("a@[192.0.2.1]", Address("a", "[192.0.2.1]")),
    ("a@[IPv6:2001:DB8::1]", Address("a", "[IPv6:2001:db8::1]")),
    ("@one.example,@two.example:a@b.example", Address("a", "b.example")),
    ("poststelle@münchen.example", Address("poststelle", "münchen.example")),
    ("用户@例子.example", Address("用户", "例子.example")),
    ("x" * 255 + "@b", Address("x" * 255, "b")),
)

_BAD = (
    "",
    "a",
    "@b",
    "a@",
    "a@b.",
    "a@.b",
    "a@b..c",
    ".a@b",
    "a.@b",
    "a..b@c",
    "a b@c",
    "a@-b",
    "a@b-",
    "a@b_c",
    "a@[192.0.2.256]",
    "a@[192.0.2]",
    "a@[IPv6:::g]",
    "a@[IPv6:fe80::1%eth0]",
    "a@[tag:x]",
    '"a@b',
    '"a\x00"@b',
    'a"b"@c',
    "a\x85b@c",
    "a@b\u2028c",
    "a@b>",
    "x" * 256 + "@b",
    "a@" + "x" * 64,
    "a@" + "x." * 130 + "x",
    "@one.example:",
    "<a@b>",
)


class PathTests(SynchronousTestCase):
    """RFC 5321 section 4.1.2, with the widening of RFC 6531 section 3.3."""

    def test_good(self) -> None:
        """What the grammar allows is taken, unquoted, its domain in lower case."""
        for text, address in _PATHS:
            self.assertEqual(grammar.forward_path(f"TO:<{text}>"), (address, ""))
            self.assertEqual(
                grammar.reverse_path(f"from:<{text}> A=b"), (address, "A=b")
            )

    def test_written(self) -> None:
        """What is written is read as the same address."""
        for _, address in _PATHS:
            self.assertEqual(grammar.mailbox(address.written()), address)

    def test_bad(self) -> None:
        """Everything else is refused."""
        for text in _BAD:
            with self.assertRaises(BadSyntax, msg=text):
                grammar.forward_path(f"TO:<{text}>")

    def test_whole_mailbox(self) -> None:
        """An address alone is the whole text."""
        with self.assertRaises(BadSyntax):
            grammar.mailbox("a@b>")

    def test_around_the_path(self) -> None:
        """The word, the brackets and a space belong to it."""
        for text in ("", "TO", "TO:", "TO:a@b", "TO:<a@b", "TO:<a@b>x", "FROM:<a@b>"):
            with self.assertRaises(BadSyntax, msg=text):
                grammar.forward_path(text)

    def test_null(self) -> None:
        """Only a sender may be null."""
        self.assertEqual(grammar.reverse_path("FROM:<>"), (None, ""))
        with self.assertRaises(BadSyntax):
            grammar.forward_path("TO:<>")

    def test_postmaster(self) -> None:
        """A bare postmaster is a recipient, in any case (section 4.1.1.3)."""
        self.assertEqual(
            grammar.forward_path("TO:<PostMaster>"), (Address("PostMaster", ""), "")
        )
        with self.assertRaises(BadSyntax):
            grammar.reverse_path("FROM:<postmaster>")

    def test_lenient_space_after_colon(self) -> None:
        """Many clients put a space there."""
        self.assertEqual(grammar.reverse_path("FROM: <>"), (None, ""))

    @settings(max_examples=100, deadline=None)
    @given(
        st.sampled_from(
            [
                grammar.forward_path,
                grammar.reverse_path,
                grammar.parameters,
                grammar.mailbox,
                grammar.helo,
            ]
        ),
        st.sampled_from(["", "TO:", "TO:<", "FROM:<", 'TO:<"', "TO:<a@[IPv6:"]),
        st.text(alphabet=st.sampled_from('aé.@<>"\\[]:, =-\x00\u2028' + "ﬀİ1")),
    )
    def test_only_bad_syntax(
        self, rule: Callable[[str], Any], start: str, text: str
    ) -> None:
        """Whatever comes, nothing but BadSyntax is raised."""
        with contextlib.suppress(BadSyntax):
            rule(start + text)

    @settings(max_examples=100, deadline=None)
    @given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
    def test_any_local_part(self, local: str) -> None:
        """Every printable local part can be written and read."""
        address = Address(local[:200], "example.org")
        self.assertEqual(grammar.mailbox(address.written()), address)


class ParameterTests(SynchronousTestCase):
    """RFC 5321 section 4.1.2 (esmtp-param)."""

    def test_good(self) -> None:
        """Keywords in any case, with a value or without."""
        self.assertEqual(
            grammar.parameters("size=10 Body=8BITMIME SMTPUTF8"),
            {"SIZE": "10", "BODY": "8BITMIME", "SMTPUTF8": None},
        )
        self.assertEqual(grammar.parameters(""), {})

    def test_bad(self) -> None:
        """No empty word or value, no word twice, not very many."""
        many = " ".join(f"A{number}" for number in range(30))
        for text in ("A  B", "=x", "A=", "A=b=c", "-A", "A a", "Ä=1", many):
            with self.assertRaises(BadSyntax, msg=text):
                grammar.parameters(text)


class HeloTests(SynchronousTestCase):
    """What a client may call itself."""

    def test_lenient_names(self) -> None:
        """Anything printable in one word."""
        for name in ("a.example", "[192.0.2.1]", "my_pc", "192.0.2.1"):
            self.assertEqual(grammar.helo(name), name)

    def test_bad(self) -> None:
        """No white space, no control, no length without end."""
        for name in ("", "a b", "a\tb", "a\x00", "é", "x" * 256):
            with self.assertRaises(BadSyntax, msg=name):
                grammar.helo(name)
