"""SASLprep: names and passwords that look alike become alike.

Source: RFC 4013, RFC 3454.
"""

import stringprep
import unicodedata

# RFC 4013 section 2.3
_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: str, *, stored: bool = False) -> str:
    """Return the one form of a name or password.

    Args:
        text: As typed.
        stored: Whether it is to be kept, and not compared with what is kept:
            code points that Unicode 3.2 has not assigned are then refused.

    Raises:
        ValueError: It has what no name or password may have; the text repeats
            nothing of it.

    Source: RFC 4013 section 2.
    """
    if text.isascii():
        # Most are; of these, only the controls are prohibited.
        if not text.isprintable():
            raise ValueError("a prohibited character")
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(one) else one
        for one in text
        if not stringprep.in_table_b1(one)
    )
    # Unicode 3.2 is what RFC 3454 was made for.
    found = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    for one in found:
        if any(is_in(one) for is_in in _PROHIBITED):
            raise ValueError("a prohibited character")
        if stored and stringprep.in_table_a1(one):
            raise ValueError("a character that is not assigned")
    _check_direction(found)
    return found


def _check_direction(text: str) -> None:
    """Refuse what is written in both directions.

    Raises:
        ValueError: It is.

    Source: RFC 3454 section 6.
    """
    if not any(map(stringprep.in_table_d1, text)):
        return
    if any(map(stringprep.in_table_d2, text)):
        raise ValueError("characters of both directions")
    if not (stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])):
        raise ValueError("does not begin and end with a right-to-left character")
