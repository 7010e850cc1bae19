"""Tests of :mod:`mailframe.auth.passwd_table`."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.passwd_line import PasswdUser, parse_lines
from mailframe.auth.passwd_table import PasswdTable


def table(*lines: str) -> PasswdTable:
    """Return the table of some lines, at home in ``example.org``."""
    return PasswdTable(parse_lines("\n".join(lines).encode()), "example.org")


def number(user: PasswdUser | None) -> int | None:
    """Return the number of the user's line."""
    return user.number if user else None


class PasswdTableTests(SynchronousTestCase):
    """An address finds the one line it means."""

    def test_default_domain(self) -> None:
        """A name without a domain belongs to the default one, in line and login."""
        found = table("alice:", "bob@example.org:", "carl@example.net:")
        for name, line in (
            ("alice", 1), ("alice@example.org", 1), ("alice@EXAMPLE.org", 1),
            ("bob", 2), ("bob@example.org", 2), ("alice@example.net", None),
            ("carl", None), ("carl@Example.Net", 3), ("", None), ("@", None),
        ):  # fmt: skip
            self.assertEqual(number(found.named(name)), line, name)

    def test_case(self) -> None:
        """The local part is compared exactly first, then whatever its case.

        Source: RFC 5321 section 2.4.
        """
        found = table("Alice:", "BOB:", "bob:", "Straße:")
        for name, line in (
            ("Alice", 1), ("alice", 1), ("ALICE@example.org", 1),
            ("BOB", 2), ("bob", 3), ("Bob", None), ("STRASSE", 4),
        ):  # fmt: skip
            self.assertEqual(number(found.named(name)), line, name)

    def test_first_wins(self) -> None:
        """Of two lines for one user the first counts, and the second is told."""
        found = table("alice:{PLAIN}a", "alice@Example.ORG:{PLAIN}b")
        self.assertEqual(number(found.named("alice")), 1)
        self.assertEqual([line for line, _ in found.troubles], [2])
        self.assertEqual(found.hashes, ("{PLAIN}a",))

    def test_aliases(self) -> None:
        """An alias finds its user for mail, after every name, and logs nobody in."""
        found = table(
            "alice:::::::aliases=sales,bob,Info@example.net",
            "bob:::::::aliases=sales",
        )
        for address, line in (
            ("sales@example.org", 1), ("bob@example.org", 2),
            ("info@example.net", 1), ("info@example.org", None),
        ):  # fmt: skip
            self.assertEqual(number(found.addressed(address)), line, address)
        self.assertIsNone(found.named("sales"))

    def test_entry(self) -> None:
        """What is known of a user is one value, however the address is written."""
        found = table("alice:::::::quota_rule=*:bytes=5 aliases=sales", "bob:")
        entry = found.entry("alice@example.org")
        assert entry is not None
        self.assertEqual(entry.address, "alice@example.org")
        self.assertEqual(entry.aliases, ("sales@example.org",))
        self.assertIs(found.entry("SALES@Example.org"), entry)
        self.assertIsNot(found.entry("bob@example.org"), entry)
        self.assertIsNone(found.entry("carl@example.org"))

    def test_troubles(self) -> None:
        """Bad lines, and what is not used of good ones, are told by number."""
        found = table("rubbish", "a:{ROT13}x", "b:{PLAIN}y")
        self.assertEqual([line for line, _ in found.troubles], [1, 2])
        self.assertEqual(number(found.named("a")), 2)
        self.assertEqual(found.hashes, ("{PLAIN}y",))
