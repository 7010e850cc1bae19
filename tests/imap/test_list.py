"""LIST where a transcript cannot go: races, bounds, any octets."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mailframe.errors import NoSuchMailbox, TemporaryFailure
from mailframe.interfaces.mailbox import IAnnotatedAccount, IMailAccount
from tests.imap.world import World


@implementer(IMailAccount, IAnnotatedAccount)
class Failing:
    """An account whose mailboxes cannot be asked at the moment."""

    def __init__(self, account: Any, error: Exception) -> None:
        self._account = account
        self._error = error

    async def status(self, name: str) -> Any:
        raise self._error

    async def annotations(self, name: str | None) -> Any:
        raise self._error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._account, name)


class RaceTests(SynchronousTestCase):
    """A mailbox that goes while LIST tells of it."""

    def listed(self, error: Exception, option: bytes) -> bytes:
        """Return what LIST with an option answers when that fails."""
        world = World()
        world.door.account = Failing(world.account, error)
        return world.logged_in().say(b'a LIST "" * RETURN (%b)\r\n' % option)

    def test_status_gone(self) -> None:
        """What cannot be selected any more is said to be so (LIST-STATUS)."""
        heard = self.listed(NoSuchMailbox("INBOX"), b"STATUS (MESSAGES)")
        self.assertEqual(
            heard,
            b'* LIST (\\Noselect) "/" INBOX\r\na OK LIST completed\r\n',
        )

    def test_not_now(self) -> None:
        """What cannot be asked now is passed over."""
        for option in (b"STATUS (MESSAGES)", b"METADATA (/private/comment)"):
            heard = self.listed(TemporaryFailure("disk"), option)
            self.assertEqual(heard, b'* LIST () "/" INBOX\r\na OK LIST completed\r\n')

    def test_metadata_gone(self) -> None:
        """A mailbox that is gone has no notes."""
        heard = self.listed(NoSuchMailbox("INBOX"), b"METADATA (/private/comment)")
        self.assertNotIn(b"METADATA INBOX", heard)


WORDS = st.lists(
    st.sampled_from(
        b"LIST|CREATE|GETMETADATA|SETMETADATA|GETQUOTA|SETQUOTA|GETQUOTAROOT|STATUS|"
        b"RETURN|SUBSCRIBED|RECURSIVEMATCH|SPECIAL-USE|METADATA|CHILDREN|SIZE|USE|"
        b'DEPTH|MAXSIZE|infinity|INBOX|""|"*"|%|a/b|&AOk-|&bad|/private/comment|'
        b'/shared/a|/private/specialuse|"\\\\Sent"|\\Drafts|STORAGE|MESSAGE|NIL|'
        b"0|1|99999999999999999999|(|)|((|))| ".split(b"|")
    )
    | st.binary(max_size=4).map(
        lambda octets: octets.replace(b"\r", b"").replace(b"\n", b"")
    ),
    max_size=12,
)


class AnyOctetsTests(SynchronousTestCase):
    """No words in any order are more than refused."""

    @settings(max_examples=100, deadline=None)
    @given(st.lists(WORDS, min_size=1, max_size=8))
    def test_any_words(self, commands: list[list[bytes]]) -> None:
        """Every command is answered, and nothing is reported as our bug."""
        world = World()
        world.account.may_set_quota = True
        made = world.logged_in()
        for words in commands:
            joined = b" ".join(words).replace(b"{", b"")
            for octets in (joined, joined.replace(b"( ", b"(").replace(b" )", b")")):
                heard = made.say(b"a " + octets + b"\r\n")
                self.assertIn(b"\r\n", heard + b"\r\n" * made.closed)
        self.assertEqual(world.reported, [])


class BoundTests(SynchronousTestCase):
    """What one command may ask for is bounded."""

    def test_patterns(self) -> None:
        """A hundred patterns, not more."""
        made = World().logged_in()
        for count, answer in ((100, b"a OK"), (101, b"a BAD expected fewer patterns")):
            patterns = b" ".join([b"INBOX"] * count)
            heard = made.say(b'a LIST "" (%b)\r\n' % patterns)
            self.assertIn(answer, heard)

    def test_entries(self) -> None:
        """A thousand entries, not more."""
        made = World().logged_in()
        for count, answer in ((1000, b"a OK"), (1001, b"a BAD expected fewer entries")):
            entries = b" ".join(b"/private/%d" % number for number in range(count))
            heard = made.say(b"a GETMETADATA INBOX (%b)\r\n" % entries)
            self.assertIn(answer, heard)
