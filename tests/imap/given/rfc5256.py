"""The mailboxes of RFC 5256 sections 3 and 4."""

from tests.imap.world import World, place

_MARCH = 952_300_800
"""6 March 2000."""
_SENT = (
    *(166, 167, 168, 169, 172, 170, 171, 173, 174, 175, 176, 178, 181, 180, 179, 177),
    *(183, 182, 188, 184, 185, 186, 187, 189, *range(190, 209)),
)
"""In which order the messages were sent."""
_SUBJECTS = {
    174: (175, 176, 178, 180, 181),
    177: (*range(182, 190),),
    194: (195,),
    196: (197, 198),
    200: (202,),
    206: (207,),
}
"""Which messages have the subject of another."""
_ANSWERS = {
    900: (170, 179),
    901: (174, 175, 176, 178, 180, 181),
    902: (177, 182, 183, 185, 187, 188),
    903: (194, 195),
    **{185: (186,), 188: (184, 189), 195: (196,), 197: (198,), 200: (202,)},
    **{205: (206,), 206: (207,)},
}
"""Which messages refer to another, that need not be there."""


def _inverted(table: dict[int, tuple[int, ...]]) -> dict[int, int]:
    return {one: key for key, ones in table.items() for one in ones}


def _message(uid: int, subject: int, answers: int | None, minute: int) -> bytes:
    references = "" if answers is None else f"References: <{answers}@example.org>\r\n"
    return (
        f"Subject: about {subject}\r\nMessage-ID: <{uid}@example.org>\r\n{references}"
        f"Date: 6 Mar 2000 12:{minute:02}:00 +0000\r\n\r\n"
    ).encode()


def threads(world: World) -> None:
    """Put the messages of the example of THREAD."""
    box = world.box()
    subjects, answers = _inverted(_SUBJECTS), _inverted(_ANSWERS)
    for _ in range(165):
        place(box)
    for uid in range(166, 209):
        minute = _SENT.index(uid)
        octets = _message(uid, subjects.get(uid, uid), answers.get(uid), minute)
        place(box, octets, date=_MARCH)


def nested(world: World) -> None:
    """Put messages of which some are in the threads of section 4."""
    box = world.box()
    answers = {6: 3, 4: 6, 23: 4, 44: 6, 7: 44, 96: 7, 5: 900, 8: 900}
    for uid in range(1, 97):
        place(box, _message(uid, uid, answers.get(uid), uid % 60))
