"""A process that adds and delivers messages until it is killed.

It says ``+ ID NUMBER`` for a message that was taken, ``? ID`` when it is about
to go, and ``- ID`` when it is gone.
"""

import os
import sys
from functools import partial
from typing import Any

from twisted.internet import reactor as any_reactor  # noqa: TID251 - a whole process
from twisted.internet.defer import ensureDeferred
from twisted.internet.threads import deferToThread

from mailframe.memory_content import MemoryContent
from mailframe.queue.contract import Settled
from mailframe.queue.spool import DiskSpool
from mailframe.storage.journal import Journal
from mailframe.storage.maildir.disks import Disks
from mailframe.storage.os_layer import REAL
from mailframe.storage.writer import BatchWriter
from mailframe.testing.spool_contract import DELIVERED, START, envelope

reactor: Any = any_reactor
LARGE = 20_000


def content_of(number: int) -> bytes:
    """Return the content of a message."""
    size = LARGE + 1 if number % 10 == 0 else 2000
    return (b"%d\r\n" % number * size)[:size]


def sync(directory: str) -> None:
    """Flush the file system."""
    disks = Disks()
    disks.note(directory)
    disks.sync()


def say(text: str) -> None:
    """Tell the parent, at once."""
    os.write(1, text.encode() + b"\n")


async def submit(spool: DiskSpool, number: int) -> None:
    """Add messages for ever; every third one is delivered."""
    while True:
        number += 1000
        queue_id = await spool.add(
            envelope("a@x.example"), MemoryContent(content_of(number)), START
        )
        say(f"+ {queue_id} {number}")
        if number // 1000 % 3 == 0:
            for parcel in await spool.take(START, 1):
                say(f"? {parcel.queue_id}")
                await spool.record(parcel, [Settled(0, DELIVERED)], START)
                say(f"- {parcel.queue_id}")


def main(directory: str) -> None:
    """Open the spool and work."""
    journal = Journal(f"{directory}/journal", size_limit=200_000)
    spool = DiskSpool(
        f"{directory}/spool",
        journal=journal,
        open_writer=partial(
            BatchWriter, journal, call_from_thread=reactor.callFromThread
        ),
        run=deferToThread,
        files=REAL,
        sync=sync,
        now=reactor.seconds,
        journal_max=LARGE,
    )
    spool.open()

    def failed(failure: Any) -> None:
        say(f"! {failure.value!r}")

    for number in range(8):
        ensureDeferred(submit(spool, number)).addErrback(failed)
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1])
