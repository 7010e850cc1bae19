"""One message to accounts and elsewhere."""

from typing import Any

from twisted.logger import capturedLogs, formatEvent

from mailframe.delivery.destination import Command
from mailframe.delivery.srs import SRS
from mailframe.delivery.submission import SubmissionReceiver
from mailframe.errors import (
    DeliveryFailed,
    InsufficientStorage,
    MailLoop,
    NoSuchUser,
    NotPermitted,
    OverQuota,
    RelayDenied,
    TemporaryFailure,
)
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, ReversePath
from tests.delivery.distribution_case import (
    ALICE,
    BOB,
    MESSAGE,
    SENDER,
    STRANGER,
    DistributionTestCase,
)
from tests.delivery.world import NOW


class ElsewhereTests(DistributionTestCase):
    """What leaves this host."""

    def test_relay(self) -> None:
        """Who may relay gets one entry for all recipients elsewhere."""
        world = self.make()
        trusted = world.origin(client_address="192.0.2.99")
        other = Address("y", "other.example")
        self.assertEqual(self.to(ALICE, STRANGER, other, origin=trusted), [None] * 3)
        (entry,) = self.spool.entries
        self.assertEqual(entry.recipients, ["x@elsewhere.example", "y@other.example"])
        self.assertEqual((entry.sender, entry.due), ("sender@b.example", NOW))
        self.assertTrue(entry.octets.startswith(b"Received: from client.example"))
        self.assertTrue(entry.octets.endswith(MESSAGE))
        self.assertNotIn(b"Return-Path", entry.octets)
        self.assertEqual(len(self.stored("alice")), 1)

    def test_held_back(self) -> None:
        """What is to come later comes to nobody before (FUTURERELEASE)."""
        world = self.make({"run": ["|run"]}, tables={"allow_commands": True})
        origin = world.origin(client_address="192.0.2.99")

        async def send(hold_until: float) -> Any:
            path = ReversePath(ALICE, hold_until=hold_until)
            begun = await world.receiver.begin(origin, path)
            for one in (BOB, STRANGER, Address("run", "example.org")):
                await begun.recipient(ForwardPath(one))
            begun.write(MESSAGE)
            return await begun.finish()

        self.assertEqual(self.run_now(send(NOW + 60)), [None] * 3)
        self.assertEqual(self.stored("bob"), [])
        (entry,) = self.spool.entries
        self.assertEqual(
            sorted(entry.recipients)[::2], ["bob@example.org", "x@elsewhere.example"]
        )
        self.assertEqual((len(entry.recipients), entry.due), (3, NOW + 60))
        self.spool.full = True
        self.refused_all(self.run_now(send(NOW + 60)))
        self.spool.full = False
        self.run_now(send(NOW))
        self.assertEqual(len(self.stored("bob")), 1)

    def refused_all(self, verdicts: Any) -> None:
        """Demand that nobody has it."""
        self.assertNotIn(None, verdicts)
        self.assertEqual(self.stored("bob"), [])

    def test_no_open_relay(self) -> None:
        """Nobody else may."""
        world = self.make()
        self.fails(RelayDenied, STRANGER)
        self.fails(RelayDenied, Address("x%elsewhere.example", "other.example"))
        # Not even a name that hides another host in it.
        self.fails(NoSuchUser, Address("x%elsewhere.example", "example.org"))
        self.fails(NoSuchUser, Address("elsewhere.example!x", "example.org"))
        self.fails(NoSuchUser, Address("x@elsewhere.example", "example.org"))
        self.assertEqual((self.spool.entries, world.accounts), ([], {}))

    def test_submission(self) -> None:
        """Users who have logged in may send anywhere, with their parameters."""
        world = self.make(kind=SubmissionReceiver)
        user = "alice@example.org"
        origin = world.origin(
            service="submission", user=user, account=world.account(user)
        )
        path = ForwardPath(
            STRANGER, frozenset({"SUCCESS"}), ("rfc822", "x@elsewhere.example")
        )

        async def send() -> Any:
            begun = await world.receiver.begin(
                origin, ReversePath(ALICE, ret="FULL", envid="E", hold_until=NOW + 60)
            )
            await begun.recipient(path)
            begun.write(MESSAGE)
            return await begun.finish()

        self.assertEqual(self.run_now(send()), [None])
        (entry,) = self.spool.entries
        self.assertEqual(entry.envelope.forward_paths, (path,))
        self.assertEqual(entry.envelope.reverse_path.envid, "E")
        self.assertEqual(entry.due, NOW + 60)
        self.assertIsNone(entry.envelope.origin.account)
        self.assertIn(b"Message-ID:", entry.octets)

    def test_priority(self) -> None:
        """All copies keep it, trace and log tell what was asked (RFC 6710)."""
        world = self.make({"list": ["x@elsewhere.example", "y@elsewhere.example"]})

        async def send() -> Any:
            path = ReversePath(SENDER, priority=0, asked_priority=7)
            begun = await world.receiver.begin(world.origin(), path)
            await begun.recipient(ForwardPath(Address("list", "example.org")))
            begun.write(MESSAGE)
            return begun.id, await begun.finish()

        with capturedLogs() as events:
            message_id, verdicts = self.run_now(send())
        self.assertEqual(verdicts, [None])
        (entry,) = self.spool.entries
        self.assertEqual(entry.envelope.reverse_path.priority, 0)
        self.assertIn(b" PRIORITY 7;", entry.octets.replace(b"\r\n\t", b" "))
        lines = [formatEvent(one) for one in events]
        self.assertIn(f"{message_id} asks for priority 7, has 0", lines)

    def test_not_qualified(self) -> None:
        """RFC 6409 section 4.2: users write to whole domains, or to ours."""
        world = self.make(kind=SubmissionReceiver)
        user = "alice@example.org"
        origin = world.origin(
            service="submission", user=user, account=world.account(user)
        )
        bare = Address("x", "localhost")

        async def send() -> None:
            begun = await world.receiver.begin(origin, ReversePath(ALICE))
            try:
                await begun.recipient(ForwardPath(Address("x", "[192.0.2.1]")))
                await begun.recipient(ForwardPath(bare))
            finally:
                begun.abort()

        error: Any = self.refused(send(), DeliveryFailed)
        self.assertEqual(error.status, "5.1.2")

    def test_no_spool(self) -> None:
        """Without a spool nothing leaves."""
        world = self.make({"a": ["x@elsewhere.example"]}, spool=None)
        trusted = world.origin(client_address="192.0.2.99")
        self.fails(RelayDenied, STRANGER, origin=trusted)
        self.fails(RelayDenied, Address("a", "example.org"))

    def test_full_spool(self) -> None:
        """What cannot be spooled is not accepted."""
        world = self.make()
        self.spool.full = True
        trusted = world.origin(client_address="192.0.2.99")
        verdicts = self.to(ALICE, STRANGER, origin=trusted)
        self.assertIsNone(verdicts[0])
        self.assertIsInstance(verdicts[1], InsufficientStorage)


