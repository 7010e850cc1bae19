"""What the examples of RFCs with few of them begin with."""

from mailframe.model.quota import QuotaLimits
from tests.imap.given.rfc3501 import fill
from tests.imap.world import SharedWorld, World, place


def idle(world: World) -> None:
    """Have the three messages of RFC 2177 section 3."""
    fill(world.box(), 3, {})
    world.box().uid_validity = 1


def children(world: SharedWorld) -> None:
    """Have what "public" and Alice own, for RFC 3348 section 3."""
    for name in ("ITEM_1/ITEM_1A", "ITEM_2/TOP_SECRET", "ITEM_1", "ITEM_2"):
        world.box(name, world.realm.account("public@example.org"))


def append(world: World) -> None:
    """Have room for two messages and a little more (RFC 3502 section 6.3.11)."""
    world.box("saved-messages")
    world.box("test")
    world.account.limits = QuotaLimits(octets=30_000)


def unselect(world: World) -> None:
    """Have one message, deleted (RFC 3691 section 2)."""
    place(world.box(), flags="\\Deleted")
    world.box().first_recent = 2


def login(world: World) -> None:
    """Know Fred (RFC 7888 section 3) and Arnt (RFC 4978 section 3)."""
    world.door.passwords |= {"FRED FOOBAR": "fat man", "arnt": "tnra"}
