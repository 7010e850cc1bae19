"""A router and a relay that do what a test says, and a house around a runner."""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from zope.interface import implementer

from mailframe.errors import MailError
from mailframe.interfaces.content import IContent
from mailframe.interfaces.delivery import Hop, IRelay, IRouter
from mailframe.memory_content import MemoryContent
from mailframe.model.address import Address
from mailframe.model.envelope import Envelope
from mailframe.queue.destinations import Pace
from mailframe.queue.memory import MemorySpool
from mailframe.queue.notices import Notices
from mailframe.queue.runner import QueueRunner
from mailframe.queue.schedule import Schedules
from mailframe.testing.spool_contract import START, envelope

POSTMASTER = Address("postmaster", "example.org")


@implementer(IRouter)
class FakeRouter:
    """Routes to one hop of the domain's own name, or as told.

    Attributes:
        answers: Hops, or what to raise, by domain.
        asked: Each question.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Sequence[Hop] | Exception] = {}
        self.asked: list[tuple[str, Address | None]] = []

    async def route(
        self, domain: str, sender: Address | None, attempts: int = 0
    ) -> Sequence[Hop]:
        """Answer."""
        self.asked.append((domain, sender))
        answer = self.answers.get(domain, [Hop(f"mx.{domain}")])
        if isinstance(answer, Exception):
            raise answer
        return answer


class Verdicts(list[MailError | None]):
    """Verdicts that say whether the host knows DSN and DELIVERBY."""

    dsn = False
    by = False


Answer = Callable[[Hop, Envelope], Any]


@implementer(IRelay)
class FakeRelay:
    """Accepts all at once, or does what it is told for a host.

    Attributes:
        answers: By host: what gives verdicts, raises, or returns a Deferred.
        calls: Host and envelope of each call.
        active: Calls under way, by host.
        most: The most there ever were, by host.
        octets: The content of each call.
        reporting: Hosts that report success themselves, and mind the time.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.calls: list[tuple[str, Envelope]] = []
        self.active: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.octets: list[bytes] = []
        self.reporting: set[str] = set()

    async def deliver(
        self, hop: Hop, envelope: Envelope, content: IContent
    ) -> Sequence[MailError | None]:
        """Do what was told."""
        host = hop.host
        self.calls.append((host, envelope))
        self.octets.append(await content.read(0, content.size))
        self.active[host] = self.active.get(host, 0) + 1
        self.most[host] = max(self.most.get(host, 0), self.active[host])
        try:
            answer = self.answers.get(host)
            found = answer(hop, envelope) if answer else None
            if isinstance(found, Deferred):
                found = await found
            if isinstance(found, MailError):
                return [found] * len(envelope.forward_paths)
            taken = Verdicts(found or [None] * len(envelope.forward_paths))
            taken.dsn = taken.by = host in self.reporting
            return taken
        finally:
            self.active[host] -= 1

    def hosts(self) -> list[str]:
        """Return the host of each call."""
        return [host for host, _ in self.calls]


def raising(error: Exception) -> Answer:
    """Return an answer that raises ``error``."""

    def answer(hop: Hop, envelope: Envelope) -> Any:
        raise error

    return answer


class House:
    """A runner over a spool in memory, fakes around it, and a clock.

    Attributes:
        reports: Envelope and octets of each report.
        submit_error: What to raise instead of taking a report.
    """

    def __init__(
        self,
        spool: Any = None,
        clock: Clock | None = None,
        schedules: Schedules = Schedules(),  # noqa: B008
        pace: Pace = Pace(),  # noqa: B008
        **more: Any,
    ) -> None:
        self.clock = clock or Clock()
        if clock is None:
            self.clock.advance(START)
        self.spool = spool or MemorySpool(self.clock.seconds)
        self.router, self.relay = FakeRouter(), FakeRelay()
        self.reports: list[tuple[Envelope, bytes]] = []
        self.submit_error: MailError | None = None
        self._names = 0
        self.notices = Notices(
            "mail.example.org",
            submit=self._submit,
            identify=self._identify,
            postmaster=POSTMASTER,
            **more,
        )
        self.schedules, self.pace = schedules, pace
        self.runner = self.make_runner()

    def make_runner(self) -> QueueRunner:
        """Return a runner; it is not started."""
        return QueueRunner(
            self.spool,
            self.router,
            self.relay,
            clock=self.clock,
            notices=self.notices,
            random=lambda: 0.0,
            schedules=self.schedules,
            pace=self.pace,
        )

    async def _submit(self, report: Envelope, octets: bytes) -> None:
        if self.submit_error is not None:
            raise self.submit_error
        self.reports.append((report, octets))

    def _identify(self) -> str:
        self._names += 1
        return f"report{self._names:06}"

    def add(
        self, *recipients: str, octets: bytes = b"A: b\r\n\r\nc\r\n", **more: Any
    ) -> Any:
        """Queue a message, due at once."""
        message = envelope(*recipients, **more)
        return self.add_envelope(message, octets)

    def add_envelope(
        self, message: Envelope, octets: bytes = b"A: b\r\n\r\nc\r\n"
    ) -> Any:
        """Queue a message, due at once."""
        now = self.clock.seconds()
        found: list[str] = []
        ensureDeferred(self.spool.add(message, MemoryContent(octets), now)).addCallback(
            found.append
        )
        return found[0]

    def go_on(self, seconds: float, step: float = 0.0) -> None:
        """Let time pass, from one timer to the next."""
        end = self.clock.seconds() + seconds
        while True:
            calls = [call.getTime() for call in self.clock.getDelayedCalls()]
            soonest = min(calls, default=end)
            if soonest > end:
                break
            self.clock.advance(max(0.0, soonest - self.clock.seconds()))
            if not calls:
                break
        if end > self.clock.seconds():
            self.clock.advance(end - self.clock.seconds())

    def messages(self) -> list[Any]:
        """Return all that is queued."""
        found: list[Any] = []
        ensureDeferred(self.spool.entries(None, 10**6)).addCallback(found.extend)
        return found
