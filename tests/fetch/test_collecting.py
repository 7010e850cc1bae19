"""Collecting over loopback from servers of our own."""

from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.model.flag import FlagChange
from mailframe.model.mailbox import INBOX, mailbox_name
from mailframe.model.secret import Secret
from mailframe.model.uid_set import UIDSet
from tests.fetch.world import Here, There, contents, put, without_trace

FIRST = b"Subject: one\r\n\r\nfirst\r\n.\r\n..two dots\r\nlast\r\n"
SECOND = b"Subject: two\r\n\r\n" + b"line\r\n" * 50_000
WAYS = [
    (protocol, tls) for protocol in ("imap", "pop3") for tls in ("starttls", "implicit")
]


class CollectingTests(TestCase):
    """What is there comes here, once."""

    timeout = 110

    def setUp(self) -> None:
        """Make both sides."""
        from twisted.internet import reactor  # noqa: TID251 - over loopback

        self.reactor: Any = reactor
        directory = Path(self.mktemp())
        directory.mkdir()
        self.there = There(directory, reactor, ("localhost",))
        self.here = Here(directory, reactor)
        self.addCleanup(self.here.intake.close)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.there.close()))

    def play(self, scene: Coroutine[Any, Any, None]) -> "Deferred[None]":
        """Run a test that waits."""
        return Deferred.fromCoroutine(scene)

    async def mine(self) -> list[bytes]:
        """Return what came, without our trace fields."""
        return [without_trace(one) for one in await contents(self.here.account)]

    async def scene_keep(self, protocol: str, tls: str) -> None:
        """Collect twice, with a restart and a new message between."""
        job = self.there.job(protocol, tls)
        await put(self.there.account, FIRST, SECOND)
        self.assertEqual(await self.here.collect(job), 2)
        self.assertEqual(await self.mine(), [FIRST, SECOND])
        await put(self.there.account, b"Subject: three\r\n\r\n")
        self.assertEqual(await self.here.collect(job), 1)
        self.assertEqual(len(await contents(self.there.account)), 3)
        self.assertEqual(len(await self.mine()), 3)

    def test_keep_imap_starttls(self) -> "Deferred[None]":
        """IMAP with STARTTLS: what stays there comes once."""
        return self.play(self.scene_keep("imap", "starttls"))

    def test_keep_imap_implicit(self) -> "Deferred[None]":
        """The same over TLS from the first octet."""
        return self.play(self.scene_keep("imap", "implicit"))

    def test_keep_pop3_starttls(self) -> "Deferred[None]":
        """POP3 with STLS: what stays there comes once."""
        return self.play(self.scene_keep("pop3", "starttls"))

    def test_keep_pop3_implicit(self) -> "Deferred[None]":
        """The same over TLS from the first octet."""
        return self.play(self.scene_keep("pop3", "implicit"))

    async def scene_delete(self, protocol: str) -> None:
        """Collect, and find nothing left there."""
        job = self.there.job(protocol, "implicit", keep=False)
        await put(self.there.account, FIRST, SECOND)
        self.assertEqual(await self.here.collect(job), 2)
        self.assertEqual(await contents(self.there.account), [])
        self.assertEqual(await self.here.collect(job), 0)
        self.assertEqual(await self.mine(), [FIRST, SECOND])

    def test_delete_imap(self) -> "Deferred[None]":
        """Without keep, IMAP messages go once they are here."""
        return self.play(self.scene_delete("imap"))

    def test_delete_pop3(self) -> "Deferred[None]":
        """Without keep, POP3 messages go once they are here."""
        return self.play(self.scene_delete("pop3"))

    def test_other_name(self) -> "Deferred[None]":
        """A certificate for another host ends it before any password."""

        async def scene() -> None:
            for protocol, tls in WAYS:
                job = self.there.job(protocol, tls, host="127.0.0.1")
                with self.assertRaises(TemporaryFailure):
                    await self.here.collect(job)

        return self.play(scene())

    def test_unknown_authority(self) -> "Deferred[None]":
        """So does a certificate of an authority nobody named."""

        async def scene() -> None:
            job = self.there.job("imap", "implicit", authorities=None)
            with self.assertRaises(TemporaryFailure):
                await self.here.collect(job)

        return self.play(scene())

    def test_wrong_password(self) -> "Deferred[None]":
        """A wrong password is told apart from trouble."""

        async def scene() -> None:
            for protocol in ("imap", "pop3"):
                job = self.there.job(protocol, "implicit", password=Secret(b"no"))
                with self.assertRaises(UnauthorizedLogin):
                    await self.here.collect(job)

        return self.play(scene())

    def test_too_large(self) -> "Deferred[None]":
        """A message over the limit stays there, and delays no other."""

        async def scene() -> None:
            await put(self.there.account, SECOND, FIRST)
            for protocol in ("imap", "pop3"):
                job = self.there.job(protocol, "implicit", keep=False, max_size=1000)
                await self.here.collect(job)
                self.assertEqual(await contents(self.there.account), [SECOND])
            self.assertEqual(await self.mine(), [FIRST])

        return self.play(scene())

    def test_folders(self) -> "Deferred[None]":
        """Several IMAP folders come; what is flagged as deleted does not."""

        async def scene() -> None:
            name = mailbox_name("Männer & Mäuse")
            await self.there.account.create(name)
            await put(self.there.account, FIRST, into=name)
            await put(self.there.account, SECOND, b"Subject: gone\r\n\r\n")
            inbox = await self.there.account.open(INBOX)
            flags = frozenset({"\\Deleted"})
            await inbox.store(UIDSet.of([2]), FlagChange.ADD, flags)
            inbox.close()
            job = self.there.job("imap", "implicit", folders=(INBOX, name))
            self.assertEqual(await self.here.collect(job), 2)
            self.assertEqual(await self.mine(), [FIRST, SECOND])

        return self.play(scene())

    def test_idle(self) -> "Deferred[None]":
        """While the service idles, a new message comes at once."""

        async def scene() -> None:
            job = self.there.job("imap", "implicit", keep=False, interval=3600.0)
            service = self.here.service(job)
            service.startService()
            try:
                for number in range(3):
                    await put(self.there.account, b"Subject: %d\r\n\r\n" % number)
                    for _ in range(500):
                        if len(await contents(self.here.account)) > number:
                            break
                        await deferLater(self.reactor, 0.01)
                    self.assertEqual(len(await self.mine()), number + 1)
            finally:
                await service.stopService()
            self.assertEqual(len(await contents(self.here.account)), 3)

        return self.play(scene())
