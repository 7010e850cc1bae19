"""What a server offers: the lines of its answer to EHLO or LHLO.

Source: RFC 5321 section 4.1.1.1, RFC 2033 section 4.1.
"""

import re
from collections.abc import Sequence

# ehlo-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
#                                                    ; RFC 5321 section 4.1.1.1
_KEYWORD = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:[ =](.*))?")

# limit-param = limit-name "=" limit-value           ; RFC 9422 section 4
_LIMIT = re.compile(r"([A-Z0-9-]+)=([0-9]{1,9})", re.IGNORECASE)

# min-by-time = [1*9DIGIT]                           ; RFC 2852 section 2
_MIN_BY_TIME = re.compile(r"[0-9]{1,9}(?=,|\Z)")


class Offer:
    """The service extensions a server offers.

    Attributes:
        keywords: Parameters by keyword, upper case; ``""`` for none.
    """

    __slots__ = ("keywords",)

    def __init__(self, lines: Sequence[str] = ()) -> None:
        """Read the lines of a reply behind the first; none offers nothing.

        Lines that are no keyword are passed over.
        """
        self.keywords: dict[str, str] = {}
        for line in lines:
            match = _KEYWORD.fullmatch(line.strip(" "))
            if match is not None:
                self.keywords[match[1].upper()] = (match[2] or "").strip(" ")

    def __contains__(self, keyword: str) -> bool:
        """Tell whether ``keyword``, upper case, is offered."""
        return keyword in self.keywords

    @property
    def size(self) -> int | None:
        """Octets a message may have; ``None`` when not said (RFC 1870 section 4)."""
        value = self.keywords.get("SIZE", "")
        if not (value.isascii() and value.isdigit()) or len(value) > 20:
            return None
        return int(value) or None

    @property
    def shortest_by(self) -> int | None:
        """Seconds that DELIVERBY needs at least; ``None`` when not said.

        Source: RFC 2852 section 2.
        """
        match = _MIN_BY_TIME.match(self.keywords.get("DELIVERBY", ""))
        return int(match[0]) if match is not None else None

    @property
    def mechanisms(self) -> frozenset[str]:
        """The SASL mechanisms (RFC 4954 section 3)."""
        return frozenset(self.keywords.get("AUTH", "").upper().split())

    def limit(self, name: str) -> int | None:
        """Return a limit the server keeps to, ``None`` when not said.

        Args:
            name: ``RCPTMAX`` or ``MAILMAX``.

        Source: RFC 9422 section 4.
        """
        for word in self.keywords.get("LIMITS", "").split():
            match = _LIMIT.fullmatch(word)
            if match is not None and match[1].upper() == name:
                return int(match[2]) or None
        return None
