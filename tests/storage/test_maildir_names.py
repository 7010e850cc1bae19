"""Names on disk: nothing from outside may leave its place."""

import os

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadMailboxName
from mailframe.model.mailbox import INBOX, MailboxName, mailbox_name
from mailframe.storage.maildir.identity import (
    Identity,
    read_identity,
    read_uidlist,
    write_identity,
)
from mailframe.storage.maildir.letters import Letters, add_keywords, read_letters
from mailframe.storage.maildir.names import (
    PathPattern,
    component,
    directory_name,
    file_name,
    mailbox_of,
    new_base,
    usable,
    with_uid,
)
from mailframe.storage.os_layer import REAL


class DirectoryNameTests(SynchronousTestCase):
    """Mailbox names as Maildir++ directories."""

    CASES = (
        ("INBOX", ""),
        ("Sent", ".Sent"),
        ("Work/2024", ".Work.2024"),
        ("INBOX/sub", ".INBOX.sub"),
        ("Entwürfe", ".Entw&APw-rfe"),
        ("日本語", ".&ZeVnLIqe-"),
        ("a.b/c", ".a&AC4-b.c"),
        ("&", ".&-"),
        ("~x/~y", ".&AH4-x.~y"),
    )

    def test_cases(self) -> None:
        """Each name has its directory, and the directory its name."""
        for name, directory in self.CASES:
            self.assertEqual(directory_name(MailboxName(name)), directory)
            if name != INBOX:
                self.assertEqual(mailbox_of(directory), name)

    @settings(max_examples=100, deadline=None)
    @given(st.text(min_size=1, max_size=20))
    def test_any_name(self, text: str) -> None:
        """Every legal name survives, as one component with a dot in front."""
        try:
            name = mailbox_name(text)
        except BadMailboxName:
            return
        directory = directory_name(name)
        if name == INBOX:
            self.assertEqual(directory, "")
            return
        self.assertEqual(mailbox_of(directory), name)
        self.assertEqual(os.path.basename(directory), directory)
        self.assertTrue(directory.isascii() and directory.isprintable())
        self.assertNotIn(directory, (".", ".."))

    def test_no_mailbox(self) -> None:
        """What cannot be a mailbox is none."""
        for directory in ("cur", ".", "..", ".a..b", ".&AC8-x", ".&2D0-", ".&AAA-"):
            self.assertIs(mailbox_of(directory), None, directory)
        self.assertEqual(mailbox_of(".~x"), "~x")


class PathPatternTests(SynchronousTestCase):
    """Where the directory of an account is."""

    def test_letters(self) -> None:
        """Each letter stands for its part of the address."""
        pattern = PathPattern.parse("/mail/%d/%n/%u/100%%")
        self.assertEqual(
            pattern.directory("joe@example.org"),
            "/mail/example.org/joe/joe@example.org/100%",
        )

    def test_relative(self) -> None:
        """A relative path begins where the program was started."""
        path = PathPattern.parse("mail/%u").directory("a@b")
        self.assertEqual(path, os.path.abspath("mail/a@b"))

    def test_hostile_addresses(self) -> None:
        """No address leads out of its place, or into another's."""
        pattern = PathPattern.parse("/mail/%d/%n")
        cases = (
            ("..@example.org", "/mail/example.org/%2E."),
            ("../../etc@example.org", "/mail/example.org/%2E.%2F..%2Fetc"),
            (".hidden@example.org", "/mail/example.org/%2Ehidden"),
            ("a/b@example.org", "/mail/example.org/a%2Fb"),
            ("a%2Fb@example.org", "/mail/example.org/a%252Fb"),
            ("a\0b@example.org", "/mail/example.org/a%00b"),
            ('"a@b"@example.org', '/mail/example.org/"a@b"'),
            ("a@..", "/mail/%2E./a"),
        )
        for address, path in cases:
            self.assertEqual(pattern.directory(address), path)

    def test_no_address(self) -> None:
        """What is no address has no directory."""
        pattern = PathPattern.parse("/mail/%n")
        for address in ("", "a", "@b", "a@", "a" * 300 + "@b"):
            self.assertRaises(ValueError, pattern.directory, address)

    def test_wrong_arguments(self) -> None:
        """A pattern that cannot be meant is refused."""
        for text in ("", "  ", "/mail", "/mail/%d", "/mail/%x/%n", "/mail/%n%", "\0%u"):
            self.assertRaises(ValueError, PathPattern.parse, text)

    @settings(max_examples=100, deadline=None)
    @given(st.text(max_size=30), st.text(max_size=30))
    def test_components_differ(self, one: str, other: str) -> None:
        """Different texts give different components, none of them special."""
        try:
            first, second = component(one), component(other)
        except (ValueError, UnicodeEncodeError):
            return
        self.assertEqual(first == second, one == other)
        self.assertNotIn("/", first)
        self.assertFalse(first.startswith("."))


