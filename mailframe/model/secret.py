"""Octets that never print themselves."""

import hmac


class Secret:
    """A password, token or SASL response: kept, compared, never shown.

    ``repr``, ``str`` and formatting give a fixed text, so that no log line or
    traceback can carry the octets. ``reveal`` is the one way to them.
    """

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes) -> None:
        """Keep ``octets``."""
        self._octets = octets

    def reveal(self) -> bytes:
        """Return the octets themselves."""
        return self._octets

    def __eq__(self, other: object) -> bool:
        """Compare in a time that tells nothing of the octets."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._octets, other._octets)

    def __hash__(self) -> int:
        """Secrets are not kept in sets or dicts by value."""
        return id(self)

    def __bool__(self) -> bool:
        """Tell whether there are any octets."""
        return bool(self._octets)

    def __repr__(self) -> str:
        """Give the fixed text."""
        return "Secret(***)"
