"""What is announced depends on what the account can do."""

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mailframe.errors import NoSuchMailbox
from mailframe.imap.extensions import multisearch
from mailframe.interfaces.mailbox import IMailAccount
from tests.imap.world import World, done


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


class FiltersTests(SynchronousTestCase):
    """FILTERS comes with METADATA."""

    def test_without(self) -> None:
        """An account that keeps no notes has no filters."""
        world = World(1)
        world.door.account = Plain(world.account)
        made = world.selected()
        self.assertNotIn(b"FILTERS", made.say(b"a CAPABILITY\r\n"))
        heard = made.say(b"b SEARCH FILTER x\r\n")
        self.assertIn(b"b NO [UNDEFINED-FILTER x]", heard)

    def test_filters_that_multiply(self) -> None:
        """Filters in filters cannot become more keys than a search may have."""
        world = World(1)
        made = world.selected()
        for level in range(7):
            inner = (
                b" ".join([b"FILTER f%d" % (level + 1)] * 50) if level < 6 else b"SEEN"
            )
            put = b'a SETMETADATA "" (/private/filters/values/f%d "%b")\r\n'
            self.assertIn(b"a OK", made.say(put % (level, inner)))
        heard = made.say(b"b SEARCH FILTER f0\r\n")
        self.assertIn(b"b BAD expected fewer search keys", heard)
        self.assertEqual(world.reported, [])

    def test_kept_by_others(self) -> None:
        """What another program has put there may be no search program."""
        world = World(1)
        made = world.selected()
        entries = {
            "/private/filters/values/x": b"OR SEEN",
            "/shared/filters/values/y": b"SEEN",
        }
        done(world.account.annotate(None, entries))
        heard = made.say(b"b SEARCH FILTER x\r\n")
        self.assertIn(b"b NO [UNDEFINED-FILTER x]", heard)
        self.assertIn(b"c OK", made.say(b"c SEARCH FILTER y\r\n"))


class MultiSearchTests(SynchronousTestCase):
    """Many mailboxes, some of which come and go."""

    def test_too_many(self) -> None:
        """Bounded (RFC 7377 section 2.4)."""
        world = World(1)
        self.patch(multisearch, "_MAILBOXES_MAX", 2)
        self.patch(multisearch, "_FILTERS_MAX", 2)
        made = world.selected()
        for name in (b"a", b"b"):
            made.say(b"x CREATE %b\r\n" % name)
        heard = made.say(b"c ESEARCH IN (personal) ALL\r\n")
        self.assertIn(b"c NO [LIMIT]", heard)
        heard = made.say(b"d ESEARCH IN (mailboxes a mailboxes b mailboxes c) ALL\r\n")
        self.assertIn(b"d BAD expected fewer sources", heard)
        names = b" ".join([b"a"] * 1001)
        heard = made.say(b"e ESEARCH IN (mailboxes (%b)) ALL\r\n" % names)
        self.assertIn(b"e BAD expected fewer mailboxes", heard)

    def test_gone_meanwhile(self) -> None:
        """A mailbox that cannot be opened any more is passed over."""
        world = World(1)
        made = world.logged_in()

        async def gone(name: Any) -> Any:
            raise NoSuchMailbox(name)

        self.patch(world.account, "open", gone)
        heard = made.say(b"a ESEARCH IN (personal) ALL\r\n")
        self.assertEqual(heard, b"a OK ESEARCH completed\r\n")
        self.assertEqual(world.reported, [])

    def test_what_fails_saves_nothing(self) -> None:
        """The search result variable is empty after NO."""
        world = World(2)
        made = world.selected()
        made.say(b"a SEARCH RETURN (SAVE) ALL\r\n")
        heard = made.say(b"b ESEARCH RETURN (SAVE) FILTER none\r\n")
        self.assertIn(b"b NO [UNDEFINED-FILTER none]", heard)
        self.assertIn(b"* SEARCH\r\n", made.say(b"c SEARCH $\r\n"))
