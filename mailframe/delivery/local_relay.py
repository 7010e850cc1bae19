"""The last hop of queued mail that is for accounts of our own.

What an account could not take at once waits in the spool; the queue hands it
to this relay when it is due again. Tables are not asked any more: they were
when the message came in.
"""

from collections.abc import Sequence

from zope.interface import implementer

from mailframe.delivery import trace
from mailframe.delivery.accounts import AccountFor, put_into_account
from mailframe.delivery.local_users import LocalUsers
from mailframe.delivery.loops import been_to, mark
from mailframe.errors import MailError, MailLoop
from mailframe.interfaces.content import IContent
from mailframe.interfaces.delivery import Hop, IRelay
from mailframe.limits import DeliveryLimits
from mailframe.model.envelope import Envelope


@implementer(IRelay)
class LocalRelay:
    """Carries a message into accounts of ours."""

    def __init__(
        self,
        users: LocalUsers,
        account_for: AccountFor,
        limits: DeliveryLimits | None = None,
    ) -> None:
        """Prepare.

        Args:
            users: Finds accounts.
            account_for: Gives the account of a user.
            limits: ``None`` for the defaults.
        """
        self._users = users
        self._account_for = account_for
        self._limits = limits or DeliveryLimits()

    async def deliver(
        self, hop: Hop, envelope: Envelope, content: IContent
    ) -> Sequence[MailError | None]:
        """Give each recipient's account the message; the hop does not matter."""
        head: bytes = await content.read(0, self._limits.head)
        before = been_to(head)
        sender = trace.return_path(envelope.reverse_path.address)
        verdicts: list[MailError | None] = []
        done: dict[str, MailError | None] = {}
        for path in envelope.forward_paths:
            try:
                user = await self._users.find(path.address)
                if mark(user) in before:
                    raise MailLoop(f"delivered to {user} before")
            except MailError as refusal:
                verdicts.append(refusal)
                continue
            if user not in done:
                done[user] = await put_into_account(
                    self._account_for,
                    user,
                    content,
                    sender + trace.delivered_to(user),
                    message_id="from the queue:",
                )
            verdicts.append(done[user])
        return verdicts
