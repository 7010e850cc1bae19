"""What the examples of RFC 3501 begin with."""

from collections.abc import Mapping

from mailframe.model.quota import QuotaLimits
from mailframe.storage.memory_box import MemoryBox
from tests.imap.world import World, place

MEETING = b"""\
Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r
From: Terry Gray <gray@cac.washington.edu>\r
Subject: IMAP4rev1 WG mtg summary and minutes\r
To: imap@cac.washington.edu\r
cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r
Message-Id: <B27397-0100000@cac.washington.edu>\r
MIME-Version: 1.0\r
Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r
\r
"""
"""The header of the message of section 8."""

JULY_1996 = 837_596_665
"""17 July 1996 at 02:44:25 in California, its internal date."""


def text(size: int, lines: int) -> bytes:
    """Return a text of so many octets in so many lines."""
    rest = size - 2 * lines
    each = rest // lines
    return (b"x" * each + b"\r\n") * (lines - 1) + (
        b"x" * (rest - each * (lines - 1)) + b"\r\n"
    )


def fill(
    box: MemoryBox, count: int, flags: Mapping[int, str], usual: str = "\\Seen"
) -> None:
    """Put messages into a mailbox, none of them recent.

    Args:
        box: The mailbox.
        count: How many messages it shall have then.
        flags: Of some of them, by number.
        usual: The flags of all others.
    """
    for number in range(len(box.messages) + 1, count + 1):
        place(box, flags=flags.get(number, usual))
    box.first_recent = box.uid_next


def logins(world: World) -> None:
    """Know those who log in in sections 6.2 and 7."""
    world.door.passwords |= {
        "joe": "password",
        "SMITH": "SESAME",
        "fred": "blurdybloop",
        "FRED FOOBAR": "fat man",
    }


def noop(world: World) -> None:
    """Have 22 messages, of which two are recent (section 6.1.2)."""
    box = world.box()
    fill(box, 22, {})
    box.first_recent = 21


def select(world: World) -> None:
    """Have the mailboxes of sections 6.3.1 and 6.3.2."""
    box = world.box()
    fill(box, 172, {12: "", 100: ""})
    box.uid_validity, box.uid_next, box.first_recent = 3_857_529_045, 4392, 172
    box = world.box("blurdybloop")
    fill(box, 17, {8: "\\Answered"})
    box.uid_validity, box.uid_next, box.first_recent = 3_857_529_045, 4392, 16


def names(world: World) -> None:
    """Have the mailboxes of sections 6.3.4 and 6.3.5."""
    world.box("blurdybloop")
    world.box("foo/bar")


def status(world: World) -> None:
    """Have the mailboxes of sections 6.3.10 and 6.3.11."""
    box = world.box("blurdybloop")
    fill(box, 231, {})
    box.uid_next = 44_292
    world.box("saved-messages")


def messages(world: World) -> None:
    """Have what the examples of section 6.4 are about."""
    box = world.box()
    fill(box, 1, {})
    for number in (2, 84, 882):
        fill(box, number - 1, {43: "\\Seen"})
        place(box, b"From: Jones\r\n\r\n", flags="\\Flagged", date=JULY_1996)
    place(box, b"From: Smith\r\n\r\n", flags="\\Flagged", date=JULY_1996)
    box.first_recent = box.uid_next
    box.messages[43].content = "Subject: здрав\r\n\r\n".encode()
    world.box("MEETING")
    world.box("owatagusiam")
    world.box("blurdybloop")


def nearly_full(world: World) -> None:
    """Have room for a hundred more messages (section 7.1.2)."""
    fill(world.box(), 200, {})
    world.box("owatagusiam")
    world.box("blurdybloop")
    world.account.limits = QuotaLimits(messages=300)


def expunge(world: World) -> None:
    """Have messages 3, 4, 7 and 11 of a dozen deleted (section 6.4.3)."""
    deleted = dict.fromkeys((3, 4, 7, 11), "\\Deleted")
    fill(world.box(), 12, deleted)


def store(world: World) -> None:
    """Have the flags of section 6.4.6."""
    fill(world.box(), 5, {3: "", 4: "\\Flagged \\Seen"})


def uids(world: World) -> None:
    """Have the UIDs of section 6.4.8 and the size of section 7.4.2."""
    box = world.box()
    fill(box, 22, {})
    for uid in (4_827_313, 4_827_943, 4_828_442):
        place(box, uid=uid, flags="\\Seen")
    box.first_recent = box.uid_next
    box.messages[4_827_313].content = MEETING + text(44_827 - len(MEETING), 900)


def sample(world: World) -> None:
    """Have the mailbox of section 8."""
    world.door.passwords["mrc"] = "secret"
    box = world.box()
    fill(box, 11, {})
    place(box, MEETING + text(3028, 92), flags="\\Seen", date=JULY_1996)
    fill(box, 18, {17: "", 18: ""})
    box.uid_validity, box.first_recent = 3_857_529_045, 17
