"""Tests of :mod:`mailframe.auth.htpasswd`, with files of Apache's own program."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth import table_checker
from mailframe.auth.htpasswd import HtpasswdChecker, parse_htpasswd, verify_htpasswd
from tests.auth.at_once import LoginCase

# What htpasswd -nb (Apache 2.4) made of "open-sesame" with each of its options.
HASHES = {
    "-B": "$2y$04$p3DUmoiAuquJD8bkFCEzmudN/E.J/nJ7NlEsTgh3COXm79H4YGTci",
    "-m": "$apr1$39yDcbIq$fYc2R8Nsn/n2EjsMiGxFH0",
    "-s": "{SHA}piGucRdTwGb7+i3S1svNik60+fw=",
    "-2": "$5$ZEZ/5IEVQLV4rOCH$LwOxjK7c2WK45jtUwbWYDxEV4Rmxnj/DresdtKN94z.",
    "-5": "$6$rounds=1000$Cs7XBGflbiKLpR7u$rvcvSSCdoLcEbJ1BShTo4OorteZSVKPlY8h2frmx"
    "letlVd6uFfyP9j5DqzPp6exdLCJTEB2oq5/oo3Wg/hRqN0",
    "-d": "Hp/WwlNYlS2Eo",
}


class VerifyTests(SynchronousTestCase):
    """Every kind of hash that htpasswd makes is verified."""

    def test_each(self) -> None:
        """The password is right, another is wrong, none is never right."""
        for option, stored in HASHES.items():
            self.assertTrue(verify_htpasswd(b"open-sesame", stored), option)
            for wrong in (b"open", b"", b"open-sesame\0", b"\xff", b"x" * 1025):
                self.assertFalse(verify_htpasswd(wrong, stored), option)

    def test_damaged(self) -> None:
        """A damaged hash is an error whose text repeats nothing of it."""
        for stored in ("$2y$04$p3DU", "$apr1$short", "{SHA}AAAA", "in the clear"):
            error = self.assertRaises(ValueError, verify_htpasswd, b"x", stored)
            self.assertNotIn(stored[-4:], str(error))


class ParseTests(SynchronousTestCase):
    """Lines become users."""

    def test_lines(self) -> None:
        """Comments and empty lines are none; notes after the hash are left out."""
        users = list(
            parse_htpasswd(
                b"# note\r\n\r\nalice:{SHA}piGucRdTwGb7+i3S1svNik60+fw=:notes:more\r\n"
                b"b\xc3\xb6b@example.net:Hp/WwlNYlS2Eo\n:x\nrubbish\n\xff:x\n"
            )
        )
        self.assertEqual(
            [(one.name, one.stored) for one in users if not isinstance(one, tuple)],
            [
                ("alice", "{SHA}piGucRdTwGb7+i3S1svNik60+fw="),
                ("böb@example.net", "Hp/WwlNYlS2Eo"),
            ],
        )
        troubles = [one for one in users if isinstance(one, tuple)]
        self.assertEqual([number for number, _ in troubles], [5, 6, 7])

    def test_unusable_hash(self) -> None:
        """A password in the clear lets nobody in, yet the user is known."""
        for stored in (b"open-sesame", b"$apr1$short", b"$9$x$y", b"\xff\xfe"):
            [user] = parse_htpasswd(b"alice:" + stored)
            assert not isinstance(user, tuple)
            self.assertEqual((user.name, user.stored), ("alice", ""))
            self.assertIn("no login", user.trouble)
            self.assertNotIn(stored.decode("utf-8", "replace"), user.trouble)


class CheckerTests(LoginCase):
    """The file is a checker and a directory."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(table_checker, "_log", self)
        self.path = self.mktemp()
        self.checker = HtpasswdChecker(
            self.path, self.threads, "example.org", seconds=self.clock.seconds
        )

    def test_login(self) -> None:
        """Everybody gets in with his own kind of hash."""
        self.write(
            self.path,
            *(f"user{option}:{stored}" for option, stored in HASHES.items()),
        )
        for option in HASHES:
            name = f"user{option}"
            self.assert_in(name, "open-sesame", f"{name}@example.org".encode())
            self.assert_out(name, "open")
            self.assert_out(name, "")
            self.assertEqual(self.find(f"{name}@example.org").home, None)

    def test_changed(self) -> None:
        """What changes in the file counts a second later."""
        self.write(self.path, f"alice:{HASHES['-s']}")
        self.assert_in("alice", "open-sesame", b"alice@example.org")
        self.write(self.path, f"bob:{HASHES['-s']}", "alice:clear-text")
        self.assert_out("alice", "open-sesame")
        self.assert_out("alice", "clear-text")
        self.assert_in("bob", "open-sesame", b"bob@example.org")
        self.assertEqual(len(self.logged), 1)
        self.assertIn("line 2: not a hash", self.logged[0])
        self.checker.default_domain = "example.net"
        self.assert_in("bob", "open-sesame", b"bob@example.net")

    def test_never_read(self) -> None:
        """Without a file it is not known who may come in."""
        self.assert_unsure("alice", "open-sesame")
        self.assert_find_fails("alice@example.org")
