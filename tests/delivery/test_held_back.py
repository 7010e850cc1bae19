"""Users have so much held back, and no more (RFC 4865 section 6)."""

from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal

from mailframe.delivery.held_back import HeldBack
from mailframe.delivery.submission import SubmissionReceiver
from mailframe.errors import MessageTooLarge, TemporaryFailure, TooMuchHeldBack
from mailframe.limits import DeliveryLimits, SMTPLimits
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, ReversePath
from mailframe.queue.memory import MemorySpool
from mailframe.smtp.options import SMTPOptions
from mailframe.smtp.server import SMTPServer
from mailframe.testing.transcript import Conversation
from tests.delivery.spool import ListSpool
from tests.delivery.world import NOW, DeliveryTestCase, World

ALICE = Address("alice", "example.org")
BOB = ForwardPath(Address("bob", "example.org"))
CONTENT = b"Subject: later\r\n\r\n" + b"x" * 100 + b"\r\n"
FULL = b"552 5.7.16 Too much mail of yours is held back\r\n"


class HeldBackTests(DeliveryTestCase):
    """A receiver and a spool."""

    def setUp(self) -> None:
        """Alice may have three messages, and 2000 octets."""
        self.spool = MemorySpool(lambda: self.world.clock.seconds())
        self.make_world(self.spool)

    def make_world(self, spool: Any) -> None:
        """Make a receiver over a spool."""
        limits = DeliveryLimits(held_messages=3, held_octets=2000)
        self.world = World(SubmissionReceiver, spool=spool, delivery_limits=limits)

    def begin(self, hold: float | None = 60.0, user: str = "alice", **more: Any) -> Any:
        """Begin a transaction."""
        origin = self.world.origin(service="submission", user=f"{user}@example.org")
        until = None if hold is None else self.world.clock.seconds() + hold
        path = ReversePath(Address(user, "example.org"), hold_until=until, **more)
        return self.world.receiver.begin(origin, path)

    def hand_in(self, transaction: Any, content: bytes = CONTENT) -> Any:
        """Send its content, on the way to Bob."""
        self.run_now(transaction.recipient(BOB))
        transaction.write(content)
        return transaction.finish()

    def held(self, count: int) -> None:
        """Have some messages held back."""
        for _ in range(count):
            self.run_now(self.hand_in(self.run_now(self.begin())))

    def test_messages(self) -> None:
        """So many of a user, until their time has come; others have their own."""
        self.held(3)
        self.refused(self.begin(), TooMuchHeldBack)
        self.run_now(self.begin(hold=None))
        self.run_now(self.begin(user="bob"))
        self.world.clock.advance(60)
        self.run_now(self.begin())

    def test_octets(self) -> None:
        """So many octets, as MAIL said or as they were."""
        self.refused(self.begin(size=2001), TooMuchHeldBack)
        self.run_now(self.begin(size=2000)).abort()
        transaction = self.run_now(self.begin(size=1))
        self.refused(self.hand_in(transaction, CONTENT + b"x" * 2000), TooMuchHeldBack)
        self.assertEqual(self.run_now(self.spool.counts()).messages, 0)
        self.held(2)
        self.refused(self.begin(size=1500), TooMuchHeldBack)

    def test_at_once(self) -> None:
        """What is on its way counts, until it is there or given up."""
        coming = [self.run_now(self.begin()) for _ in range(3)]
        self.refused(self.begin(), TooMuchHeldBack)
        coming.pop().abort()
        self.run_now(self.hand_in(coming.pop()))
        again = self.run_now(self.begin())
        self.refused(self.begin(), TooMuchHeldBack)
        again.abort()
        again.abort()
        self.run_now(self.begin())

    def test_refused_by_others(self) -> None:
        """What the receiver refuses takes nothing."""
        for _ in range(4):
            self.refused(self.begin(size=10**9), MessageTooLarge)
        self.held(3)

    def test_unsure(self) -> None:
        """While the queue cannot tell nothing is promised, and nothing kept."""
        broken = MemorySpool(self.world.clock.seconds)

        async def fail(user: str, now: float) -> Any:
            raise TemporaryFailure("no queue today")

        broken.held_back = fail  # type: ignore[assignment]
        held = HeldBack(broken, DeliveryLimits(), lambda: NOW)
        origin = self.world.origin(user="alice@example.org")
        path = ReversePath(ALICE, hold_until=NOW + 1)
        self.refused(held.begin(origin, path), TemporaryFailure)
        self.assertEqual(held.coming, set())

    def test_other_spools(self) -> None:
        """A spool that cannot tell what it has has no bounds."""
        self.make_world(ListSpool())
        self.held(9)

    def test_replies(self) -> None:
        """MAIL is refused, and a message that is larger than it said."""
        checker = InMemoryUsernamePasswordDatabaseDontUse()
        checker.addUser(b"alice@example.org", b"secret")
        portal: Any = Portal(self.world.realm, [checker])
        server = SMTPServer(
            self.world.receiver,
            portal=portal,
            service="submission",
            hostname="mx.example.org",
            limits=SMTPLimits(),
            report=self.fail,
            now=self.world.clock.seconds,
            options=SMTPOptions(hold_seconds=3600),
        )
        session = Conversation(server)
        session.say(b"EHLO x\r\nAUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==\r\n")
        mail = b"MAIL FROM:<alice@example.org> HOLDFOR=60 SIZE=%d\r\n"
        self.assertEqual(session.say(mail % 2001), FULL)
        session.say(mail % 100 + b"RCPT TO:<bob@example.org>\r\nDATA\r\n")
        self.assertEqual(session.say(CONTENT + b"x" * 2000 + b"\r\n.\r\n"), FULL)
        self.held(2)
        self.assertEqual(session.say(mail % 100), b"250 2.1.0 Sender OK\r\n")
        self.refused(self.begin(), TooMuchHeldBack)
        session.lose()
        self.run_now(self.begin())
