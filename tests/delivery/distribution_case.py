"""What every test of one message to accounts and elsewhere begins with."""

from typing import Any

from twisted.internet.task import Clock

from mailframe.delivery.addresses import Addresses
from mailframe.delivery.checks import Checks
from mailframe.delivery.configured_check import Configured
from mailframe.delivery.inbound import InboundReceiver
from mailframe.delivery.srs import SRS
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, ReversePath
from tests.delivery.spool import ListSpool
from tests.delivery.test_addresses import addresses
from tests.delivery.world import DeliveryTestCase, World

ALICE = Address("alice", "example.org")
BOB = Address("bob", "example.org")
CAROL = Address("carol", "example.org")
STRANGER = Address("x", "elsewhere.example")
SENDER = Address("sender", "b.example")
MESSAGE = b"Subject: hello\r\n\r\nbody\r\n"


class DistributionTestCase(DeliveryTestCase):
    """A receiver with tables, a spool and checks."""

    def make(
        self,
        aliases: Any = None,
        checks: Any = (),
        kind: Any = InboundReceiver,
        srs: SRS | None = None,
        **more: Any,
    ) -> World:
        """Make the world."""
        self.spool = ListSpool()
        self.clock = Clock()
        found: Addresses = addresses(aliases, srs=srs, **more.pop("tables", {}))
        settings = {
            "addresses": found,
            "spool": self.spool,
            "may_relay": lambda origin: origin.client_address == "192.0.2.99",
            **more,
        }
        if checks:
            settings["checks"] = Checks(
                [Configured("told", one) for one in checks], self.clock
            )
        self.world = World(kind, **settings)
        return self.world

    def to(self, *recipients: Address, **more: Any) -> Any:
        """Send the message; return the verdicts."""
        more.setdefault("sender", SENDER)
        return self.send(self.world, more.pop("content", MESSAGE), *recipients, **more)

    def stored(self, local: str) -> list[bytes]:
        """Return the INBOX of somebody."""
        return self.inbox(self.world.account(f"{local}@example.org"))

    def fails(self, kind: type, *recipients: Address, **more: Any) -> Any:
        """Demand that a message is refused."""
        content = more.pop("content", MESSAGE)

        async def send() -> None:
            begun = await self.world.receiver.begin(
                more.get("origin") or self.world.origin(), ReversePath(SENDER)
            )
            try:
                for recipient in recipients:
                    await begun.recipient(ForwardPath(recipient))
                begun.write(content)
                await begun.finish()
            finally:
                begun.abort()

        return self.refused(send(), kind)
