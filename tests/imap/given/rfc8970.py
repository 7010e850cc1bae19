"""The mailboxes of RFC 8970 sections 3 and 5."""

from tests.imap.world import World, place

_LOREM = """Lorem ipsum dolor sit amet, consectetur adipiscing elit.
Curabitur aliquam turpis et ante dictum, et pulvinar dui congue.
Maecenas hendrerit, lorem non imperdiet pellentesque, nulla
ligula nullam
"""


def _put(world: World, text: str, date: str, *, uid: int, sender: str = "a") -> None:
    header = f"Date: {date}\r\nFrom: {sender}@example.org\r\nSubject: preview\r\n\r\n"
    lines = text.replace("\n", "\r\n")
    place(world.box(), (header + lines).encode(), uid=uid)


def one(world: World) -> None:
    """Put the message of section 3.2."""
    _put(world, "Preview text!\n", "Wed, 23 Sep 2020 15:03:11 +0000", uid=1)


def lorem(world: World) -> None:
    """Put the message of example 1, which has 5647 octets."""
    date = "Wed, 23 Sep 2020 15:03:11 +0000"
    header = len(f"Date: {date}\r\nFrom: a@example.org\r\nSubject: preview\r\n\r\n")
    text = _LOREM.ljust(5647 - header - _LOREM.count("\n"), ".")
    _put(world, text, date, uid=1)


def four(world: World) -> None:
    """Put the messages of example 2."""
    for uid, (text, date) in enumerate(
        (
            ("Preview text for message 1.\n", "Wed, 23 Sep 2020 15:03:11 +0000"),
            ("", "Thu, 24 Sep 2020 12:17:23 +0000"),
            ("Message data from message 3.\n", "Fri, 25 Sep 2020 09:13:45 +0000"),
            ("Message 4 preview\n", "Sat, 26 Sep 2020 07:11:18 +0000"),
        ),
        1,
    ):
        _put(world, text, date, uid=uid)


def search(world: World) -> None:
    """Put the messages of example 3."""
    date = "Wed, 23 Sep 2020 15:03:11 +0000"
    for uid in (1, 2, 3, 4, 13, 14, 15, 16, 23):
        text = {13: "Preview!\n", 23: "Another preview!\n"}.get(uid, "Nothing.\n")
        _put(world, text, date, uid=uid, sender="foo" if uid in (13, 23) else "a")
