"""The reference store keeps the promises every store makes."""

from twisted.trial.unittest import TestCase

from mailframe.storage.memory import MemoryAccount
from mailframe.testing.access_keys_contract import AccessKeysContract
from mailframe.testing.annotation_contract import AnnotationContract, SpecialUseContract
from mailframe.testing.header_index_contract import HeaderIndexContract
from mailframe.testing.mailbox_contract import MailboxContract
from mailframe.testing.quota_contract import QuotaContract
from mailframe.testing.remover_contract import RemoverContract
from mailframe.testing.replacer_contract import ReplacerContract
from mailframe.testing.save_dates_contract import SaveDatesContract
from mailframe.testing.shared_mailbox_contract import SharedMailboxContract
from mailframe.testing.watched_contract import WatchedContract


class MemoryAccountTests(
    MailboxContract,
    QuotaContract,
    AnnotationContract,
    SpecialUseContract,
    HeaderIndexContract,
    RemoverContract,
    ReplacerContract,
    SaveDatesContract,
    WatchedContract,
    AccessKeysContract,
    SharedMailboxContract,
    TestCase,
):
    """Mail kept in memory."""

    async def make_account(self) -> MemoryAccount:
        """Return an empty account."""
        return MemoryAccount("user@example.org")
