"""Mail from other hosts."""

from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailframe.delivery.inbound import InboundReceiver
from mailframe.errors import (
    MailLoop,
    MessageTooLarge,
    NoSuchUser,
    OverQuota,
    RelayDenied,
    TemporaryFailure,
)
from mailframe.interfaces.content import IIntake
from mailframe.interfaces.delivery import IMailReceiver, IMailTransaction
from mailframe.model.address import Address, canonical_domain
from mailframe.model.envelope import ForwardPath, ReversePath
from mailframe.storage.content import MemoryWriter
from tests.delivery.world import DeliveryTestCase, World, limits, send

ALICE = Address("alice", "example.org")
BOB = Address("bob", "example.org")
CAROL = Address("carol", "example.org")
MESSAGE = b"Subject: hello\r\n\r\nbody\r\n"


class InboundTests(DeliveryTestCase):
    """Who gets what."""

    def setUp(self) -> None:
        """A receiver."""
        self.world = World(InboundReceiver)

    async def _ask(self, address: Address) -> None:
        transaction = await self.world.receiver.begin(
            self.world.origin(), ReversePath(None)
        )
        verifyObject(IMailTransaction, transaction)
        await transaction.recipient(ForwardPath(address))

    def test_contract(self) -> None:
        """It is an IMailReceiver."""
        verifyObject(IMailReceiver, self.world.receiver)

    def test_delivers(self) -> None:
        """The trace fields come before the message, which stays as it is."""
        sender = Address("x y", "b.example")
        self.assertEqual(self.send(self.world, MESSAGE, ALICE, sender=sender), [None])
        (stored,) = self.inbox(self.world.account("alice@example.org"))
        header, _, rest = stored.partition(b"Subject:")
        self.assertEqual(b"Subject:" + rest, MESSAGE)
        lines = header.split(b"\r\n")
        self.assertEqual(lines[0], b'Return-Path: <"x y"@b.example>')
        self.assertEqual(lines[1], b"Delivered-To: alice@example.org")
        self.assertTrue(lines[2].startswith(b"Received: from client.example"))
        self.assertIn(b"for <alice@example.org>;", header)
        self.assertIn(b"Tue, 14 Nov 2023 22:13:20 +0000\r\n", header)

    def test_several_recipients(self) -> None:
        """Each gets a copy that names none of the others."""
        self.assertEqual(self.send(self.world, MESSAGE, ALICE, BOB), [None, None])
        for user, other in (("alice", b"bob"), ("bob", b"alice")):
            (stored,) = self.inbox(self.world.account(f"{user}@example.org"))
            self.assertNotIn(other, stored)
            self.assertNotIn(b"for <", stored)

    def test_one_copy(self) -> None:
        """Recipients that are one user get one copy, and a verdict each."""
        verdicts = self.send(
            self.world,
            MESSAGE,
            ALICE,
            Address("info", "example.org"),
            Address("alice", "bücher.example"),
            Address("alice", "xn--bcher-kva.example"),
        )
        self.assertEqual(verdicts, [None] * 4)
        self.assertEqual(len(self.inbox(self.world.account("alice@example.org"))), 1)

    def test_refused_recipients(self) -> None:
        """Not ours, nobody's, or not to be told now."""
        self.refused(self._ask(Address("alice", "elsewhere.example")), RelayDenied)
        self.refused(self._ask(Address("alice", "[192.0.2.2]")), RelayDenied)
        self.refused(self._ask(Address("mallory", "example.org")), NoSuchUser)
        self.world.directory.broken = True
        self.refused(self._ask(ALICE), TemporaryFailure)

    def test_postmaster(self) -> None:
        """Bare or in any domain of ours (RFC 5321 section 4.5.1)."""
        for address in (
            Address("PostMaster", ""),
            Address("postmaster", "example.org"),
            Address("Postmaster", "bücher.example"),
        ):
            self.assertEqual(self.send(self.world, MESSAGE, address), [None])
        kept = self.world.account("postmaster@example.org")
        self.assertEqual(len(self.inbox(kept)), 2)
        self.refused(self._ask(Address("postmaster", "elsewhere.example")), RelayDenied)

    def test_declared_size(self) -> None:
        """What is declared too large is refused at once."""
        world = World(InboundReceiver, limits=limits(message_size=100))
        begun = world.receiver.begin(world.origin(), ReversePath(None, size=101))
        self.refused(begun, MessageTooLarge)
        self.run_now(world.receiver.begin(world.origin(), ReversePath(None, size=100)))

    def test_loop(self) -> None:
        """Mail that has been through too many hosts is refused (section 6.3).

        What its body says of such hosts does not count.
        """
        self.world = World(InboundReceiver, limits=limits(received_fields=3))
        hop = b"Received: from a by b;\r\n\tsome day\r\n"
        sent = hop * 3 + MESSAGE + b"\r\n" + hop
        self.assertEqual(self.send(self.world, sent, ALICE), [None])
        refused = send(self.world, hop * 4 + MESSAGE, (ALICE,))
        self.refused(refused, MailLoop)
        self.assertEqual(len(self.inbox(self.world.account("alice@example.org"))), 1)

    def test_verdicts(self) -> None:
        """One account's refusal, or bug, is not the others'."""
        self.world.account("alice@example.org").refusal = OverQuota("full")
        self.world.account("carol@example.org").refusal = ZeroDivisionError()
        verdicts = self.send(self.world, MESSAGE, ALICE, BOB, CAROL)
        self.assertIsInstance(verdicts[0], OverQuota)
        self.assertIsNone(verdicts[1])
        self.assertIsInstance(verdicts[2], TemporaryFailure)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(len(self.inbox(self.world.account("bob@example.org"))), 1)

    def test_many_recipients(self) -> None:
        """More than are served at once: all of them get it."""
        world = self.world
        people = [Address(f"user{number}", "example.org") for number in range(40)]
        found = world.directory._users
        for one in people:
            found[str(one)] = type(found["bob@example.org"])(str(one))
        self.assertEqual(self.send(world, MESSAGE, *people), [None] * 40)
        for one in people:
            self.assertEqual(len(self.inbox(world.account(str(one)))), 1)

    def test_empty_message(self) -> None:
        """A message may be empty."""
        self.assertEqual(self.send(self.world, b"", ALICE), [None])

    def test_slow_intake(self) -> None:
        """The end of a message waits for the intake too."""
        slow: Deferred[None] = Deferred()

        class Writer(MemoryWriter):
            def write(self, octets: bytes) -> Any:
                super().write(octets)
                return slow

        @implementer(IIntake)
        class Intake:
            def begin(self) -> Writer:
                return Writer(1000)

        self.world = World(InboundReceiver, intake=Intake())
        sending = Deferred.fromCoroutine(send(self.world, MESSAGE, (ALICE,)))
        self.assertNoResult(sending)
        slow.callback(None)
        self.assertEqual(self.successResultOf(sending), [None])

    def test_abort(self) -> None:
        """A message that was given up is nowhere; giving up twice is nothing."""

        async def give_up() -> None:
            transaction = await self.world.receiver.begin(
                self.world.origin(), ReversePath(None)
            )
            await transaction.recipient(ForwardPath(ALICE))
            transaction.write(MESSAGE)
            transaction.abort()
            transaction.abort()

        self.run_now(give_up())
        self.assertEqual(self.inbox(self.world.account("alice@example.org")), [])

    def test_verify_tells_nothing(self) -> None:
        """VRFY cannot tell (RFC 5321 section 7.3)."""
        asked = self.world.receiver.verify(self.world.origin(), "alice")
        self.assertEqual(self.run_now(asked), ())


class CanonicalDomainTests(DeliveryTestCase):
    """Domains are compared in one form."""

    def test_forms(self) -> None:
        """Lower case, composed, U-labels; what is no A-label stays."""
        for given, canonical in (
            ("Example.ORG", "example.org"),
            ("xn--bcher-kva.example", "bücher.example"),
            ("XN--BCHER-KVA.example", "bücher.example"),
            ("bu\u0308cher.example", "bücher.example"),
            ("xn--fa-hia.example", "faß.example"),
            ("xn--example-.org", "xn--example-.org"),
            ("xn--\u00fc.org", "xn--\u00fc.org"),
            ("xn--99999999999.org", "xn--99999999999.org"),
            ("[192.0.2.1]", "[192.0.2.1]"),
        ):
            self.assertEqual(canonical_domain(given), canonical)
