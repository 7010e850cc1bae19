"""The reference store keeps the promises every store makes."""

from twisted.trial.unittest import TestCase

from mailframe.storage.memory import MemoryAccount
from mailframe.testing.mailbox_contract import MailboxContract


class MemoryAccountTests(MailboxContract, TestCase):
    """Mail kept in memory."""

    async def make_account(self) -> MemoryAccount:
        """Return an empty account."""
        return MemoryAccount("user@example.org")
