"""What is announced depends on what the account can do."""

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mailframe.interfaces.mailbox import IMailAccount
from tests.imap.world import World


@implementer(IMailAccount)
class Plain:
    """An account without optional powers, over one that has them."""

    def __init__(self, account: Any) -> None:
        self._account = account

    def __getattr__(self, name: str) -> Any:
        return getattr(self._account, name)


class MetadataTests(SynchronousTestCase):
    """METADATA comes with the account."""

    def setUp(self) -> None:
        """Log in."""
        self.world = World()
        self.made = self.world.logged_in()

    def test_without(self) -> None:
        """An account that keeps no notes announces nothing and refuses politely."""
        self.world.door.account = Plain(self.world.account)
        made = self.world.logged_in()
        self.assertNotIn(b"METADATA", made.say(b"a CAPABILITY\r\n"))
        for command in (
            b"GETMETADATA INBOX /private/a",
            b'GETMETADATA "" /private/a',
            b'SETMETADATA INBOX (/private/a "")',
        ):
            heard = made.say(b"b %b\r\n" % command)
            self.assertIn(b"b NO [CANNOT]", heard)

    def test_nul(self) -> None:
        """A value with a NUL is taken and told as a literal8."""
        put = b"a SETMETADATA INBOX (/private/a ~{3+}\r\n\0\xff\r)\r\n"
        self.assertIn(b"a OK", self.made.say(put))
        heard = self.made.say(b"b GETMETADATA INBOX /private/a\r\n")
        self.assertIn(b"(/private/a ~{3}\r\n\0\xff\r)\r\n", heard)

    def test_size(self) -> None:
        """A value over the limit is refused with the limit."""
        size = self.world.limits.annotation_size
        for more, answer in ((0, b"a OK"), (1, b"a BAD [TOOBIG]")):
            put = b"a SETMETADATA INBOX (/private/a {%d+}\r\n%b)\r\n"
            octets = b"x" * (size + more)
            self.assertIn(answer, self.made.say(put % (len(octets), octets)))
        self.world.limits = replace(self.world.limits, annotation_size=1024)
        put = b"a SETMETADATA INBOX (/private/a {1025+}\r\n%b)\r\n" % (b"x" * 1025)
        heard = self.world.logged_in().say(put)
        self.assertIn(b"a NO [METADATA MAXSIZE 1024]", heard)

    def test_too_many(self) -> None:
        """One more than the limit is refused; nothing is set then."""
        most = self.world.limits.annotations
        for number in range(most + 1):
            put = b'a SETMETADATA INBOX (/private/%d "")\r\n' % number
            heard = self.made.say(put)
        self.assertIn(b"a NO [METADATA TOOMANY]", heard)


class QuotaTests(SynchronousTestCase):
    """QUOTA and QUOTASET come with the account."""

    def test_user(self) -> None:
        """Who may not change bounds is not told QUOTASET."""
        heard = World().logged_in().say(b"a CAPABILITY\r\n")
        self.assertIn(b" QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE", heard)
        self.assertNotIn(b"QUOTASET", heard)

    def test_keeper(self) -> None:
        """Who may change them is."""
        world = World()
        world.account.may_set_quota = True
        self.assertIn(b"QUOTASET", world.logged_in().say(b"a CAPABILITY\r\n"))

    def test_without(self) -> None:
        """An account without bounds announces nothing and refuses politely."""
        world = World()
        world.door.account = Plain(world.account)
        made = world.logged_in()
        self.assertNotIn(b"QUOTA", made.say(b"a CAPABILITY\r\n"))
        for command in (b'GETQUOTA ""', b"GETQUOTAROOT INBOX", b'SETQUOTA "" ()'):
            heard = made.say(b"b %b\r\n" % command)
            self.assertEqual(heard, b"b NO [CANNOT] This account has no quota\r\n")
