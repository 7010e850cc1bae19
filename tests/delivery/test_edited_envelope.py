"""Checks that change the envelope."""

from typing import Any

from mailframe.errors import (
    NoSuchUser,
    OverQuota,
    RelayDenied,
    TemporaryFailure,
)
from mailframe.interfaces.check import (
    AddRecipient,
    ChangeSender,
    Decision,
    DropRecipient,
    EnvelopeEdit,
    Redirect,
    Verdict,
)
from mailframe.model.address import Address
from tests.delivery.check import ToldCheck
from tests.delivery.distribution_case import (
    ALICE,
    BOB,
    CAROL,
    STRANGER,
    DistributionTestCase,
)
from tests.delivery.world import World

NOBODY = Address("nobody", "example.org")


class EditedEnvelopeTests(DistributionTestCase):
    """Who gets a message, and whom it is from, after the checks."""

    def edit(self, *edits: EnvelopeEdit, stage: str = "end", **more: Any) -> World:
        """Make a world whose check wants changes."""
        verdict = Verdict(more.pop("decision", Decision.NEUTRAL), envelope=edits)
        return self.make(checks=[ToldCheck(**{stage: verdict})], **more)

    def test_added(self) -> None:
        """Here and elsewhere; nobody gets it twice."""
        for stage in ("rcpt", "end"):
            self.edit(
                AddRecipient(BOB),
                AddRecipient(STRANGER),
                AddRecipient(Address("alice", "EXAMPLE.org")),
                stage=stage,
            )
            self.assertEqual(self.to(ALICE), [None])
            self.assertEqual(len(self.stored("alice")), 1)
            self.assertEqual(len(self.stored("bob")), 1)
            (entry,) = self.spool.entries
            (path,) = entry.envelope.forward_paths
            self.assertEqual(path.address, STRANGER)

    def test_dropped(self) -> None:
        """The peer hears yes, and who was dropped gets nothing."""
        self.edit(DropRecipient(ALICE))
        self.assertEqual(self.to(ALICE, BOB), [None, None])
        self.assertEqual((self.stored("alice"), len(self.stored("bob"))), ([], 1))
        self.edit(DropRecipient(ALICE), DropRecipient(BOB))
        self.assertEqual(self.to(ALICE), [None])
        self.assertEqual(self.world.accounts, {})

    def test_redirected(self) -> None:
        """All of it goes to one."""
        self.edit(Redirect(CAROL))
        self.assertEqual(self.to(ALICE, BOB), [None, None])
        self.assertEqual(len(self.stored("carol")), 1)
        self.assertEqual((self.stored("alice"), self.stored("bob")), ([], []))

    def test_sender(self) -> None:
        """The new one stands in the trace and on the way out."""
        new = Address("new", "example.org")
        for sender, written in ((new, b"<new@example.org>"), (None, b"<>")):
            self.edit(ChangeSender(sender), AddRecipient(STRANGER))
            self.to(ALICE)
            (stored,) = self.stored("alice")
            self.assertTrue(stored.startswith(b"Return-Path: " + written + b"\r\n"))
            (entry,) = self.spool.entries
            self.assertEqual(entry.envelope.reverse_path.address, sender)

    def test_quarantine(self) -> None:
        """What is suspect is suspect for whom a check added, too."""
        self.edit(AddRecipient(BOB), decision=Decision.QUARANTINE)
        self.to(ALICE)
        self.assertEqual((self.stored("alice"), self.stored("bob")), ([], []))

    def test_nothing_is_lost(self) -> None:
        """Where the only one who is left does not get it the peer keeps it."""
        for service in ("smtp", "lmtp"):
            world = self.edit(Redirect(CAROL), spool=None)
            world.account("carol@example.org").refusal = OverQuota("full")
            origin = world.origin(service=service)
            for verdict in self.to(ALICE, BOB, origin=origin):
                self.assertIsInstance(verdict, OverQuota)
        self.edit(Redirect(STRANGER), spool=None)
        self.assertIsInstance(self.to(ALICE)[0], RelayDenied)
        self.edit(Redirect(NOBODY))
        self.assertIsInstance(self.to(ALICE)[0], NoSuchUser)

    def test_others_wait(self) -> None:
        """Beside others the spool has it."""
        world = self.edit(AddRecipient(CAROL))
        world.account("carol@example.org").refusal = OverQuota("full")
        self.assertEqual(self.to(ALICE), [None])
        (entry,) = self.spool.entries
        (path,) = entry.envelope.forward_paths
        self.assertEqual(path.address, CAROL)

    def test_unknown(self) -> None:
        """A recipient that does not exist keeps nobody from the mail."""
        self.edit(AddRecipient(NOBODY))
        self.assertEqual(self.to(ALICE), [None])
        self.assertEqual(len(self.stored("alice")), 1)

    def test_later(self) -> None:
        """Where it cannot be told who that is the peer comes again."""
        world = self.edit(AddRecipient(BOB))
        known: Any = world.receiver
        resolve = known._addresses.resolve

        async def broken(address: Address, *more: Any) -> Any:
            if address == BOB:
                raise TemporaryFailure("no directory today")
            return await resolve(address, *more)

        self.patch(known._addresses, "resolve", broken)
        self.fails(TemporaryFailure, ALICE)
        self.assertEqual(self.stored("alice"), [])
