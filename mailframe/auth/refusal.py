"""Why somebody does not come in, for the log; the peer is never told."""

from twisted.cred.error import UnauthorizedLogin

CREDENTIALS = "credentials"
"""No such user, or not this secret: which of them is not told to anybody."""


class RefusedLogin(UnauthorizedLogin):
    """Somebody is refused for a reason the operator can name.

    Attributes:
        reason: One word of ours, never anything that came from the peer:
            ``network``, ``service``, ``scope``, ``expired``, ``closed`` or
            ``master``.
    """

    def __init__(self, reason: str) -> None:
        """Refuse for ``reason``."""
        super().__init__(f"refused: {reason}")
        self.reason = reason


def reason_of(error: Exception) -> str:
    """Return the word for a refusal.

    The text of an error of somebody else's checker is not looked at: it could
    repeat what it was given.
    """
    return error.reason if isinstance(error, RefusedLogin) else CREDENTIALS
