"""The Maildir store keeps the promises every store makes."""

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from mailframe.interfaces.plugin import Host
from mailframe.storage.maildir.account import MaildirAccount
from mailframe.storage.maildir.realm import MaildirRealm
from mailframe.testing.mailbox_contract import MailboxContract


class MaildirAccountTests(MailboxContract, TestCase):
    """Mail in Maildirs, with the threads and the reactor of a program."""

    async def make_account(self) -> MaildirAccount:
        """Return an empty account of a running store."""
        base = self.mktemp()
        realm = MaildirRealm(f"{base}/%d/%n", Host(f"{base}/s", ("x",), reactor))
        realm.startService()
        self.addCleanup(realm.stopService)
        return await realm.account("user@example.org")

    async def settle(self) -> None:
        """Let the reactor turn."""
        await deferLater(reactor, 0.02)
