"""What the examples of RFC 4469 begin with."""

from mailframe.storage.memory_box import MemoryBox
from tests.imap.world import World, place

BOUNDARY = b"------------030308070208000400050907"


def _message(second: bytes) -> bytes:
    """Return a message of two parts."""
    return b"\r\n".join(
        [
            b"From: Bob Ar <bar@example.org>",
            b"Subject: About our holiday trip",
            b'Content-Type: multipart/mixed; boundary="%b"' % BOUNDARY,
            b"",
            b"--" + BOUNDARY,
            b"Content-Type: text/plain; charset=us-ascii; format=flowed",
            b"Content-Transfer-Encoding: 7bit",
            b"",
            b"Our travel agent has sent the updated schedule.",
            b"--" + BOUNDARY,
            second,
            b"Content-Transfer-Encoding: base64",
            b"",
            b"Wklw",
            b"--" + BOUNDARY + b"--",
            b"",
        ]
    )


def _box(world: World, name: str, uid_validity: int, uid_next: int) -> MemoryBox:
    box = world.box(name)
    box.uid_validity, box.uid_next = uid_validity, uid_next
    return box


def drafts(world: World) -> None:
    """Have UIDs 20, 21 and 30, the last of which is a part to put in."""
    box = _box(world, "Drafts", 385_759_045, 1)
    zipped = b"Content-Type: application/x-zip-compressed"
    place(box, _message(zipped), uid=20)
    place(box, _message(b"Content-Type: application/vnd.ms-powerpoint"), uid=21)
    place(box, zipped + b"\r\n\r\nUEs=\r\n", uid=30)
    box.uid_next = 44


def digest(world: World) -> None:
    """Have a list's messages, of which UID 113330 has no section 1.5.9."""
    box = _box(world, "INBOX", 785_799_047, 1)
    for uid in (11_467, 11_916, 113_330):
        place(box, _message(b"Content-Type: text/plain"), uid=uid)
    world.box("Sent")
