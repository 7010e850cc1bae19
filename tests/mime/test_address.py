"""Tests of :mod:`mailframe.mime.address`."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.mime.address import ADDRESSES, addresses

END = (None, None, None, None)

# Name, mailbox and host of each address.
Cases = tuple[tuple[bytes, list[tuple[bytes | None, ...]]], ...]

# Of RFC 5322 appendix A.
EXAMPLES: Cases = (
    (b"John Doe <jdoe@machine.example>", [(b"John Doe", b"jdoe", b"machine.example")]),
    (
        b'"Joe Q. Public" <john.q.public@example.com>',
        [(b"Joe Q. Public", b"john.q.public", b"example.com")],
    ),
    (
        b"Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
        [
            (b"Mary Smith", b"mary", b"x.test"),
            (None, b"jdoe", b"example.org"),
            (b"Who?", b"one", b"y.test"),
        ],
    ),
    (
        b'<boss@nil.test>, "Giant; \\"Big\\" Box" <sysservices@example.net>',
        [
            (None, b"boss", b"nil.test"),
            (b'Giant; "Big" Box', b"sysservices", b"example.net"),
        ],
    ),
    (
        b"A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
        [
            (None, b"A Group", None),
            (b"Ed Jones", b"c", b"a.test"),
            (None, b"joe", b"where.test"),
            (b"John", b"jdoe", b"one.test"),
            (None, None, None),
        ],
    ),
    (
        b"Undisclosed recipients:;",
        [(None, b"Undisclosed recipients", None), (None, None, None)],
    ),
    (
        b"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
        [(b"Pete", b"pete", b"silly.test")],
    ),
    (
        b"A Group(Some people) :Chris Jones <c@(Chris's host.)public.example>,"
        b" joe@example.org, John <jdoe@one.test> (my dear friend); (the end)",
        [
            (None, b"A Group", None),
            (b"Chris Jones", b"c", b"public.example"),
            (None, b"joe", b"example.org"),
            (b"John", b"jdoe", b"one.test"),
            (None, None, None),
        ],
    ),
    (
        b"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;",
        [(None, b"Hidden recipients", None), (None, None, None)],
    ),
    (
        b"Joe Q. Public <john.q.public@example.com>",
        [(b"Joe Q. Public", b"john.q.public", b"example.com")],
    ),
)

BROKEN: Cases = (
    (b"john@doe (John Doe)", [(b"John Doe", b"john", b"doe")]),
    (b"root", [(None, b"root", b"")]),
    (b"John Smith", [(b"John Smith", b"", b"")]),
    (b"<>", [(None, b"", b"")]),
    (b"<@", [(None, b"", b"")]),
    (b"a@b@c", [(None, b"a@b", b"c")]),
    (b"user@[192.0.2.1]", [(None, b"user", b"[192.0.2.1]")]),
    (b"<user@[IPv6:2001:db8::1]>", [(None, b"user", b"[IPv6:2001:db8::1]")]),
    (b'"a b"@c', [(None, b"a b", b"c")]),
    (b"=?utf-8?Q?a,b?= <x@y>", [(b"=?utf-8?Q?a,b?=", b"x", b"y")]),
    (b"foo <bar", [(b"foo", b"bar", b"")]),
    (b"John Smith user@host junk", [(b"John Smith", b"user", b"host")]),
    (b"john . doe @ host . com", [(None, b"john.doe", b"host.com")]),
    (b"a@b; c@d", [(None, b"a", b"b"), (None, b"c", b"d")]),
    (b"a@b,<c@d,e@f>", [(None, b"a", b"b"), (None, b"c", b"d"), (None, b"e", b"f")]),
    (b'"unterminated <a@b>', [(None, b"unterminated <a@b>", b"")]),
    (b'"x" y <a@b>', [(b"x y", b"a", b"b")]),
    (b"J\xc3\xa9 <a@b>", [(b"J\xc3\xa9", b"a", b"b")]),
    (b"a@b (c, \\", [(b"c, \\", b"a", b"b")]),
    (b" ,, ", []),
    (b"", []),
)


class AddressTests(SynchronousTestCase):
    """RFC 5322 section 3.4, as RFC 9051 section 7.5.2 wants it."""

    def check(self, octets: bytes, expected: list[tuple[bytes | None, ...]]) -> None:
        """Compare all but the route."""
        found = [(a.name, a.mailbox, a.host) for a in addresses(octets)]
        self.assertEqual(found, expected, octets)

    def test_examples(self) -> None:
        """The examples of RFC 5322 appendix A are read."""
        for octets, expected in EXAMPLES:
            self.check(octets, expected)

    def test_lenient_broken_lists(self) -> None:
        """What is no address list gives the addresses that were meant."""
        for octets, expected in BROKEN:
            self.check(octets, expected)

    def test_route(self) -> None:
        """An obsolete route is kept apart (RFC 5322 section 4.4)."""
        self.assertEqual(
            addresses(
                b"Mary <@node.test,@b.test:mary@example.net>, , a@test . example"
            ),
            [
                (b"Mary", b"@node.test,@b.test", b"mary", b"example.net"),
                (None, None, b"a", b"test.example"),
            ],
        )

    def test_lenient_groups(self) -> None:
        """A group that never ends ends; one inside another gives its members."""
        self.assertEqual(
            addresses(b"a: b@c"),
            [(None, None, b"a", None), (None, None, b"b", b"c"), END],
        )
        self.assertEqual(
            addresses(b"a: b: c@d; e@f"),
            [
                (None, None, b"a", None),
                (None, None, b"c", b"d"),
                END,
                (None, None, b"e", b"f"),
            ],
        )

    def test_bounded(self) -> None:
        """Endless lists are cut, on either way of reading."""
        self.assertEqual(len(addresses(b"a@b," * (ADDRESSES + 1))), ADDRESSES)
        self.assertEqual(len(addresses(b"(x)a@b," * (ADDRESSES + 1))), ADDRESSES)
        self.assertEqual(len(addresses(b"g:" + b"a@b," * 9, 3)), 4)

    def test_hostile(self) -> None:
        """Nothing that never closes takes more than one way through."""
        for piece in (b"<", b"(", b"<@,", b'"', b"a:", b"\\", b"<@a:", b"[", b"=?"):
            addresses(piece * 20_000)

    @given(
        st.lists(
            st.sampled_from(
                (
                    *(b"a", b"b.c", b" ", b"@", b"<", b">", b",", b";", b":", b"("),
                    *(b")", b'"', b"\\", b"[", b"]", b".", b"\xe9", b"\x00"),
                    b"=?x?q?,?=",
                )
            )
        ).map(b"".join)
    )
    @settings(max_examples=100)
    def test_any_octets(self, octets: bytes) -> None:
        """Groups open and close in turn, and an address has mailbox and host."""
        in_group = False
        for found in addresses(octets):
            if found.host is None:
                self.assertEqual(found.mailbox is None, in_group)
                in_group = not in_group
            else:
                self.assertIsNotNone(found.mailbox)
        self.assertFalse(in_group)

    @given(st.text(alphabet="ab. <>@,", max_size=20))
    @settings(max_examples=100)
    def test_both_ways_agree(self, text: str) -> None:
        """A comment, which only the slow way reads, changes nothing."""
        plain = text.encode()
        if plain.strip(b" ,"):
            self.assertEqual(addresses(plain)[:1], addresses(b"\\, " + plain)[1:2])
