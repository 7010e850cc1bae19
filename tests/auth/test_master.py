"""Tests of :mod:`mailframe.auth.master`."""

from twisted.cred.credentials import CramMD5Credentials, IUsernameHashedPassword

from mailframe.auth.login_mind import mind_of
from mailframe.auth.master import MasterUsers
from mailframe.auth.portal import MindfulCredentials
from mailframe.auth.refusal import RefusedLogin
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import UserEntry, UsernamePassword
from tests.auth.at_once import LoginCase
from tests.auth.doubles import Backend, Directory, mind


class MasterTests(LoginCase):
    """``user*master`` comes in with the master's password as the user."""

    def setUp(self) -> None:
        super().setUp()
        self.masters = Backend({"root": "m", "root@example.org": "m", "a*b": "m"})
        self.directory = Directory(
            UserEntry("alice@example.org"), UserEntry("a*b@example.org")
        )
        self.users = Backend({"alice": "a", "b*c": "b"}, domain="@example.org")
        self.checker = self.make()

    def make(self, separator: str = "*") -> MasterUsers:
        """Return a checker with masters."""
        return MasterUsers(
            self.users, self.masters, self.directory, "example.org", separator
        )

    def test_master(self) -> None:
        """As the user, with or without a domain of either."""
        for name in ("alice*root", "alice@EXAMPLE.org*root@example.org"):
            self.assert_in(name, "m", b"alice@example.org")

    def test_last_separator(self) -> None:
        """The master's name has no separator, a user's may have one."""
        self.assert_in("a*b*root", "m", b"a*b@example.org")
        self.assert_out("alice*a*b", "m")

    def test_wrong(self) -> None:
        """Not with another password, not with a user's, not as no master."""
        self.assert_out("alice*root", "x")
        self.assert_out("alice*alice", "m")
        for name in ("alice", "root", "*root", "alice*", "*", ""):
            self.assert_out(name, "m")
        self.assertEqual(len(self.masters.asked), 2)

    def test_users(self) -> None:
        """Everyone else comes in as before, even with such a name."""
        self.assert_in("alice", "a", b"alice@example.org")
        self.assert_in("b*c", "b", b"b*c@example.org")
        self.masters.away = True
        self.assert_in("b*c", "b", b"b*c@example.org")
        self.assert_unsure("b*c", "x")

    def test_other_credentials(self) -> None:
        """What is no password is not for masters."""
        users = Backend({}, IUsernameHashedPassword)
        users.away = True
        self.checker = MasterUsers(users, self.masters, self.directory, "a.example")
        self.assertEqual(self.checker.credentialInterfaces, (IUsernameHashedPassword,))
        asked = CramMD5Credentials(b"host")
        self.failureResultOf(self.checker.requestAvatarId(asked), TemporaryFailure)
        self.assertEqual(self.masters.asked, [])

    def test_nobody(self) -> None:
        """Nobody is one who does not exist; the log says which it was."""
        found = self.login("nobody*root", "m")
        self.assertEqual(
            self.failureResultOf(found, RefusedLogin).value.reason, "master"
        )
        self.assert_out("x y*root", "m")

    def test_unsure(self) -> None:
        """While the one or the other cannot tell, nobody is refused."""
        self.directory.away = True
        self.assert_unsure("alice*root", "m")
        self.assert_out("alice*root", "x")
        self.masters.away = True
        self.assert_unsure("alice*root", "m")

    def test_mind(self) -> None:
        """The masters' checker learns where the login comes from."""
        credentials = UsernamePassword(b"alice*root", b"m")
        asked = MindfulCredentials(credentials, mind("pop3"))
        self.successResultOf(self.checker.requestAvatarId(asked))
        self.assertEqual(mind_of(self.masters.asked[0]), mind("pop3"))

    def test_separator(self) -> None:
        """The separator can be another."""
        self.checker = self.make("%")
        self.assert_in("alice%root", "m", b"alice@example.org")
        self.assert_out("alice*root", "m")
