"""What an operator may decide about the SMTP service itself.

The defaults are the safe ones.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mailframe.interfaces.content import IContentByURL


def nobody(client_address: str | None) -> bool:
    """Trust no client at all."""
    return False


def users(user: str | None, client_address: str | None) -> bool:
    """Trust whoever has logged in."""
    return user is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class SMTPOptions:
    """How one SMTP, submission or LMTP service shall behave."""

    normalize_newlines: bool = False
    """Whether a CR or LF alone in a message becomes CRLF; such a message is
    refused otherwise. Only CRLF.CRLF ends it in either case."""
    unannounced: frozenset[str] = frozenset()
    """Extensions, by EHLO keyword in upper case, that are not announced; their
    parameters are refused."""
    may_xclient: Callable[[str | None], bool] = nobody
    """Tells from a client's address (``None``: Unix socket) whether it may say
    who its own client is, and is believed in everything."""
    may_xforward: Callable[[str | None], bool] = nobody
    """The same for XFORWARD, which is for the log only."""
    expand: bool = False
    """Whether EXPN shows the members of a list, where the receiver can tell."""
    hold_seconds: int = 0
    """For how long a submitted message may be held back (FUTURERELEASE), in
    seconds; 0 to offer none. A week is 604800."""
    require_tls: bool = False
    """Whether REQUIRETLS is offered over TLS; whoever sends the message on has
    to keep to it."""
    content_by_url: IContentByURL | None = None
    """Follows URLs for who submits a message (BURL); ``None`` to offer none."""
    may_raise_priority: Callable[[str | None, str | None], bool] = users
    """Tells from who has logged in and a client's address (``None``: nobody, and
    Unix socket) whether a message may have a priority above 0."""
    priority_policy: str = ""
    """Name of the policy by which priorities are given, for MT-PRIORITY;
    ``""`` to name none, which clients take for MIXER."""
    deliver_by: bool = True
    """Whether DELIVERBY is offered; the queue has to keep to it."""
