"""The mailboxes of RFC 6203 sections 3, 4 and 6."""

from collections.abc import Mapping

from tests.imap.world import World, place


def _put(
    world: World,
    count: int,
    subjects: Mapping[int, str],
    bodies: Mapping[int, str] | None = None,
) -> None:
    box = world.box()
    for uid in range(1, count + 1):
        sender = "user@example.com" if uid in (1, 3, 4) else "another@example.org"
        subject, body = subjects.get(uid, "lunch"), (bodies or {}).get(uid, "")
        text = f"From: {sender}\r\nSubject: {subject}\r\n\r\n{body}\r\n"
        place(box, text.encode())


def broken(world: World) -> None:
    """Put messages about IMAP and about work."""
    subjects = {1: "Work: broken IMAP", 2: "work", 4: "working"}
    _put(world, 12, {**subjects, 5: "IMAP break", 10: "IMAP is broken"})


def hello(world: World) -> None:
    """Put messages with a misspelled word, and one with a word like it."""
    _put(world, 12, {1: "Help", 5: "Helo", 10: "Helo again"})


def worlds(world: World) -> None:
    """Put messages that match "World", more or less."""
    near, far = (
        dict.fromkeys((13, 15), "worlt"),
        dict.fromkeys((2, 7, 23, 82), "wuruld"),
    )
    bodies = {9: "world", 34: "world", 4: "worlt"}
    _put(world, 90, {42: "world", **near, **far}, bodies)
