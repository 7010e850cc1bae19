"""The Maildir store keeps the promises every store makes."""

from mailframe.storage.maildir.account import MaildirAccount
from mailframe.testing.access_keys_contract import AccessKeysContract
from mailframe.testing.annotation_contract import AnnotationContract, SpecialUseContract
from mailframe.testing.header_index_contract import HeaderIndexContract
from mailframe.testing.mailbox_contract import MailboxContract
from mailframe.testing.quota_contract import QuotaContract
from mailframe.testing.read_ahead_contract import ReadAheadContract
from mailframe.testing.remover_contract import RemoverContract
from mailframe.testing.replacer_contract import ReplacerContract
from mailframe.testing.save_dates_contract import SaveDatesContract
from mailframe.testing.shared_mailbox_contract import SharedMailboxContract
from mailframe.testing.watched_contract import WatchedContract
from tests.storage.maildir_case import MaildirTestCase


class MaildirAccountTests(
    MailboxContract,
    QuotaContract,
    AnnotationContract,
    SpecialUseContract,
    HeaderIndexContract,
    ReadAheadContract,
    RemoverContract,
    ReplacerContract,
    SaveDatesContract,
    WatchedContract,
    AccessKeysContract,
    SharedMailboxContract,
    MaildirTestCase,
):
    """Mail in Maildirs, with the threads and the reactor of a program."""

    async def make_account(self) -> MaildirAccount:
        """Return the account, which is empty."""
        return await self.account()

    async def settle(self) -> None:
        """Let files follow, and the reactor turn."""
        await self.filed()
