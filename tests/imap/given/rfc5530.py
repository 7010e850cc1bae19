"""What the examples of RFC 5530 begin with."""

from typing import Any

from mailframe.errors import NotPermitted, TemporaryFailure
from mailframe.model.quota import QuotaLimits
from tests.imap.given.rfc3501 import fill
from tests.imap.world import World, place


def _raise_in_login(world: World, error: Exception) -> None:
    async def login(*ignored: Any) -> Any:
        raise error

    world.door.login = login


def unavailable(world: World) -> None:
    """Have a directory that does not answer."""
    _raise_in_login(world, TemporaryFailure("no directory"))


def contact_admin(world: World) -> None:
    """Have a realm that has no mail account for the user."""
    _raise_in_login(world, NotImplementedError("no mail account"))


def _raise_in_open(world: World, error: Exception) -> None:
    async def open_mailbox(name: Any) -> Any:
        raise error

    world.account.open = open_mailbox  # type: ignore[method-assign]


def not_permitted(world: World) -> None:
    """Have a mailbox that may not be opened."""
    _raise_in_open(world, NotPermitted("archive"))


def in_use(world: World) -> None:
    """Have a mailbox that others use, and messages to search."""
    world.box("archive/projects/experiment-iv")
    box = world.box()
    for number in range(1, 44):
        fred = number in (1, 2, 3, 5, 8, 13, 21, 42)
        sender = b"fred@example.com" if fred else b"george@example.com"
        place(box, b"From: %b\r\n\r\n" % sender, flags="\\Seen")
    box.first_recent = box.uid_next


def bug(world: World) -> None:
    """Have a mailbox that is not what we thought."""
    _raise_in_open(world, RuntimeError("this should not happen"))


def limits(world: World) -> None:
    """Have 42 messages, and no room for copies of them; "that", but no "this"."""
    fill(world.box(), 42, {})
    for name in ("oldmail", "that", "Notes/old", "archive/projects/experiment-iv"):
        world.box(name)
    world.account.limits = QuotaLimits(messages=42)
