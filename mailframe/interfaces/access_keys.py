"""Secrets with which URLs into mailboxes are made.

Source: RFC 4467 section 2.2.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from zope.interface import Interface

from mailframe.model.mailbox import MailboxName


class IAccessKeys(Interface):
    """Optional power of an account: it keeps a secret for each mailbox.

    Who knows the key of a mailbox can make URLs that lead into it. Keys follow
    a mailbox that is renamed and go when it is deleted; they are never shown.

    Source: RFC 4467 section 2.2.
    """

    def access_key(name: MailboxName, fresh: bytes | None) -> Awaitable[bytes | None]:
        """Return the key of a mailbox.

        Args:
            name: Which mailbox.
            fresh: What it becomes, durably, if there is none yet; ``None`` to
                make none.

        Raises:
            NoSuchMailbox: It is not there.
            TemporaryFailure: It cannot be read, or kept.
        """

    def change_access_key(name: MailboxName, fresh: bytes) -> Awaitable[None]:
        """Give a mailbox another key, durably.

        Raises:
            NoSuchMailbox: It is not there.
            TemporaryFailure: It cannot be kept.
        """

    def watch_access_keys(callback: Callable[[str], Any]) -> Callable[[], None]:
        """Have ``callback`` called soon after a key was given by change_access_key.

        In the reactor's thread, with the ID of the mailbox, once for each change.

        Returns:
            What to call, once, to stop it.

        Source: RFC 4467 section 7 (RESETKEY: sessions that have it selected).
        """

    def forget_access_keys() -> Awaitable[None]:
        """Forget all keys, durably.

        Raises:
            TemporaryFailure: They are still there.
        """
