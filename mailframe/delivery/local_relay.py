"""The last hop of queued mail that is for accounts, programs and files of ours.

What one of them could not take at once waits in the spool; the queue hands it
to this relay when it is due again. Tables are not asked any more: they were
when the message came in.
"""

from collections.abc import Sequence
from dataclasses import replace

from zope.interface import implementer

from mailframe.delivery import trace
from mailframe.delivery.accounts import AccountFor, put_into_account
from mailframe.delivery.agents import Agent
from mailframe.delivery.content import HeadedContent
from mailframe.delivery.destination import agent_place
from mailframe.delivery.local_users import LocalUsers
from mailframe.delivery.loops import been_to, mark
from mailframe.errors import MailError, MailLoop, NotPermitted
from mailframe.interfaces.content import IContent
from mailframe.interfaces.delivery import Hop, IRelay
from mailframe.limits import DeliveryLimits
from mailframe.model.envelope import Envelope


@implementer(IRelay)
class LocalRelay:
    """Carries a message into accounts of ours, to programs and into files."""

    def __init__(
        self,
        users: LocalUsers,
        account_for: AccountFor,
        agent: Agent | None = None,
        limits: DeliveryLimits | None = None,
    ) -> None:
        """Prepare.

        Args:
            users: Finds accounts.
            account_for: Gives the account of a user.
            agent: Delivers to programs and files; ``None`` where there are none.
            limits: ``None`` for the defaults.
        """
        self._users = users
        self._account_for = account_for
        self._agent = agent
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
            if path.via:
                one = replace(envelope, forward_paths=(path,))
                verdicts.append(await self._by_agent(one, before, content))
                continue
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

    async def _by_agent(
        self, envelope: Envelope, before: frozenset[str], content: IContent
    ) -> MailError | None:
        """Give the message to the program or file of its one recipient."""
        (path,) = envelope.forward_paths
        place = agent_place(path.via)
        try:
            if self._agent is None or place is None:
                raise NotPermitted(f"nothing delivers to {path.via}")
            if mark(path.address) in before:
                raise MailLoop(f"delivered to {path.address} before")
            header = trace.return_path(envelope.reverse_path.address)
            header += trace.delivered_to(trace.told(path.address))
            await self._agent.deliver(place, envelope, HeadedContent(header, content))
        except MailError as refusal:
            return refusal
        return None
