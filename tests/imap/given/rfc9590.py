"""The mailboxes of RFC 9590 section 4."""

from mailframe.model.mailbox import INBOX, mailbox_name
from tests.imap.world import World


def color(world: World) -> None:
    """Have INBOX coloured, and one mailbox below each of the others."""
    for name in ("foo", "foo/baz", "bar/baz"):
        world.box(name)
    world.box().notes["/shared/vendor/cmu/cyrus-imapd/color"] = b"#b71c1c"
    world.account._subscribed |= {INBOX, mailbox_name("foo/baz")}
