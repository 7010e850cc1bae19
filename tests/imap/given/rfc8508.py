"""The mailboxes of RFC 8508 sections 3 and 4."""

from tests.imap.world import World, place


def _drafts(world: World, uids: tuple[int, ...], uid_next: int) -> None:
    box = world.box("Drafts")
    box.uid_validity = 1
    for uid in uids:
        place(box, uid=uid, flags="\\Seen \\Draft")
    box.uid_next, box.first_recent = uid_next, uid_next


def drafts(world: World) -> None:
    """Put four drafts, so that the next has UID 2000."""
    _drafts(world, (1, 2, 3, 4), 2000)


def photo(world: World) -> None:
    """Put three drafts, so that the next has UID 3002."""
    _drafts(world, (1, 2, 3), 3002)
