"""Mail from users of ours who have logged in: to anywhere, where there is a spool.

Source: RFC 6409 sections 6.1 and 8.
"""

from typing import Any

from zope.interface import implementer

from mailframe.delivery.inbound import InboundReceiver
from mailframe.delivery.refusals import tell
from mailframe.delivery.submitted_header import SubmittedHeader
from mailframe.delivery.transaction import LocalTransaction
from mailframe.errors import MailError, NotPermitted
from mailframe.interfaces.delivery import IMailReceiver
from mailframe.interfaces.mailbox import ISender
from mailframe.mime.date import date_header
from mailframe.model.address import Address
from mailframe.model.envelope import Origin, ReversePath


@implementer(IMailReceiver)
class SubmissionReceiver(InboundReceiver):
    """Takes mail from our users under their own addresses."""

    async def begin(
        self, origin: Origin, reverse_path: ReversePath
    ) -> LocalTransaction:
        """Begin a transaction of the user who has logged in.

        Date and Message-ID are added when they are missing, Bcc goes.

        Raises:
            NotPermitted: Nobody has logged in, or the sender is somebody else.
            MessageTooLarge: The declared size is more than is taken.
            TooMuchHeldBack: It is to be held back, like too many others.
            TemporaryFailure: It cannot be told whose address the sender is.

        Source: RFC 6409 sections 6.1, 8.2 and 8.3.
        """
        # The null sender is nobody's: notifications have it (RFC 8098 section 3).
        sender = reverse_path.address
        message_id = self._new_id()
        mending = SubmittedHeader(
            date_header(int(self._now())),
            f"<{message_id}@{origin.server_name}>".encode(),
            self._delivery_limits.submitted_header,
        )
        try:
            if origin.user is None or not (
                sender is None or await self._belongs(sender, origin)
            ):
                raise NotPermitted(f"{origin.user} may not send as {sender}")
            return await self._begin(origin, reverse_path, message_id, mending)
        except MailError as refusal:
            tell(refusal, "MAIL", origin, reverse_path)
            raise

    async def _belongs(self, sender: Address, origin: Origin) -> bool:
        """Tell whether an address is the user's own, an alias, or allowed him."""
        assert origin.user is not None
        if await self._addresses.belongs(sender, origin.user, origin.server_address):
            return True
        # Not one of our addresses; the account may still have it.
        account: Any = origin.account
        if not ISender.providedBy(account):
            return False
        allowed: bool = await account.may_send_as(str(sender))
        return allowed

    def _relays(self, origin: Origin) -> bool:
        """Who has logged in may send anywhere (RFC 6409 section 3.1)."""
        return origin.user is not None