class ForwardTests(DistributionTestCase):
    """What a table of ours sends on."""

    def test_srs(self) -> None:
        """The sender becomes an address of ours, unless it is ours or nobody."""
        srs = SRS("example.org", [b"sixteen octets!!"], lambda: NOW)
        self.make({"a": ["x@elsewhere.example"]}, srs=srs)
        for sender in (SENDER, ALICE, None):
            self.assertEqual(
                self.to(Address("a", "example.org"), sender=sender), [None]
            )
        first, second, third = self.spool.entries
        found = first.envelope.reverse_path.address
        assert found is not None
        self.assertEqual(srs.reverse(found.local), SENDER)
        self.assertEqual(second.sender, "alice@example.org")
        self.assertIsNone(third.envelope.reverse_path.address)

    def test_loop(self) -> None:
        """Mail that comes back to where it was sent on goes no second round."""
        self.make({"a": ["x@elsewhere.example"]})
        self.to(Address("A", "example.org"))
        (entry,) = self.spool.entries
        self.assertTrue(entry.octets.startswith(b"Delivered-To: A@example.org\r\n"))
        verdicts = self.to(Address("a", "EXAMPLE.org"), content=entry.octets)
        self.assertIsInstance(verdicts[0], MailLoop)
        self.assertEqual(len(self.spool.entries), 1)

    def test_local_loop(self) -> None:
        """Nor does mail that was in this account before; but users may send it."""
        self.make()
        self.to(ALICE)
        (stored,) = self.stored("alice")
        (verdict,) = self.to(ALICE, content=stored)
        self.assertIsInstance(verdict, MailLoop)
        user = "alice@example.org"
        world = self.make(kind=SubmissionReceiver)
        origin = world.origin(
            service="submission", user=user, account=world.account(user)
        )
        again = self.to(ALICE, content=stored, sender=ALICE, origin=origin)
        self.assertEqual(again, [None])

    def test_list(self) -> None:
        """Reports about a list go to its owner, here and elsewhere."""
        self.make({"list": ["alice", "x@elsewhere.example"], "owner-list": ["bob"]})
        self.assertEqual(self.to(Address("list", "example.org")), [None])
        (stored,) = self.stored("alice")
        self.assertTrue(stored.startswith(b"Return-Path: <owner-list@example.org>\r\n"))
        (entry,) = self.spool.entries
        self.assertEqual(entry.sender, "owner-list@example.org")
        self.assertIsNone(entry.envelope.forward_paths[0].orcpt)

    def test_notifications(self) -> None:
        """Parameters go with one address; with several SUCCESS stays behind."""
        self.make(
            {
                "one": ["x@elsewhere.example"],
                "two": ["x@elsewhere.example", "y@elsewhere.example"],
            }
        )

        async def send(local: str) -> None:
            begun = await self.world.receiver.begin(
                self.world.origin(), ReversePath(SENDER, envid="E")
            )
            await begun.recipient(
                ForwardPath(
                    Address(local, "example.org"), frozenset({"SUCCESS", "FAILURE"})
                )
            )
            await begun.finish()

        self.run_now(send("one"))
        self.run_now(send("two"))
        one, two = (entry.envelope for entry in self.spool.entries)
        self.assertEqual(one.forward_paths[0].notify, {"SUCCESS", "FAILURE"})
        self.assertEqual(one.forward_paths[0].orcpt, ("rfc822", "one@example.org"))
        self.assertEqual(one.reverse_path.envid, "E")
        self.assertEqual([path.notify for path in two.forward_paths], [{"FAILURE"}] * 2)

    def test_success(self) -> None:
        """Success is told once for each recipient that asked for it, as it is."""
        told: list[tuple[list[str], list[str]]] = []

        class Reporter:
            async def succeeded(
                self, message_id: str, envelope: Any, actions: Any, content: Any
            ) -> None:
                paths = [str(one.address) for one in envelope.forward_paths]
                told.append((paths, list(actions)))
                raise TemporaryFailure("no report today")

        table = {
            "one": ["bob"],
            "far": ["x@elsewhere.example"],
            "two": ["alice", "y@elsewhere.example"],
            "list": ["alice"],
            "owner-list": ["bob"],
        }

        async def send(*locals_: str, notify: str = "SUCCESS") -> Any:
            begun = await self.world.receiver.begin(
                self.world.origin(), ReversePath(SENDER)
            )
            for local in locals_:
                path = ForwardPath(Address(local, "example.org"), frozenset({notify}))
                await begun.recipient(path)
            return await begun.finish()

        self.make(table, reporter=Reporter())
        self.assertEqual(
            self.run_now(send("alice", "one", "far", "two", "list")), [None] * 5
        )
        names = ["alice", "one", "two", "list"]
        self.assertEqual(
            told.pop(),
            (
                [f"{one}@example.org" for one in names],
                ["delivered", "delivered", "expanded", "delivered"],
            ),
        )
        # The next host reports on this one, or the queue does.
        asked = {
            str(path.address): path.notify
            for entry in self.spool.entries
            for path in entry.envelope.forward_paths
        }
        self.assertEqual(asked["x@elsewhere.example"], {"SUCCESS"})
        self.run_now(send("alice", notify="FAILURE"))
        self.assertEqual(told, [])
        self.world.account("bob@example.org").refusal = TemporaryFailure("busy")
        self.run_now(send("one"))
        self.assertEqual(told, [])
        (path,) = self.spool.entries[-1].envelope.forward_paths
        self.assertEqual((str(path.address), path.notify), (str(BOB), {"SUCCESS"}))

    def test_agent(self) -> None:
        """Commands get the message from who may be trusted with them."""
        seen = []

        class Agent:
            refusal: Exception | None = None

            async def deliver(self, place: Any, envelope: Any, content: Any) -> None:
                if self.refusal:
                    raise self.refusal
                seen.append((place, await content.read(0, content.size)))

        agent = Agent()
        table = {"count": ["|/bin/count all"]}
        tables = {"allow_commands": True}
        self.make(table, agent=agent, tables=tables)
        count = Address("count", "example.org")
        self.assertEqual(self.to(count), [None])
        ((place, octets),) = seen
        self.assertEqual(place, Command("/bin/count all"))
        self.assertTrue(
            octets.startswith(b"Return-Path: <sender@b.example>\r\nDelivered-")
        )
        agent.refusal = NotPermitted("no")
        self.assertIsInstance(self.to(count)[0], NotPermitted)
        self.assertEqual(self.spool.entries, [])
        # What cannot be delivered at once waits, and is the program's then, too.
        for refusal in (TemporaryFailure("75"), ZeroDivisionError()):
            agent.refusal = refusal
            self.assertEqual(self.to(count), [None])
            entry = self.spool.entries.pop()
            (path,) = entry.envelope.forward_paths
            self.assertEqual((path.address, path.via), (count, "|/bin/count all"))
            self.assertEqual(entry.due, NOW + 60)
            lmtp = self.world.origin(service="lmtp")
            self.assertIsInstance(self.to(count, origin=lmtp)[0], TemporaryFailure)
            self.assertEqual(self.spool.entries, [])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
        self.make(table, tables=tables)
        self.assertIsInstance(self.to(count)[0], NotPermitted)


