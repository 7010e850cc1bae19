"""Mail from other hosts, for users of ours and nobody else.

Source: RFC 5321 section 3.6, section 4.5.1 (postmaster), section 6.3 (loops).
"""

from collections.abc import Callable, Sequence
from itertools import count
from secrets import randbits

from zope.interface import implementer

from mailframe.delivery import trace
from mailframe.delivery.local_users import LocalUsers
from mailframe.delivery.transaction import (
    AccountFor,
    Filter,
    LocalTransaction,
    NoFilter,
)
from mailframe.errors import MessageTooLarge
from mailframe.interfaces.auth import IUserDirectory
from mailframe.interfaces.content import IIntake
from mailframe.interfaces.delivery import IMailReceiver
from mailframe.limits import SMTPLimits
from mailframe.model.address import Address
from mailframe.model.envelope import Origin, ReversePath


@implementer(IMailReceiver)
class InboundReceiver:
    """Takes mail for the users of our domains, from anybody."""

    def __init__(
        self,
        directory: IUserDirectory,
        *,
        domains: Sequence[str],
        account_for: AccountFor,
        intake: IIntake,
        now: Callable[[], float],
        limits: SMTPLimits | None = None,
    ) -> None:
        """Receive for some domains.

        Args:
            directory: Who there is.
            domains: The domains we receive for, at least one; the first is
                where a bare ``postmaster`` is looked for.
            account_for: Gives the account of a user, by canonical address.
            intake: Where messages rest until they are delivered.
            now: Seconds since 1970.
            limits: Of one message; ``None`` for the defaults.
        """
        self._users = LocalUsers(directory, domains)
        self._account_for = account_for
        self._intake = intake
        self._now = now
        self._limits = limits or SMTPLimits()
        self._counter = count(randbits(16))

    async def begin(
        self, origin: Origin, reverse_path: ReversePath
    ) -> LocalTransaction:
        """Begin a transaction; any sender will do.

        Raises:
            MessageTooLarge: The declared size is more than is taken.
        """
        return self._begin(origin, reverse_path, self._new_id(), NoFilter())

    async def verify(self, origin: Origin, text: str) -> Sequence[Address]:
        """Tell nothing (RFC 5321 section 7.3)."""
        return ()

    def _begin(
        self,
        origin: Origin,
        reverse_path: ReversePath,
        message_id: str,
        content_filter: Filter,
    ) -> LocalTransaction:
        size = reverse_path.size
        if size is not None and size > self._limits.message_size:
            raise MessageTooLarge(f"{size} octets declared")
        return LocalTransaction(
            message_id,
            origin,
            reverse_path,
            users=self._users,
            account_for=self._account_for,
            intake=self._intake,
            max_received=self._limits.received_fields,
            now=self._now,
            content_filter=content_filter,
        )

    def _new_id(self) -> str:
        return trace.make_id(self._now(), next(self._counter), randbits(32))
