"""Tests of :mod:`mailframe.sasl.plain` and :mod:`mailframe.sasl.password`."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.sasl.password import password_credentials
from mailframe.sasl.plain import Plain
from mailframe.testing.transcript import FakeConnection


def plain() -> Plain:
    """Return a mechanism that has heard nothing."""
    return Plain(FakeConnection())


class PlainTests(SynchronousTestCase):
    """One message: ``[authzid] NUL authcid NUL passwd``."""

    def test_same_identity(self) -> None:
        """An authorization identity like the name is no other identity."""
        found = plain().respond(b"tim\0tim\0pw").credentials
        self.assertEqual((found.username, found.password), (b"tim", b"pw"))

    def test_other_identity(self) -> None:
        """Nobody acts as somebody else.

        Source: RFC 4616 section 2.
        """
        for message in (b"Ursel\0Kurt\0xipj3plmq", b"Tim\0tim\0pw"):
            self.assertRaises(UnauthorizedLogin, plain().respond, message)

    def test_parts(self) -> None:
        """Two NULs, not fewer and not more."""
        for message in (b"", b"tim", b"tim\0pw", b"\0tim\0pw\0", b"\0tim\0p\0w"):
            self.assertRaises(BadSyntax, plain().respond, message)

    def test_long_parts(self) -> None:
        """Names and passwords of 255 octets are taken.

        Source: RFC 4616 section 2.
        """
        long = b"x" * 255
        found = plain().respond(b"\0".join((long, long, long))).credentials
        self.assertEqual((found.username, found.password), (long, long))


class PasswordCredentialsTests(SynchronousTestCase):
    """What cannot be a name or a password never reaches a checker."""

    def test_octets_stay(self) -> None:
        """UTF-8 and spaces are handed on as they came."""
        found = password_credentials("jürgen".encode(), "pä sswörd ".encode())
        self.assertEqual(found.username, "jürgen".encode())
        self.assertEqual(found.password, "pä sswörd ".encode())

    def test_refused(self) -> None:
        """Empty, not UTF-8, or with a control character: no credentials.

        Source: RFC 4616 section 2, RFC 4013 section 2.3.
        """
        for bad in (
            b"", b"\xff", b"a\nb", b"a\0", b"\x7f", "\x85".encode(), "\u2028".encode()
        ):  # fmt: skip
            self.assertRaises(UnauthorizedLogin, password_credentials, bad, b"pw")
            self.assertRaises(UnauthorizedLogin, password_credentials, b"tim", bad)

    def test_not_shown(self) -> None:
        """Neither the credentials nor the result of a mechanism print the password."""
        found = plain().respond(b"\0tim\0hunter2")
        self.assertNotIn("hunter2", f"{found!r} {found} {found.credentials!r}")
