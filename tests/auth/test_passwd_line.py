"""Tests of :mod:`mailframe.auth.passwd_line`."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.passwd_line import PasswdUser, is_name, name_of, parse_line
from mailframe.auth.passwd_line import parse_lines as parse


def user(line: str) -> PasswdUser:
    """Return the user of a line that has one."""
    found = parse_line(1, line.encode())
    assert found is not None
    return found


class ParseLineTests(SynchronousTestCase):
    """Lines are read as Dovecot reads them."""

    def test_all_fields(self) -> None:
        """Name, hash, uid, gid, gecos, home, and extra fields with colons."""
        found = user(
            "alice@example.org:{PLAIN}pw:1000:1001:Alice L.:/home/alice:/bin/sh:"
            "userdb_quota_rule=*:storage=2G userdb_mail=maildir:~/mail proxy_maybe=y"
        )
        self.assertEqual(found.name, "alice@example.org")
        self.assertEqual(found.stored, "{PLAIN}pw")
        self.assertEqual(found.home, "/home/alice")
        self.assertEqual(found.quota, 2 << 30)
        self.assertEqual(
            found.extra,
            {
                "uid": "1000",
                "gid": "1001",
                "gecos": "Alice L.",
                "mail": "maildir:~/mail",
                "proxy_maybe": "y",
            },
        )
        self.assertEqual(found.trouble, "")

    def test_short_lines(self) -> None:
        """What follows the hash may be missing, and the hash may be empty."""
        for line, stored in (("a:{PLAIN}x", "{PLAIN}x"), ("a:", ""), ("a::::::", "")):
            found = user(line)
            self.assertEqual((found.name, found.stored), ("a", stored))
            self.assertEqual((found.home, found.quota, found.aliases), (None, None, ()))

    def test_no_user(self) -> None:
        """Comments and empty lines have no user and are no error."""
        for line in (b"", b"  \t", b"#", b"# a:{PLAIN}x"):
            self.assertIsNone(parse_line(1, line))

    def test_bad_lines(self) -> None:
        """What is neither is an error that repeats nothing of the line."""
        for line in (
            b"secret", b":secret", b"a b:secret", b"@x:secret", b"a@:secret",
            b"a@b@c:secret", b"\xff:secret", b"a:\xffsecret", b"a\x01:secret",
        ):  # fmt: skip
            error = self.assertRaises(ValueError, parse_line, 1, line)
            self.assertNotIn("secret", str(error))

    def test_quota(self) -> None:
        """Each of the ways to write a quota; nought is no bound."""
        for text, octets in (
            ("quota=10M", 10 << 20),
            ("quota=1000", 1000),
            ("quota=1GB", 1 << 30),
            ("userdb_quota_storage_size=1GiB", 1 << 30),
            ("userdb_quota_rule=*:storage=100", 100 << 10),
            ("quota_rule=*:bytes=100", 100),
            ("userdb_quota_rule=*:messages=5:storage=1k", 1 << 10),
            ("userdb_quota_rule=Trash:storage=1k", None),
            ("userdb_quota_rule=*:messages=5", None),
            ("quota=0", None),
        ):
            found = user(f"a:{{PLAIN}}x::::::{text}")
            self.assertEqual((found.quota, found.trouble), (octets, ""), text)

    def test_bad_quota(self) -> None:
        """A quota nobody can read does not make the user unknown."""
        for text in ("quota=lots", "quota=", "userdb_quota_rule=*:storage=10%"):
            found = user(f"a:{{PLAIN}}x::::::{text}")
            self.assertIsNone(found.quota)
            self.assertIn("quota", found.trouble)
            self.assertEqual(found.stored, "{PLAIN}x")

    def test_unknown_scheme(self) -> None:
        """A user whose hash we cannot check gets mail, and cannot log in."""
        found = user("a:{ROT13}frperg")
        self.assertEqual(found.stored, "")
        self.assertIn("{ROT13}", found.trouble)
        self.assertNotIn("frperg", found.trouble)

    def test_restrictions(self) -> None:
        """A field that keeps somebody out, and is not understood, keeps all out."""
        for text in ("allow_real_nets=10.0.0.0/8", "allow_nets=ten", "deny_nets=1/2"):
            found = user(f"a:{{PLAIN}}x::::::{text}")
            self.assertEqual(found.stored, "")
            self.assertIn("no login", found.trouble)
        for text in ("allow_nets=10.0.0.0/8,local", "nologin", "services=imap"):
            found = user(f"a:{{PLAIN}}x::::::{text}")
            self.assertEqual((found.stored, found.trouble), ("{PLAIN}x", ""))

    def test_aliases_and_home(self) -> None:
        """Aliases are split at commas; an extra home goes before the field."""
        found = user("a:::::/old::userdb_home=/new aliases=b,c@example.net,,@")
        self.assertEqual(found.aliases, ("b", "c@example.net"))
        self.assertEqual(found.home, "/new")

    def test_hash_not_shown(self) -> None:
        """A user that is printed shows no hash."""
        self.assertNotIn("hunter2", repr(user("a:{PLAIN}hunter2")))

    def test_whole_file(self) -> None:
        """A bad line is told by its number; the others count; CRLF is a line end."""
        found = list(parse(b"# users\r\na:{PLAIN}x\r\nrubbish\r\n\r\nb:{PLAIN}y"))
        self.assertEqual(
            [
                one if isinstance(one, tuple) else (one.number, one.name)
                for one in found
            ],
            [(2, "a"), (3, "does not begin with a user name and ':'"), (5, "b")],
        )
        assert isinstance(found[0], PasswdUser)
        self.assertEqual(found[0].stored, "{PLAIN}x")

    @settings(max_examples=100, deadline=None)
    @given(
        st.binary(max_size=80)
        | st.lists(
            st.sampled_from(
                [b"a", b"@", b":", b"::::::", b" ", b"\n", b"#", b"\r", b"{", b"}",
                 b"{SSHA.hex}", b"$6$", b"quota=", b"userdb_quota_rule=*:storage=",
                 b"9" * 20, b"aliases=", b"=", b",", b"\xc3\xa9", b"\x00"]
            ),
            max_size=20,
        ).map(b"".join)
    )  # fmt: skip
    @example(b"a:::::::userdb_quota_rule=*:")
    def test_any_octets(self, octets: bytes) -> None:
        """No octets at all make reading a file fail, and every user has a name."""
        for one in parse(octets):
            if isinstance(one, PasswdUser):
                self.assertTrue(is_name(one.name))
                line = octets.split(b"\n")[one.number - 1]
                self.assertEqual(name_of(line), one.name)
