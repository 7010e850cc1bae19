"""Fill a host's spool: ``queue_fill.py STATE-DIR COUNT OCTETS DOMAIN...``.

The messages come from a hundred senders and are due in ten years.
"""

import os
import sys
from collections.abc import Awaitable
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react
from twisted.python.threadpool import ThreadPool

from mailframe.config import host_config
from mailframe.interfaces.plugin import Host
from mailframe.memory_content import MemoryContent
from mailframe.model.address import Address
from mailframe.model.envelope import Envelope, ForwardPath, Origin, ReversePath
from mailframe.outbound import Outbound

TOGETHER = 500
LATER = 10 * 365 * 86_400.0


async def _fill(
    reactor: Any, state: str, number: str, octets: str, *domains: str
) -> None:
    count, size = int(number), int(octets)
    config = host_config({"state-dir": state, "domain": ["example.org"]})
    host = Host(state, config.domains, reactor)
    spool = Outbound(config, host, ThreadPool(0)).spool
    os.makedirs(f"{state}/queue", 0o700, exist_ok=True)
    spool.open()
    due = reactor.seconds() + LATER
    head = b"From: ann@example.org\r\nSubject: a test\r\n\r\n"
    lines = (b"%s\r\n" % (b"x" * 70)) * (size // 72 + 1)
    content = MemoryContent((head + lines)[: size - 2] + b"\r\n")
    origin = Origin("submission", "ESMTPSA", "laptop", "192.0.2.1", "mail.example.org")
    for start in range(0, count, TOGETHER):
        adding = []
        for place in range(start, min(count, start + TOGETHER)):
            sender = Address(f"u{place % 100}", "example.org")
            recipient = Address("bob", domains[place % len(domains)])
            envelope = Envelope(ReversePath(sender), (ForwardPath(recipient),), origin)
            adding.append(_started(spool.add(envelope, content, due)))
        await gatherResults(adding)
    await spool.close()


def _started(what: Awaitable[Any]) -> "Deferred[Any]":
    async def run() -> Any:
        return await what

    return Deferred.fromCoroutine(run())


def _main(reactor: Any, *arguments: str) -> "Deferred[None]":
    return Deferred.fromCoroutine(_fill(reactor, *arguments))


if __name__ == "__main__":
    react(_main, sys.argv[1:])
