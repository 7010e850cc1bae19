"""The mailboxes of RFC 6154 section 5."""

from tests.imap.world import World


def _put(world: World, **uses: str) -> None:
    for name, use in uses.items():
        world.box(name).special_use = frozenset([f"\\{use}"] if use else [])


def folders(world: World) -> None:
    """Put those of sections 5.1 and 5.2."""
    _put(world, ToDo="", Projects="", SentMail="Sent", MyDrafts="Drafts", Trash="Trash")
    world.box("Projects/One")


def drafts(world: World) -> None:
    """Put those of section 5.4."""
    _put(world, SentMail="Sent", MyDrafts="Drafts", SavedDrafts="", Trash="Trash")
