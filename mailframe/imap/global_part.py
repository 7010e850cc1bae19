"""MESSAGE/GLOBAL in a body structure, for clients that do not know it.

To a client of IMAP4rev1 only MESSAGE/RFC822 is a message in a message; of any other
type it expects the basic fields, and nothing of what is inside.

Source: RFC 3501 section 9 (body-type-basic), RFC 9051 section 9 (body-type-msg).
"""

import re

_BEGINNING = b'("message" "global" '
_BASIC = 5
"""Values after the type: parameters, identifier, description, encoding, octets."""
_OF_A_MESSAGE = 3
"""Values after those: envelope, structure, lines."""

# string / number / nil, or what encloses them. Of a literal it is the beginning.
_TOKEN = re.compile(
    rb'[()]|"[^"\\]*(?:\\.[^"\\]*)*"|\{([0-9]+)\}\r\n|[^ (){"]+', re.DOTALL
)


def without_global(structure: bytes) -> bytes:
    """Return a body structure in which MESSAGE/GLOBAL has basic fields only.

    Args:
        structure: As it is kept for BODY or BODYSTRUCTURE.
    """
    if _BEGINNING not in structure:
        return structure
    kept, copied, place = [], 0, 0
    while place < len(structure):
        if structure.startswith(_BEGINNING, place):
            cut = _behind(structure, place + len(_BEGINNING), _BASIC)
            kept.append(structure[copied : cut - 1])
            place = copied = _behind(structure, cut, _OF_A_MESSAGE) - 1
        elif structure[place : place + 1] == b" ":
            place += 1
        else:
            place = _token_end(structure, place)
    return b"".join([*kept, structure[copied:]])


def _behind(octets: bytes, place: int, values: int) -> int:
    """Return where it goes on behind some values and the octet after the last."""
    for _ in range(values):
        depth = 0
        while True:
            token = octets[place : place + 1]
            depth += {b"(": 1, b")": -1}.get(token, 0)
            place = _token_end(octets, place)
            if not depth:
                break
            if octets[place : place + 1] == b" ":
                place += 1
        place += 1
    return place


def _token_end(octets: bytes, place: int) -> int:
    found = _TOKEN.match(octets, place)
    assert found is not None, octets[place : place + 20]
    return found.end() + int(found[1] or 0)
