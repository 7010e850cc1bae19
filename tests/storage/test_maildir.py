"""The Maildir store keeps the promises every store makes."""

from mailframe.storage.maildir.account import MaildirAccount
from mailframe.testing.mailbox_contract import MailboxContract
from tests.storage.maildir_case import MaildirTestCase


class MaildirAccountTests(MailboxContract, MaildirTestCase):
    """Mail in Maildirs, with the threads and the reactor of a program."""

    async def make_account(self) -> MaildirAccount:
        """Return the account, which is empty."""
        return await self.account()

    async def settle(self) -> None:
        """Let the reactor turn."""
        await self.pause()
