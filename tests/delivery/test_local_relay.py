"""Mail of ours that comes out of the spool."""

from typing import Any

from zope.interface.verify import verifyObject

from mailframe.delivery.destination import Command
from mailframe.delivery.local_relay import LocalRelay
from mailframe.errors import MailLoop, NotPermitted, OverQuota, RelayDenied
from mailframe.interfaces.delivery import Hop, IRelay
from mailframe.memory_content import MemoryContent
from mailframe.model.address import Address
from mailframe.model.envelope import Envelope, ForwardPath, ReversePath
from tests.delivery.distribution_case import (
    ALICE,
    BOB,
    CAROL,
    MESSAGE,
    SENDER,
    STRANGER,
    DistributionTestCase,
)
from tests.delivery.test_addresses import addresses


class LocalRelayTests(DistributionTestCase):
    """Mail of ours that comes out of the spool."""

    def test_delivers(self) -> None:
        """Each account once; a verdict each; no circles."""
        world = self.make()
        relay = LocalRelay(addresses().users, world.account_for)
        verifyObject(IRelay, relay)
        world.account("carol@example.org").refusal = OverQuota("full")
        paths = [
            ForwardPath(one)
            for one in (ALICE, Address("info", "example.org"), CAROL, STRANGER)
        ]
        envelope = Envelope(ReversePath(SENDER), tuple(paths), world.origin())
        hop = Hop("localhost")
        found = self.run_now(relay.deliver(hop, envelope, MemoryContent(MESSAGE)))
        self.assertEqual(
            [type(one) for one in found],
            [type(None), type(None), OverQuota, RelayDenied],
        )
        (stored,) = self.stored("alice")
        self.assertEqual(
            stored,
            b"Return-Path: <sender@b.example>\r\n"
            b"Delivered-To: alice@example.org\r\n" + MESSAGE,
        )
        again = self.run_now(relay.deliver(hop, envelope, MemoryContent(stored)))
        self.assertIsInstance(again[0], MailLoop)

    def test_agents(self) -> None:
        """Programs and files get what waited for them, with fields of their own."""
        world = self.make()
        seen = []

        class Agent:
            async def deliver(self, place: Any, envelope: Any, content: Any) -> None:
                seen.append((place, await content.read(0, content.size)))

        relay = LocalRelay(addresses().users, world.account_for, Agent())
        paths = (
            ForwardPath(ALICE, via="|/bin/count all"),
            ForwardPath(BOB, via="/var/log/mail"),
            ForwardPath(BOB, via="lmtp:nowhere"),
        )
        envelope = Envelope(ReversePath(SENDER), paths, world.origin())
        hop = Hop("localhost")
        content = MemoryContent(b"Delivered-To: bob@example.org\r\n\r\n")
        found = self.run_now(relay.deliver(hop, envelope, content))
        self.assertEqual(
            [type(one) for one in found], [type(None), MailLoop, NotPermitted]
        )
        ((place, octets),) = seen
        self.assertEqual(place, Command("/bin/count all"))
        self.assertTrue(
            octets.startswith(
                b"Return-Path: <sender@b.example>\r\n"
                b"Delivered-To: alice@example.org\r\nDelivered-To: bob"
            )
        )
