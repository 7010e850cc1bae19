"""The mailbox of RFC 5182 section 2.2, example 4."""

from tests.imap.world import World, place

_NEW = 1_000_000_000
_TEXT = "Ж" * 4


def texts(world: World) -> None:
    """Put 3021 messages: some came since 1 February 1994, some have a text."""
    box = world.box()
    for uid in range(1, 3022):
        body = _TEXT if uid in (2, 882, 1102, 3003, 3005, 3006) else "none"
        octets = f"From: a@example.org\r\n\r\n{body}\r\n".encode()
        place(box, octets, date=_NEW if uid in (500, 882, 1102) else 0)
