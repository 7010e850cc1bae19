"""The mailboxes of RFC 8438 section 3."""

from tests.imap.world import World, place

_SIZES = (3224, 1222, 444, 4516, 544, 922, 31126, 2423)


def sizes(world: World) -> None:
    """Put messages of the sizes of the examples."""
    inbox = world.box()
    for size in [1000] * 16 + [234]:
        place(inbox, b"." * size)
    box = world.box("frop")
    box.uid_validity = 1364851417
    for number, size in enumerate(_SIZES, 1):
        place(box, b"." * size, flags="" if number == 7 else "\\Seen")
    box.first_recent = 8
    box.uid_next, box.modseq = 242344, 3914
