"""The mailboxes of RFC 7377 section 3."""

from tests.imap.world import World, place

_CHAD = b"Subject: from Chad\r\n\r\n"


def folders(world: World) -> None:
    """Put messages that are unseen, or about Chad, where the example has them."""
    for name, validity, unseen, chad in (
        ("folder1", 1, range(4001, 4010, 2), [*range(3001, 3005), 3788]),
        ("folder2/banana", 503, [3002, 4004], []),
        ("folder2/peach", 3, [921691], []),
        ("folder2/salmon", 1111111, [], range(50003, 50013, 3)),
    ):
        box = world.box(name)
        box.uid_validity = validity
        for uid in chad:
            place(box, _CHAD, uid=uid, flags="\\Seen")
        for uid in unseen:
            place(box, uid=uid)
