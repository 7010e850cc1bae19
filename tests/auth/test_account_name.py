"""Tests of :mod:`mailframe.auth.account_name`."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.account_name import AccountName, account_name


class AccountNameTests(SynchronousTestCase):
    """A name is a local part at a domain, or nobody's."""

    def test_parts(self) -> None:
        """The domain is canonical, the local part as it came."""
        for name, wanted in (
            ("Alice", AccountName("Alice", "example.org")),
            ("Alice@EXAMPLE.net", AccountName("Alice", "example.net")),
            ("a@b@c", AccountName("a@b", "c")),
            ("a@XN--BCHER-KVA.example", AccountName("a", "bücher.example")),
            ("ü@Bücher.example", AccountName("ü", "bücher.example")),
        ):
            self.assertEqual(account_name(name, "example.org"), wanted)

    def test_ascii(self) -> None:
        """For attributes that hold ASCII the domain has A-labels."""
        name = AccountName("a", "bücher.example")
        self.assertEqual(name.in_ascii()["user"], "a@xn--bcher-kva.example")
        self.assertEqual(name.named()["user"], "a@bücher.example")
        self.assertEqual(set(name.named()), set(name.in_ascii()))

    def test_nobody(self) -> None:
        """White space, controls, empty parts and endless names are nobody's."""
        for name in (
            "", "@", "a@", "@b", "a b", "a\u00a0b", "a\u3000b", "a\0", "a\n", "\x7f",
            "a\u0085", "a" * 321, "ü" * 161, "\ud800",
        ):  # fmt: skip
            self.assertIsNone(account_name(name, "example.org"), repr(name))

    def test_no_default(self) -> None:
        """Without a default domain a bare name is nobody's."""
        self.assertIsNone(account_name("alice", ""))
