"""What a client did itself, apart from what others did at the same moment."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.imap.own_changes import OwnChanges
from mailframe.model.flag import DELETED, FLAGGED, SEEN, FlagChange, FlagSet
from mailframe.model.mailbox import mailbox_name
from mailframe.model.uid_set import UIDSet
from mailframe.testing.mailbox_contract import new
from tests.imap.world import World, done

BOX = mailbox_name("box")


class OwnChangesTests(SynchronousTestCase):
    """RFC 5465 section 5."""

    def setUp(self) -> None:
        """Have a mailbox of three messages, and messages that a client puts there."""
        self.account = World(3).account
        done(self.account.create(BOX))
        done(self.account.append(BOX, [new(n) for n in range(3)]))
        self.since = done(self.account.status(BOX)).highest_modseq
        flags: list[FlagSet] = [frozenset((SEEN,)), frozenset()]
        made = done(self.account.append(BOX, [new(7, one) for one in flags]))
        self.own = OwnChanges(dict(zip(made.uids, flags, strict=True)))

    def explained(self, *, flags: bool = True) -> bool:
        explain = self.own.explain(self.account, BOX, self.since, flags=flags)
        explained: bool = done(explain)
        return explained

    def flag(self, uid: int, flag: str) -> None:
        mailbox = done(self.account.open(BOX))
        done(mailbox.store(UIDSet.of([uid]), FlagChange.ADD, frozenset((flag,))))

    def expunge(self, *uids: int) -> None:
        for uid in uids:
            self.flag(uid, DELETED)
        done(done(self.account.open(BOX)).expunge(UIDSet.of(uids)))

    def test_own(self) -> None:
        """The client's own messages explain themselves."""
        self.assertTrue(self.explained())
        self.assertFalse(done(OwnChanges().explain(self.account, BOX, 0, flags=True)))

    def test_other_message(self) -> None:
        """Not a message that came at the same moment."""
        done(self.account.append(BOX, [new(8)]))
        self.assertFalse(self.explained())
        self.own.filled = True
        self.assertTrue(self.explained())

    def test_came_and_went(self) -> None:
        """Nor one that came and went again."""
        done(self.account.append(BOX, [new(8)]))
        self.expunge(6)
        self.assertFalse(self.explained())

    def test_expunged(self) -> None:
        """Nor one that another session expunged."""
        self.expunge(1)
        self.assertFalse(self.explained())
        self.own.expunged = UIDSet.of([1])
        self.assertTrue(self.explained())

    def test_own_message_expunged(self) -> None:
        """Nor an own one that somebody expunged at once."""
        self.expunge(5)
        self.assertFalse(self.explained())

    def test_flags(self) -> None:
        """Flags count for who wants to know them: of old and of new messages."""
        self.flag(1, FLAGGED)
        self.assertFalse(self.explained())
        self.assertTrue(self.explained(flags=False))

    def test_flags_of_own(self) -> None:
        """Another session marked a new message at once."""
        self.flag(5, SEEN)
        self.assertFalse(self.explained())
        self.assertTrue(self.explained(flags=False))

    def test_emptied(self) -> None:
        """RENAME of INBOX takes away all there was; what comes later is news."""
        self.own = OwnChanges(emptied=True)
        self.assertFalse(self.explained())
        self.since = done(self.account.status(BOX)).highest_modseq
        self.assertFalse(self.explained())
        self.expunge(1, 2, 3, 4, 5)
        self.assertTrue(self.explained())
        done(self.account.append(BOX, [new(8)]))
        self.assertFalse(self.explained())

    def test_gone(self) -> None:
        """A mailbox that is gone explains nothing."""
        done(self.account.delete(BOX))
        self.assertFalse(self.explained())