class MixedTests(DistributionTestCase):
    """Some have it, and some have not."""

    def _full(self, local: str, refusal: Any = None) -> None:
        self.world.account(f"{local}@example.org").refusal = refusal or OverQuota(
            "full"
        )

    def test_others_wait(self) -> None:
        """When some have it, the rest waits in the spool: nobody gets it twice."""
        self.make()
        self._full("bob")
        self.assertEqual(self.to(ALICE, BOB), [None, None])
        (entry,) = self.spool.entries
        self.assertEqual(entry.recipients, ["bob@example.org"])
        self.assertEqual(len(self.stored("alice")), 1)

    def test_busy(self) -> None:
        """A backend that is busy has its mail kept for it; a full disk has not."""
        self.make()
        self._full("alice", TemporaryFailure("busy"))
        self.assertEqual(self.to(ALICE), [None])
        (entry,) = self.spool.entries
        self.assertEqual((entry.recipients, entry.due), ([str(ALICE)], NOW + 60))
        self._full("alice", InsufficientStorage("full"))
        self.assertIsInstance(self.to(ALICE)[0], InsufficientStorage)
        self.assertEqual(len(self.spool.entries), 1)

    def test_nobody_has_it(self) -> None:
        """When nobody has it, the client is told and comes again."""
        self.make()
        self._full("alice")
        self._full("bob")
        self.assertEqual([type(one) for one in self.to(ALICE, BOB)], [OverQuota] * 2)
        self.assertEqual(self.spool.entries, [])

    def test_lmtp(self) -> None:
        """Where each recipient has its reply, each is told the truth."""
        world = self.make({"both": ["bob", "carol"]})
        self._full("bob")
        origin = world.origin(service="lmtp")
        both = Address("both", "example.org")
        verdicts = self.to(ALICE, BOB, origin=origin)
        self.assertEqual([type(one) for one in verdicts], [type(None), OverQuota])
        self.assertEqual(self.spool.entries, [])
        # But not half of it.
        self.assertEqual(self.to(both, origin=origin), [None])
        self.assertEqual(self.spool.entries[0].recipients, ["bob@example.org"])

    def test_unknown_member(self) -> None:
        """A member that is nobody's is reported from the spool."""
        self.make({"list": ["alice", "nobody"], "owner-list": ["bob"]})
        self.assertEqual(self.to(Address("list", "example.org")), [None])
        (entry,) = self.spool.entries
        self.assertEqual(entry.recipients, ["nobody@example.org"])
        self.assertEqual(entry.sender, "owner-list@example.org")

    def test_full_spool(self) -> None:
        """Where the rest cannot wait, the verdict is the account's."""
        self.make()
        self._full("bob")
        self.spool.full = True
        self.assertEqual(
            [type(one) for one in self.to(ALICE, BOB)], [type(None), OverQuota]
        )

    def test_without_spool(self) -> None:
        """As before: an unknown member is not the sender's fault."""
        self.make({"list": ["alice", "nobody"], "both": ["alice", "bob"]}, spool=None)
        self.assertEqual(self.to(Address("list", "example.org")), [None])
        self._full("bob")
        (verdict,) = self.to(Address("both", "example.org"))
        self.assertIsInstance(verdict, OverQuota)
