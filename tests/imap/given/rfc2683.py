"""What the examples of RFC 2683 begin with."""

from tests.imap.given.rfc3501 import fill, text
from tests.imap.world import World, place


def many(world: World) -> None:
    """Have the names and the 10,000 messages of section 3.2.1."""
    for name in ("Banana", "Banana/Apple", "alt.fan.celebrity.x", "mail/x"):
        world.box(name)
    box = world.box()
    fill(box, 2, {})
    place(
        box,
        b"Content-Type: video/mp4\r\n\r\n" + text(60_000, 800),
        flags="\\Seen",
    )
    fill(box, 10_000, {9921: ""})
    box.uid_validity, box.first_recent = 824_708_485, 9921


def fetched(world: World) -> None:
    """Have the messages of section 3.4.4, the first with UID 345."""
    box = world.box()
    place(box, uid=345, flags="\\Seen")
    place(box, b"Subject: hi\r\n\r\nHello world!\r\n", uid=399)
    fill(box, 5, {})


def names(world: World) -> None:
    """Have the names of sections 3.4.2, 3.4.9, 3.4.10 and 3.4.12."""
    for name in (
        "TEST",
        '"My" mailbox',
        '"My" mailbox/Junk',
        "ABC/DEF",
        "this/is/a/mailbox/hierarchy",
        "BANANA",
        "~/mail/x",
    ):
        world.box(name)
    fill(world.box("BANANA"), 3, {})