class FileNameTests(SynchronousTestCase):
    """What names of message files say."""

    def test_own(self) -> None:
        """Our own names say UID, sizes and time."""
        name = file_name(new_base(42, 1000, 990) + ":2,FSa")
        self.assertEqual((name.uid, name.sizes, name.letters), (42, (990, 1000), "FSa"))
        self.assertGreater(name.arrived or 0, 1_600_000_000)

    def test_foreign(self) -> None:
        """Others say what they say, and odd ones nothing."""
        self.assertEqual(file_name("1.a.b,S=12:2,S").sizes, None)
        self.assertEqual(file_name("1.a.b,U=0").uid, None)
        self.assertEqual(file_name("1.a.b,U=99999999999").uid, None)
        self.assertEqual(file_name("x:1,S").letters, "")

    def test_with_uid(self) -> None:
        """A name has one UID, the last one given."""
        self.assertEqual(with_uid("1.a,U=5,S=3", 7), "1.a,S=3,U=7")
        self.assertEqual(file_name(with_uid(with_uid("1.a", 3), 4)).uid, 4)

    def test_usable(self) -> None:
        """Names with control characters, no text, or too long are not kept."""
        for name in ("a\nb", "\udcff", "x" * 201, "", "é" * 101):
            self.assertFalse(usable(name), name)
        self.assertTrue(usable("1700000000.M1P2.host,S=3"))

    def test_never_twice(self) -> None:
        """No base name is made twice."""
        self.assertEqual(len({new_base(1, 1) for _ in range(1000)}), 1000)


class SmallFileTests(SynchronousTestCase):
    """Files in a mailbox directory that say what is in it."""

    def setUp(self) -> None:
        """Make a directory."""
        self.directory = self.mktemp()
        os.makedirs(self.directory)

    def write(self, name: str, octets: bytes) -> None:
        """Write a file into it."""
        with open(os.path.join(self.directory, name), "wb") as file:
            file.write(octets)

    def test_identity(self) -> None:
        """What was written is read; what is damaged is nothing."""
        identity = Identity(7, 129, "Fabc", frozenset({"\\Sent", "\\Junk"}))
        self.assertIs(read_identity(self.directory), None)
        write_identity(self.directory, identity, REAL)
        self.assertEqual(read_identity(self.directory), identity)
        for octets in (b"", b"\0" * 40, b"1 V0 N1 Ix\n", b"1 V9999999999 N1 Ix\n"):
            self.write("mailframe-uidvalidity", octets)
            self.assertIs(read_identity(self.directory), None)

    def test_uidlist(self) -> None:
        """Both versions of Dovecot's list are read; nonsense in it is not."""
        self.write(
            "dovecot-uidlist",
            b"3 V10 N9 G00ff\n1 :one\n3 S12 W13 :two,S=12\n2 :not ascending\nx\n",
        )
        listed = read_uidlist(self.directory)
        self.assertEqual((listed.uid_validity, listed.uid_next), (10, 9))
        self.assertEqual(listed.uids, {"one": 1, "two,S=12": 3})
        self.write("dovecot-uidlist", b"1 10 4\n1 one:2,S\n9 two\n")
        listed = read_uidlist(self.directory)
        self.assertEqual((listed.uid_validity, listed.uid_next), (10, 10))
        self.assertEqual(listed.uids, {"one": 1, "two": 9})
        self.write("dovecot-uidlist", b"7 something newer\n1 :one\n")
        self.assertEqual(read_uidlist(self.directory).uids, {})

    def test_keywords(self) -> None:
        """Keywords get the next letters, twenty-six of them."""
        self.write("dovecot-keywords", b"0 Work\n3 Home\n99 far\nbad line\n5 a b\n")
        letters = add_keywords(self.directory, ["work", "Later", "$Forwarded"], REAL)
        self.assertEqual(letters.keywords, ("Work", "Later", "", "Home"))
        letters = add_keywords(self.directory, [f"K{n}" for n in range(30)], REAL)
        self.assertTrue(letters.full)
        self.assertEqual(read_letters(self.directory).keywords, letters.keywords)
        self.assertEqual(letters.letters(frozenset({"K0", "\\Seen", "K29"})), "Sc")

    def test_keywords_locked(self) -> None:
        """While another program holds the lock, nothing is given out."""
        self.write("dovecot-keywords.lock", b"")
        letters = add_keywords(self.directory, ["Work"], REAL)
        self.assertEqual(letters.keywords, ())
        os.utime(os.path.join(self.directory, "dovecot-keywords.lock"), (1, 1))
        letters = add_keywords(self.directory, ["Work"], REAL)
        self.assertEqual(letters.keywords, ("Work",))

    def test_letters(self) -> None:
        """Letters and flags say the same; unknown letters are kept."""
        letters = Letters(["Work"])
        flags = letters.flags("DFPRSTaz")
        self.assertIn("$Forwarded", flags)
        self.assertEqual(len(flags), 7)
        self.assertEqual(letters.letters(flags, letters.unknown("az")), "DFPRSTaz")
