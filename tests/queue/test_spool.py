"""Tests of the spools: both keep the contract."""

import os
import sqlite3
from dataclasses import replace
from random import Random
from typing import Any

from twisted.internet.defer import ensureDeferred, gatherResults
from twisted.trial.unittest import TestCase

from mailframe.errors import MessageGone, TemporaryFailure
from mailframe.memory_content import MemoryContent
from mailframe.queue.memory import MemorySpool
from mailframe.queue.spool import DiskSpool
from mailframe.testing.spool_contract import START, SpoolContract, envelope
from tests.queue.spool_case import SpoolTestCase, make_spool


class MemorySpoolTests(SpoolContract, TestCase):
    """The spool in memory keeps the contract."""

    async def make_spool(self) -> Any:
        return MemorySpool(self.clock.seconds)


class DiskSpoolTests(SpoolContract, SpoolTestCase):
    """The spool on disk keeps the contract."""

    def setUp(self) -> None:
        SpoolTestCase.setUp(self)

    async def make_spool(self) -> Any:
        return self.open_spool()


class PathContent(MemoryContent):
    """A content in a file, whose octets are not at hand."""

    def __init__(self, path: str, octets: bytes) -> None:
        super().__init__(octets)
        self._octets, self.octets = octets, None  # type: ignore[assignment]
        self.path = path  # type: ignore[assignment]

    async def read(self, start: int, stop: int) -> bytes:
        """Return a slice."""
        return self._octets[start:stop]


class DiskTests(SpoolTestCase):
    """What is particular to a spool on disk."""

    async def _add(self, spool: DiskSpool, content: Any) -> str:
        return await spool.add(envelope("a@x.example"), content, START)

    async def _octets(self, spool: DiskSpool, queue_id: str) -> bytes:
        content = await spool.content(queue_id)
        try:
            return await content.read(0, content.size)
        finally:
            content.close()

    async def test_large_is_linked(self) -> None:
        """A large content in a file is taken over, not copied."""
        octets = Random(1).randbytes(300_000)
        path = f"{self.root}/incoming"
        with open(path, "wb") as file:  # noqa: ASYNC230
            file.write(octets)
        spool = self.open_spool(journal_max=1000)
        queue_id = await self._add(spool, PathContent(path, octets))
        self.assertTrue(
            os.path.samefile(path, f"{self.root}/spool/content/{queue_id}")  # noqa: ASYNC240
        )
        os.unlink(path)
        self.assertEqual(await self._octets(spool, queue_id), octets)

    async def test_large_is_copied(self) -> None:
        """One that cannot be linked is copied."""
        octets = Random(1).randbytes(600_000)
        spool = self.open_spool(journal_max=1000)
        queue_id = await self._add(spool, PathContent("/dev/null/x", octets))
        self.assertEqual(await self._octets(spool, queue_id), octets)

    async def test_small_in_a_file(self) -> None:
        """A small content that is in a file goes through the journal."""
        spool = self.open_spool()
        queue_id = await self._add(spool, PathContent("/dev/null/x", b"a\r\n"))
        self.assertEqual(await self._octets(spool, queue_id), b"a\r\n")

    async def test_empty(self) -> None:
        """An empty content survives, too."""
        spool = self.open_spool()
        queue_id = await self._add(spool, MemoryContent(b""))
        await spool.close()
        self.assertEqual(await self._octets(self.open_spool(), queue_id), b"")

    async def test_closed_content(self) -> None:
        """A content that was closed cannot be read any more."""
        spool = self.open_spool(journal_max=1)
        content = await spool.content(await self._add(spool, MemoryContent(b"abc")))
        content.close()
        content.close()
        with self.assertRaises(TemporaryFailure):
            await content.read(0, 1)

    async def test_not_open(self) -> None:
        """A spool that is not open says so."""
        spool = make_spool(self.root, self.clock)
        with self.assertRaises(TemporaryFailure):
            await spool.counts()
        with self.assertRaises(TemporaryFailure):
            await self._add(spool, MemoryContent(b"abc"))
        await spool.close()

    async def test_ids_after_a_restart(self) -> None:
        """A queue ID is not given again after a restart, even in the same moment."""
        spool = self.open_spool()
        first = await self._add(spool, MemoryContent(b"abc"))
        await spool.close()
        second = await self._add(self.open_spool(), MemoryContent(b"abc"))
        self.assertGreater(second, first)

    async def test_taken_is_free_after_a_restart(self) -> None:
        """What was handed out and not recorded is handed out again."""
        spool = self.open_spool()
        await self._add(spool, MemoryContent(b"abc"))
        (parcel,) = await spool.take(START, 1)
        await spool.close()
        self.assertEqual(await self.open_spool().take(START, 1), [parcel])

    async def test_held_back_after_a_restart(self) -> None:
        """What users have held back is known, also from before it was counted."""
        spool = self.open_spool()
        message = envelope("a@x.example", hold_until=START + 1)
        message = replace(message, origin=replace(message.origin, user="alice"))
        await spool.add(message, MemoryContent(b"abc"), START)
        await spool.close()
        with sqlite3.connect(f"{self.root}/spool/index") as index:
            index.execute("DROP INDEX messages_held_back")
        index.close()
        self.assertEqual(await self.open_spool().held_back("alice", START), (1, 3))

    async def test_lost_file(self) -> None:
        """A message whose file is lost is there, but has no content."""
        spool = self.open_spool()
        queue_id = await self._add(spool, MemoryContent(b"abc"))
        await spool.close()
        os.unlink(f"{self.root}/spool/content/{queue_id}")
        spool = self.open_spool()
        with self.assertRaises(MessageGone):
            await spool.content(queue_id)
        self.assertEqual((await spool.counts()).messages, 1)

    async def test_damaged_index(self) -> None:
        """A damaged index is not replaced by an empty one."""
        spool = self.open_spool()
        await self._add(spool, MemoryContent(b"abc"))
        await spool.close()
        path = f"{self.root}/spool/index"
        with open(path, "r+b") as file:  # noqa: ASYNC230
            file.write(b"no database" * 1000)
        with self.assertRaises(TemporaryFailure):
            make_spool(self.root, self.clock).open()
        self.assertGreater(os.stat(path).st_size, 10_000)

    async def test_other_version(self) -> None:
        """An index of another version is left alone."""
        await self.open_spool().close()
        path = f"{self.root}/spool/index"
        with sqlite3.connect(path) as index:
            index.execute("PRAGMA user_version=99")
        index.close()
        with self.assertRaises(TemporaryFailure):
            make_spool(self.root, self.clock).open()

    async def test_many_opened_without_content(self) -> None:
        """Opening reads no content: a thousand messages whose files cannot be read."""
        spool = self.open_spool()
        await gatherResults(
            ensureDeferred(self._add(spool, MemoryContent(b"abc"))) for _ in range(1000)
        )
        await spool.close()
        for name in os.listdir(f"{self.root}/spool/content"):
            os.unlink(f"{self.root}/spool/content/{name}")
            os.mkdir(f"{self.root}/spool/content/{name}")
        spool = self.open_spool()
        self.assertEqual(len(await spool.take(START, 2000)), 1000)
