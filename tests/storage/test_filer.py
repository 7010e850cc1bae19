"""Messages are filed by another process, and nobody can tell."""

import atexit
import marshal
import os
import signal
import sqlite3
from random import Random
from typing import Any
from unittest.mock import patch

from mailframe.interfaces.mailbox import NewMessage
from mailframe.memory_content import MemoryContent
from mailframe.model.mailbox import INBOX
from mailframe.storage import put_off, side_process
from mailframe.storage.maildir import filer, realm
from mailframe.storage.maildir.filing import Filing
from mailframe.storage.maildir.realm import MaildirRealm
from mailframe.storage.side_process import SideProcess
from mailframe.testing.mailbox_contract import message, new
from tests.storage import test_maildir, test_maildir_history
from tests.storage.maildir_case import MaildirTestCase


class _Shared(SideProcess):
    """One process for many stores, one after another."""

    def close(self) -> None:
        """Hand out all answers."""
        while self._waiting:
            self.collect(wait=True)


_shared: list[_Shared] = []


def _share(module: str, descriptors: Any) -> SideProcess:
    if not _shared:
        _shared.append(_Shared(module))
        atexit.register(SideProcess.close, _shared[0])
    _shared[0].start()
    _shared[0].collect(wait=not _shared[0].available())
    return _shared[0]


class _Elsewhere:
    """All is given to the process as soon as it can be; a mixin."""

    patch: Any

    def setUp(self) -> None:
        self.patch(filer, "START_MESSAGES", 0)
        self.patch(put_off, "LATER_SECONDS", 0.0)
        self.patch(realm, "SideProcess", _share)
        # On one processor there would be no process.
        self.patch(os, "sched_getaffinity", lambda pid: {0, 1})
        super().setUp()  # type: ignore[misc]


class ElsewhereAccountTests(_Elsewhere, test_maildir.MaildirAccountTests):
    """The promises every store makes."""


class ElsewhereHistoryTests(_Elsewhere, test_maildir_history.ForeignHistoryTests):
    """Random histories with another program."""


class FilerTests(MaildirTestCase):
    """What becomes of messages in the hands of a process that may die."""

    realm: MaildirRealm

    def setUp(self) -> None:
        """Start the store, and the process."""
        self.patch(filer, "START_MESSAGES", 0)
        self.patch(put_off, "LATER_SECONDS", 0.0)
        self.patch(os, "sched_getaffinity", lambda pid: {0, 1})
        super().setUp()

    async def process(self) -> SideProcess:
        """Return the process, which is ready."""
        assert self.realm._filer is not None
        process = self.realm._filer._process
        threads = self.realm._threads
        assert threads is not None

        def wait(batch: Any) -> None:
            # First hear of the death of the one that was. To start may take longer
            # than an answer may in some tests.
            process.collect()
            with patch.object(side_process, "ANSWER_SECONDS", 60.0):
                process.start()
                process.collect(wait=not process.available())

        await threads.write(wait)
        self.assertTrue(process._ready)
        return process

    def pid(self, process: SideProcess) -> int:
        """Return its number."""
        assert process._process is not None
        return process._process.pid

    async def append(self, *numbers: int) -> None:
        """Append messages, one by one."""
        account = await self.account()
        for number in numbers:
            await account.append(INBOX, [new(number)])

    async def contents(self) -> list[bytes]:
        """Return all messages in the order of their UIDs, and see they are whole."""
        await self.filed()
        found = await self.loaded(await self.inbox())
        self.assertEqual(len(self.names("new") + self.names("cur")), len(found))
        self.assertEqual(os.listdir(self.root / "tmp"), [])
        index = sqlite3.connect(self.root / "mailframe.index")
        ((count,),) = index.execute("SELECT count(*) FROM messages").fetchall()
        index.close()
        self.assertEqual(count, len(found))
        return [octets for _, octets in sorted(found.items())]

    async def test_filed(self) -> None:
        """The process makes files and rows; here nobody does."""
        await self.append(1)
        process = await self.process()
        # What was put off before that is done.
        await self.contents()
        sent: list[bytes] = []
        send = process.send

        def note(request: bytes, answered: Any) -> None:
            sent.append(request)
            send(request, answered)

        process.send = note  # type: ignore[method-assign]
        self.patch(Filing, "enter", lambda filing: self.fail("filed here"))
        await self.append(2, 3)
        while len(self.names("new")) < 3:
            await self.pause()
        while (await self.account()).unfiled:
            await self.pause()
        self.assertTrue(sent)

    async def test_killed(self) -> None:
        """What a process had when it was killed is filed here, once."""
        # Some job may want the account while the process is stopped.
        self.patch(side_process, "ANSWER_SECONDS", 0.5)
        self.patch(side_process, "DEATHS_MAX", 1000)
        await self.append(1)
        process = await self.process()
        expected = [1]
        for seed in range(3):
            random = Random(seed)
            numbers = range(100 * seed + 2, 100 * seed + 2 + random.randrange(5, 40))
            os.kill(self.pid(process), signal.SIGSTOP)
            self.assertTrue(numbers)
            for number in numbers:
                await self.append(number)
                if random.random() < 0.1 and process._process is not None:
                    os.kill(self.pid(process), signal.SIGCONT)
            running = process._process
            if running is not None:
                running.kill()
                running.wait()
            expected += numbers
            self.assertEqual(await self.contents(), [message(n) for n in expected])
            if seed < 2:
                await self.process()

    async def test_silent(self) -> None:
        """A process that says nothing is not waited for longer than is right."""
        await self.append(1)
        process = await self.process()
        self.patch(side_process, "ANSWER_SECONDS", 0.05)
        os.kill(self.pid(process), signal.SIGSTOP)
        await self.append(2, 3)
        self.assertEqual(await self.contents(), [message(n) for n in (1, 2, 3)])

    async def test_refused(self) -> None:
        """What the process cannot file is filed here."""
        await self.append(1)
        process = await self.process()
        await self.contents()
        send = process.send

        def mistake(request: bytes, answered: Any) -> None:
            root, *rest = marshal.loads(request)
            send(marshal.dumps((f"{root}.elsewhere", *rest)), answered)

        process.send = mistake  # type: ignore[method-assign]
        await self.append(2)
        await self.pause(0.1)
        self.assertEqual(await self.contents(), [message(1), message(2)])

    async def test_index_made_again(self) -> None:
        """The process takes the index that is there, not the one that was."""
        await self.append(1)
        await self.process()
        await self.append(2)
        await self.contents()
        account = await self.account()
        await account._rebuild.run()
        await self.append(3)
        await self.pause(0.1)
        self.assertEqual(await self.contents(), [message(n) for n in (1, 2, 3)])

    async def test_more_than_there_is_room_for(self) -> None:
        """Many large messages go one part after another."""
        await self.append(1)
        process = await self.process()
        await self.contents()
        process._room = 5 * 70_000
        account = await self.account()
        large = NewMessage(MemoryContent(message(3) + b"x\r\n" * 10_000))
        await account.append(INBOX, [large] * 8)
        await self.append(2)
        await self.pause(0.1)
        self.assertEqual(len(await self.contents()), 10)

    async def test_stop(self) -> None:
        """A clean stop waits for the process, and leaves nothing behind."""
        await self.append(1)
        process = await self.process()
        await self.append(2, 3)
        await self.restart()
        self.assertIsNone(process._process)
        self.assertEqual(len(self.names("new")), 3)
        self.assertFalse((self.root / "mailframe.index-wal").exists())
        self.assertEqual(await self.contents(), [message(n) for n in (1, 2, 3)])
