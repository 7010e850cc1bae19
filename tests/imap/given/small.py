"""What the examples of RFCs with few of them begin with."""

from base64 import b64encode

from mailframe.interfaces.access import Namespaces
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


def _others(world: SharedWorld, others: str, shared: str) -> None:
    world.realm.namespaces = Namespaces(others, shared, "public@example.org")
    for user in ("Mike", "Karen", "Matthew", "Tesa"):
        world.realm.account(f"{user}@example.org")


def public_folders(world: SharedWorld) -> None:
    """Have a shared namespace, and none of others (RFC 2342 section 5, 5.3)."""
    _others(world, "", "Public Folders")


def other_users(world: SharedWorld) -> None:
    """Have a namespace of others, and none that is shared (5.7)."""
    _others(world, "Other Users", "")


def hash_users(world: SharedWorld) -> None:
    """Have a namespace of others that is called "#Users" (5.8)."""
    _others(world, "#Users", "")


def languages(world: SharedWorld) -> None:
    """Have the namespaces of RFC 5255 sections 3.2 and 3.4, and Karen's password."""
    _others(world, "Other Users", "Public Folders")
    world.door.password = b"PASSWORD"


def undecodable(world: World) -> None:
    """Have the four texts of RFC 5255 section 4.6 as subjects and names."""
    for charset, text in (
        (b"UTF-8", "D0 C0 D0 BD D0 B4 D1 80 D0 B5 D0 B9"),
        (b"UTF-8", "D1 81 D0 95 D0 A0 D0 93 D0 95 D0 99"),
        (b"UTF-8", "D0 92 D0 B0 D1 81 D0 B8 D0 BB D0 B8 FF B9"),
        (b"KOI8-R", "E1 CC C5 CB D3 C5 CA"),
    ):
        word = b"=?%b?b?%b?=" % (charset, b64encode(bytes.fromhex(text)))
        place(world.box(), b"Subject: %b\r\nFrom: %b <a@b.c>\r\n\r\n" % (word, word))
    world.box().first_recent = 5
