"""EXPN and ETRN, as a receiver answers them."""

from typing import Any

from zope.interface.verify import verifyObject

from mailframe.delivery.courtesies import MEMBERS, Courtesies
from mailframe.delivery.inbound import InboundReceiver
from mailframe.errors import NoSuchUser, NotPermitted
from mailframe.interfaces.reception import IListExpander, IQueueStarter
from tests.delivery.test_addresses import addresses
from tests.delivery.world import DeliveryTestCase, World


def near(address: str | None) -> bool:
    """Trust one client."""
    return address == "192.0.2.1"


class CourtesiesTests(DeliveryTestCase):
    """Who may ask, and what is said."""

    def make(self, **more: Any) -> World:
        """Make a receiver."""
        self.started: list[str] = []

        async def start(domain: str) -> int:
            self.started.append(domain)
            return domain == "relay.example"

        table = {
            "list": ["alice", "bob", "x@elsewhere.example", "|/bin/x"],
            "all": [f"{at}@elsewhere.example" for at in range(MEMBERS + 1)],
        }
        asked = addresses(table, allow_commands=True)
        given = {"may_expand": near, "may_start": near, "start": start, **more}
        return World(
            InboundReceiver, addresses=asked, courtesies=Courtesies(asked, **given)
        )

    def test_expand(self) -> None:
        """Members, but no programs; nothing of a huge list; nothing for strangers."""
        world = self.make()
        receiver: Any = world.receiver
        verifyObject(IListExpander, receiver)
        for text in ("list", "List@EXAMPLE.org"):
            found = self.run_now(receiver.expand(world.origin(), text))
            self.assertEqual(
                [str(one) for one in found],
                ["alice@example.org", "bob@example.org", "x@elsewhere.example"],
            )
        self.assertEqual(list(self.run_now(receiver.expand(world.origin(), "all"))), [])
        for text in ("nobody", "x@elsewhere.example"):
            self.refused(receiver.expand(world.origin(), text), NoSuchUser)
        stranger = world.origin(client_address="192.0.2.2")
        self.refused(receiver.expand(stranger, "list"), NotPermitted)

    def test_start(self) -> None:
        """Relay domains only, the named one or those below it."""
        world = self.make()
        receiver: Any = world.receiver
        verifyObject(IQueueStarter, receiver)
        origin = world.origin()
        self.assertTrue(self.run_now(receiver.start_queue(origin, "relay.example")))
        self.assertTrue(self.run_now(receiver.start_queue(origin, "@example")))
        self.assertEqual(self.started, ["relay.example"] * 2)
        for domain in ("example.org", "elsewhere.example", "@elsewhere.example"):
            self.refused(receiver.start_queue(origin, domain), NotPermitted)
        stranger = world.origin(client_address=None)
        self.refused(receiver.start_queue(stranger, "relay.example"), NotPermitted)

    def test_off(self) -> None:
        """A receiver that may not tell does not provide."""
        receiver = self.make(may_expand=None, may_start=None).receiver
        self.assertFalse(IListExpander.providedBy(receiver))
        self.assertFalse(IQueueStarter.providedBy(receiver))
