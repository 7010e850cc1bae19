"""What one session knows of a mailbox that others change."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.imap.view import View, first_unseen, message_numbers
from mailframe.model.flag import DELETED, SEEN, FlagChange
from mailframe.model.mailbox import INBOX, Listing
from mailframe.model.uid_set import UIDSet
from tests.imap.world import World, done

FLAGS = b"* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)\r\n"
PERMANENT = (
    b"* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft \\*)]"
    b" Flags permitted\r\n"
)


class ViewTests(SynchronousTestCase):
    """Message numbers are what the client was told, nothing else."""

    def setUp(self) -> None:
        """Two views of five messages."""
        self.world = World(5)
        self.out: list[bytes] = []
        self.woken = 0
        self.mailbox = done(self.world.account.open(INBOX))
        self.view = self.make()
        self.told()

    def make(self, read_only: bool = False) -> View:
        def wake() -> None:
            self.woken += 1

        view = View(
            done(self.world.account.open(INBOX)),
            read_only=read_only,
            put=self.out.append,
            pause=lambda: None,
            wake=wake,
            enabled=set(),
        )
        done(view.refresh())
        view.select()
        return view

    def told(self) -> bytes:
        octets = b"".join(self.out)
        self.out.clear()
        return octets

    def gone(self, *uids: int) -> None:
        which = UIDSet.of(uids)
        done(self.mailbox.store(which, FlagChange.ADD, frozenset({DELETED})))
        done(self.mailbox.expunge(which))

    def announced(self, expunges: bool, with_uid: bool = False) -> bytes:
        done(self.view.refresh())
        self.view.announce(expunges=expunges, with_uid=with_uid)
        return self.told()

    def test_shares_the_listing(self) -> None:
        """While nobody expunges, the provider's listing is the view."""
        current = done(self.mailbox.changes(0)).listing
        self.assertIs(self.view.listing, current)
        self.assertIs(self.view.uids, current.uids)
        self.assertIs(self.make().listing, current)

    def test_nothing_new(self) -> None:
        """Nothing is said when nothing happened."""
        before = self.view.listing
        self.assertEqual(self.announced(True), b"")
        self.assertIs(self.view.listing, before)

    def test_ghosts_keep_their_numbers(self) -> None:
        """What is gone stays a row until it may be told."""
        self.gone(2, 3, 5)
        self.world.put(b"x: y\r\n\r\n")
        self.assertEqual(self.announced(False), b"* 6 EXISTS\r\n* 6 RECENT\r\n")
        self.assertEqual(list(self.view.uids), [1, 2, 3, 4, 5, 6])
        self.assertEqual(self.view.ghosts, UIDSet.of([2, 3, 5]))
        listing = self.view.listing
        self.assertEqual(
            [
                len(column)
                for column in (
                    listing.flags,
                    listing.modseqs,
                    listing.dates,
                    listing.sizes,
                )
            ],
            [6] * 4,
        )
        self.assertEqual(
            self.announced(True), b"* 2 EXPUNGE\r\n* 2 EXPUNGE\r\n* 3 EXPUNGE\r\n"
        )
        self.assertEqual(list(self.view.uids), [1, 4, 6])
        self.assertIs(self.view.listing, done(self.mailbox.changes(0)).listing)

    def test_more_ghosts(self) -> None:
        """Ghosts of several refreshes come together."""
        self.gone(4)
        self.assertEqual(self.announced(False), b"")
        self.gone(1)
        self.assertEqual(self.announced(False), b"")
        self.assertEqual(list(self.view.uids), [1, 2, 3, 4, 5])
        self.assertEqual(self.announced(True), b"* 1 EXPUNGE\r\n* 3 EXPUNGE\r\n")

    def test_came_and_went(self) -> None:
        """A message the client never heard of leaves no trace."""
        self.world.put(b"x: y\r\n\r\n")
        done(self.view.refresh())
        self.gone(6)
        self.assertEqual(self.announced(True), b"")
        self.assertEqual(list(self.view.uids), [1, 2, 3, 4, 5])
        self.assertNotIn(6, self.view.recent)

    def test_flags_of_a_ghost(self) -> None:
        """Nothing is told of the flags of what is gone."""
        done(self.mailbox.store(UIDSet.of([2]), FlagChange.ADD, frozenset({SEEN})))
        done(self.view.refresh())
        self.gone(2)
        self.assertEqual(self.announced(False), b"")

    def test_flags(self) -> None:
        """Changed flags are told by number, with the UID when asked."""
        seen = frozenset({SEEN})
        done(self.mailbox.store(UIDSet.of([2, 4]), FlagChange.ADD, seen))
        self.gone(1)
        self.assertEqual(
            self.announced(False),
            b"* 2 FETCH (FLAGS (\\Seen \\Recent))\r\n"
            b"* 4 FETCH (FLAGS (\\Seen \\Recent))\r\n",
        )
        done(self.mailbox.store(UIDSet.of([4]), FlagChange.REMOVE, seen))
        self.assertEqual(
            self.announced(True, with_uid=True),
            b"* 1 EXPUNGE\r\n* 3 FETCH (UID 4 FLAGS (\\Recent))\r\n",
        )

    def test_new_keyword(self) -> None:
        """A keyword is announced before it is first seen."""
        done(self.mailbox.store(UIDSet.of([1]), FlagChange.ADD, frozenset({"$Work"})))
        heard = self.announced(True)
        self.assertEqual(
            heard.splitlines(),
            [
                FLAGS[:-3] + b" $Work)",
                PERMANENT.rstrip().replace(b"\\Draft", b"\\Draft $Work"),
                b"* 1 FETCH (FLAGS ($Work \\Recent))",
            ],
        )

    def test_recent_is_claimed_once(self) -> None:
        """SELECT claims what is recent; EXAMINE leaves it."""
        self.assertEqual(len(self.view.recent), 5)
        self.world.put(b"x: y\r\n\r\n")
        other = self.make(read_only=True)
        self.assertEqual(other.recent, UIDSet.of([6]))
        done(self.view.refresh())
        self.assertIn(6, self.view.recent)
        self.assertFalse(self.make().recent)

    def test_wakes(self) -> None:
        """A change wakes the session, until the view is closed."""
        self.assertFalse(self.view.stale)
        self.world.put(b"x: y\r\n\r\n")
        self.assertTrue(self.view.stale)
        self.assertEqual(self.woken, 1)
        self.view.close()
        self.view.close()
        self.world.put(b"x: y\r\n\r\n")
        self.assertEqual(self.woken, 1)


class FunctionTests(SynchronousTestCase):
    """Rows to numbers."""

    def test_first_unseen(self) -> None:
        """The first message without \\Seen, by number; 0 for none."""
        seen, none = frozenset({SEEN}), frozenset[str]()
        for flags, expected in (
            ([], 0),
            ([seen, seen], 0),
            ([seen, none, seen, none], 2),
            ([none], 1),
        ):
            listing = Listing(1, 1, flags=flags)
            self.assertEqual(first_unseen(listing), expected)

    def test_message_numbers(self) -> None:
        """UIDs that are not there have no number."""
        uids = UIDSet(((2, 8), (20, 30)))
        self.assertEqual(message_numbers(uids, [1, 5, 7, 9, 25]), [2, 3, 5])
