"""Where a login comes from, if the credentials say so."""

from typing import Any

from mailframe.interfaces.auth import Mind


def mind_of(credentials: Any) -> Mind | None:
    """Return the :class:`Mind` the credentials carry as ``mind``, or ``None``.

    ``twisted.cred`` tells the realm who asks, not the checker; whoever wants a
    checker to know puts it there.
    """
    mind = getattr(credentials, "mind", None)
    return mind if isinstance(mind, Mind) else None
