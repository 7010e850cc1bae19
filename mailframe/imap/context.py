"""What FETCH and SEARCH need of the session they run in.

Source: RFC 3501 section 7.4.1 (why a view differs from the mailbox).
"""

from collections.abc import Awaitable, Set
from typing import Protocol

from mailframe.interfaces.mailbox import IMailbox
from mailframe.model.mailbox import Listing
from mailframe.model.uid_set import UIDSet


class MessageContext(Protocol):
    """A session with a mailbox selected."""

    @property
    def mailbox(self) -> IMailbox:
        """Return the selected mailbox."""

    @property
    def read_only(self) -> bool:
        """Tell whether it was opened with EXAMINE, or cannot be changed."""

    @property
    def listing(self) -> Listing:
        """Return the session's view: row *i* is message number *i* + 1.

        Messages may be in it that are gone from the mailbox.
        """

    @property
    def recent(self) -> UIDSet:
        """Return the messages that are recent in this session."""

    @property
    def saved(self) -> UIDSet:
        """Return the search result variable (RFC 5182 section 2.1)."""

    @property
    def enabled(self) -> Set[str]:
        """Return what ENABLE switched on, in capitals."""

    def now(self) -> float:
        """Return seconds since 1970."""

    def put(self, octets: bytes) -> None:
        """Send octets; together they are whole responses."""

    def pause(self) -> Awaitable[None] | None:
        """Return what to wait for before sending more, or ``None``."""

    def progress(self, done: int, of: int) -> None:
        """Take how much of how much a command has done."""

    async def refresh(self) -> None:
        """Take flags and new messages of the mailbox into the view.

        Removes no row and sends nothing.
        """
