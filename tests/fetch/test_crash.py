"""Whatever breaks off between any two steps: nothing is lost, nothing comes twice."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, execute
from twisted.trial.unittest import TestCase

from mailframe.model.flag import FlagChange
from mailframe.model.mailbox import INBOX, mailbox_name
from mailframe.model.uid_set import UIDSet
from mailframe.storage.memory import MemoryAccount
from tests.fetch.fetch_child import account_in, realm_of
from tests.fetch.world import TO, Here, There, contents, put, without_trace

MESSAGES = [b"Subject: %d\r\n\r\nx\r\n" % number for number in range(3)]


class Crashed(BaseException):
    """The process is gone: nothing that comes after this happens."""


class Countdown:
    """Lets some steps happen, then crashes before or after the next."""

    def __init__(self, steps: int, after: bool) -> None:
        """Crash at step number ``steps``."""
        self.left = steps
        self.after = after
        self.crashed = False

    def before_step(self) -> None:
        """A step begins."""
        if self.crashed or (self.left == 0 and not self.after):
            self.crashed = True
            raise Crashed

    def after_step(self) -> None:
        """A step is done."""
        if self.left == 0:
            self.crashed = True
            raise Crashed
        self.left -= 1

    def run(self, call: Callable[[], Any]) -> Deferred[Any]:
        """Run a call on the memory as one step."""

        def step() -> Any:
            self.before_step()
            result = call()
            self.after_step()
            return result

        return execute(step)


class CrashingAccount:
    """An account whose ``append`` is one step."""

    def __init__(self, account: Any, countdown: Countdown) -> None:
        """Stand before an account."""
        self._account = account
        self._countdown = countdown

    def __getattr__(self, name: str) -> Any:
        return getattr(self._account, name)

    async def append(self, *arguments: Any) -> Any:
        """Append, unless the process is gone."""
        self._countdown.before_step()
        result = await self._account.append(*arguments)
        self._countdown.after_step()
        return result


class CrashTests(TestCase):
    """A crash at every step of a pass, then a pass of a new process."""

    timeout = 110

    def setUp(self) -> None:
        """Find the reactor."""
        from twisted.internet import reactor  # noqa: TID251 - over loopback

        self.reactor: Any = reactor

    def play(self, scene: Coroutine[Any, Any, None]) -> "Deferred[None]":
        """Run a test that waits."""
        return Deferred.fromCoroutine(scene)

    def world(self) -> tuple[There, Here]:
        """Make both sides."""
        directory = Path(self.mktemp())
        directory.mkdir()
        there = There(directory, self.reactor, ("localhost",))
        here = Here(directory, self.reactor)
        self.addCleanup(here.intake.close)
        self.addCleanup(lambda: Deferred.fromCoroutine(there.close()))
        return there, here

    async def crash(self, here: Here, steps: int, after: bool, job: Any) -> bool:
        """Collect with a crash; return whether it came to that."""
        countdown = Countdown(steps, after)
        account = CrashingAccount(here.account, countdown)

        async def account_for(address: str) -> Any:
            return account

        try:
            await here.collect(job, account_for=account_for, run=countdown.run)
        except Crashed:
            return True
        return False

    async def every_step(self, protocol: str, keep: bool) -> None:
        """Crash at each step, before and after it was done."""
        for after in (False, True):
            steps, there, here = 0, *self.world()
            crashed = True
            while crashed:
                job = there.job(protocol, "starttls", keep=keep, user="ann@example.net")
                here.account = MemoryAccount(TO, now=self.reactor.seconds)
                (here.directory / "fetch.db").unlink(missing_ok=True)
                inbox = await there.account.open(INBOX)
                listing = (await inbox.changes(0)).listing
                uids = UIDSet.of(listing.uids)
                await inbox.store(uids, FlagChange.ADD, frozenset({"\\Deleted"}))
                await inbox.expunge()
                inbox.close()
                await put(there.account, *MESSAGES)
                crashed = await self.crash(here, steps, after, job)
                await here.collect(job)
                found = [without_trace(one) for one in await contents(here.account)]
                self.assertEqual(found, MESSAGES, f"step {steps}, after: {after}")
                left = await contents(there.account)
                self.assertEqual(left, MESSAGES if keep else [])
                self.assertEqual(await here.collect(job), 0)
                steps += 1
            # One pass has at least three steps for each message.
            self.assertGreater(steps, 3 * len(MESSAGES))

    def test_imap_keep(self) -> "Deferred[None]":
        """IMAP, the messages stay there."""
        return self.play(self.every_step("imap", True))

    def test_imap_delete(self) -> "Deferred[None]":
        """IMAP, the messages go there."""
        return self.play(self.every_step("imap", False))

    def test_pop3_keep(self) -> "Deferred[None]":
        """POP3, the messages stay there."""
        return self.play(self.every_step("pop3", True))

    def test_pop3_delete(self) -> "Deferred[None]":
        """POP3, the messages go there."""
        return self.play(self.every_step("pop3", False))

    async def after_append(self) -> tuple[There, Here, Any]:
        """Crash after the append of one message and before it is remembered."""
        there, here = self.world()
        job = there.job("imap", "starttls")
        await put(there.account, MESSAGES[0])
        # Two steps come before: what is known, and that it is begun.
        self.assertTrue(await self.crash(here, 2, True, job))
        self.assertEqual(len(await contents(here.account)), 1)
        return there, here, job

    def test_moved_meanwhile(self) -> "Deferred[None]":
        """A message its owner has put into another mailbox is found there."""

        async def scene() -> None:
            _, here, job = await self.after_append()
            await here.account.create(mailbox_name("Work/2026"))
            inbox = await here.account.open(INBOX)
            await inbox.move(UIDSet.of([1]), mailbox_name("Work/2026"))
            self.assertEqual(await here.collect(job), 0)
            self.assertEqual(await contents(here.account), [])

        return self.play(scene())

    def test_expunged_meanwhile(self) -> "Deferred[None]":
        """One that was expunged between crash and start comes again: never lost."""

        async def scene() -> None:
            _, here, job = await self.after_append()
            inbox = await here.account.open(INBOX)
            await inbox.store(UIDSet.of([1]), FlagChange.ADD, frozenset({"\\Deleted"}))
            await inbox.expunge()
            self.assertEqual(await here.collect(job), 1)
            self.assertEqual(len(await contents(here.account)), 1)

        return self.play(scene())

    def test_maildir(self) -> "Deferred[None]":
        """A Maildir that was closed and opened again knows the message."""

        async def scene() -> None:
            for protocol in ("imap", "pop3"):
                there, here = self.world()
                job = there.job(protocol, "starttls")
                await put(there.account, *MESSAGES)
                directory = str(here.directory.resolve())
                for crashing in (True, False):
                    realm = realm_of(directory)
                    realm.startService()
                    try:
                        here.account = await account_in(realm)
                        if crashing:
                            self.assertTrue(await self.crash(here, 2, True, job))
                            continue
                        self.assertEqual(await here.collect(job), len(MESSAGES) - 1)
                        found = await contents(here.account)
                        self.assertEqual(
                            [without_trace(one) for one in found], MESSAGES
                        )
                    finally:
                        await realm.stopService()

        return self.play(scene())
