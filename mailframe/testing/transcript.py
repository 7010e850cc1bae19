"""Play written conversations against any :class:`IServer`, without a network.

A transcript is what an RFC prints: ``C:`` lines are sent, ``S:`` lines must
come back, in this order::

    # Two sessions on one mailbox (a comment; blank lines mean nothing).
    given: five_messages
    trusted: yes

    S1: * OK ...
    C1: a1 NOOP
    S1: a1 OK ...
    C2: b1 LOGIN {5}
    S2: + ...
    C2: alice secret
    S2: b1 OK ...
    X2: timeout
    S2: * BYE ...
    X2: closed

* The header is ``name: value`` lines up to the first conversation line. The
  player itself knows ``tls``, ``trusted``, ``can_start_tls`` and ``pipelined``
  (each ``yes`` or ``no``); the rest is for the ``start`` callable.
* ``C``, ``S`` and ``X`` alone mean connection 1; ``C2``, ``S2`` are another.
* Every line ends in CRLF on the wire. ``...`` in an ``S`` line stands for any
  octets of that line; everything else must be the same octet for octet.
* All octets a server sent up to the next ``C`` line must be named by ``S``
  lines. Only a greeting may be left out.
* ``X`` lines do or expect what is no line: ``X: closed`` and ``X: tls`` demand
  that the server closed, or began TLS, by now; ``X: timeout``, ``X: stop`` and
  ``X: lost`` call ``timed_out``, ``shut_down`` and ``lost``.

Each transcript is played by line, by octet and a turn at once (all ``C`` lines
up to the next ``S`` or ``X`` line); with ``pipelined: yes`` also with every
``C`` line up to the next ``X`` line in one read. What a server says must not
depend on it.
"""

import re
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from mailframe.interfaces.connection import IConnection, IServer, TLSInfo

FAKE_TLS = TLSInfo("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256)


@implementer(IConnection)
class FakeConnection:
    """A connection to nowhere; every attribute may be set by a test.

    Attributes:
        drains: How often the server called ``drain``.
        slow: What ``drain`` returns: ``None``, or a Deferred to wait for.
        woken: Whether ``wake`` was called since the last step.
        bindings: What ``channel_binding`` returns, by kind.
    """

    client_address: str | None = "192.0.2.1"
    client_port: int | None = 50_000
    server_address: str | None = "192.0.2.2"
    server_port: int | None = 143

    def __init__(
        self,
        *,
        tls: TLSInfo | None = None,
        trusted: bool = False,
        can_start_tls: bool = False,
    ) -> None:
        """Connect nothing.

        Args:
            tls: The TLS it has from the beginning.
            trusted: Whether secrets may cross it without TLS.
            can_start_tls: Whether STARTTLS is possible.
        """
        self.tls = tls
        self.trusted = trusted
        self.can_start_tls = can_start_tls
        self.drains = 0
        self.slow: Deferred[None] | None = None
        self.woken = False
        self.on_drain: Callable[[], Any] = lambda: None
        self.bindings: dict[str, bytes] = {}

    def channel_binding(self, kind: str) -> bytes | None:
        """Return what ``bindings`` has."""
        return self.bindings.get(kind)

    def nonce(self, size: int) -> bytes:
        """Return the same octets each time, so that conversations can be written."""
        return (b"nonce" * size)[:size]

    def drain(self) -> Awaitable[None] | None:
        """Take the server's output, and return ``slow``."""
        self.drains += 1
        self.on_drain()
        return self.slow

    def wake(self) -> None:
        """Note that the server wants its next step."""
        self.woken = True


class Conversation:
    """A pump for tests: drives one server over one :class:`FakeConnection`.

    A step may wait for a Deferred that the test fires later; what is fed
    meanwhile is kept back, as a paused transport does.
    """

    def __init__(
        self, server: IServer, connection: FakeConnection | None = None
    ) -> None:
        """Connect the server.

        Args:
            server: A server nobody has connected yet.
            connection: Its transport; ``None`` for a trusted one.
        """
        self.server = server
        self.connection = connection or FakeConnection(trusted=True)
        self.connection.on_drain = self._take
        self.closed = False
        self.tls_starts = 0
        self._heard: list[bytes] = []
        self._unfed: deque[bytes] = deque()
        self._running: Deferred[None] | None = None
        self._pulling = False
        server.connected(self.connection)
        self._pull()

    def feed(self, octets: bytes) -> None:
        """Send octets to the server as one read."""
        self._unfed.append(octets)
        self._pull()

    def settle(self) -> bool:
        """Run the steps asked for with ``wake``; tell whether there were any."""
        if not self.connection.woken:
            return False
        self._pull()
        return True

    def heard(self) -> bytes:
        """Return, once, what the server has sent."""
        self.settle()
        octets = b"".join(self._heard)
        self._heard.clear()
        return octets

    def say(self, octets: bytes) -> bytes:
        """Send octets and return what was heard since ``heard`` was last asked."""
        self.feed(octets)
        return self.heard()

    @property
    def waiting(self) -> bool:
        """Whether a step is running, waiting for something."""
        return self._running is not None

    def time_out(self) -> None:
        """Tell the server that its peer was silent too long."""
        self.server.timed_out()
        self._pull()

    def stop(self) -> None:
        """Tell the server that the host stops."""
        self.server.shut_down()
        self._pull()

    def lose(self) -> None:
        """Take the connection away: a running step is cancelled first."""
        self.closed = True
        if self._running is not None:
            self._running.addErrback(lambda failure: None)
            self._running.cancel()
            self._running = None
        rest = self.server.lost()
        if rest is not None:
            Deferred.fromCoroutine(rest)

    def _take(self) -> None:
        octets = self.server.take_output()
        if octets:
            self._heard.append(octets)

    def _pull(self) -> None:
        self._pulling = True
        try:
            while self._running is None and self._go_on():
                pass
        finally:
            self._pulling = False

    def _go_on(self) -> bool:
        """Do one thing; return whether there may be another to do."""
        self._take()
        if self.closed:
            return False
        if self.server.closing:
            self.closed = True
            return False
        if self.server.starting_tls:
            self._start_tls()
            return True
        self.connection.woken = False
        step = self.server.next_step()
        if step is not None:
            self._run(step)
        elif self._unfed and not (self.server.closing or self.server.starting_tls):
            self._take()
            self.server.receive(self._unfed.popleft())
        else:
            self._take()
            return bool(
                self.server.closing or self.server.starting_tls or self.connection.woken
            )
        return True

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        raised: list[Failure] = []
        self._running = step = Deferred.fromCoroutine(coroutine)
        step.addCallback(self._ended)
        if step.called and self._running is not None:
            step.addErrback(raised.append)
        if raised:
            raised[0].raiseException()

    def _ended(self, _: None) -> None:
        self._running = None
        self._take()
        if not self._pulling:
            self._pull()

    def _start_tls(self) -> None:
        self._unfed.clear()
        self.tls_starts += 1
        self.connection.tls = FAKE_TLS
        self.connection.can_start_tls = False
        self.server.tls_started()


Start = Callable[[Mapping[str, str]], Callable[[FakeConnection], IServer]]
"""Given a transcript's header, make its world (accounts, portal...) and return
what makes a server in it; called once for each playing."""


@dataclass(frozen=True, slots=True)
class _Line:
    kind: str
    number: int
    text: bytes
    place: int


# One line of conversation: who, which connection, what.
_SPOKEN = re.compile(rb"([CSX])([0-9]*):(?: (.*))?\Z")
_HEADER = re.compile(rb"([a-z_]+): *(.*)\Z")


class Transcript:
    """One written conversation."""

    def __init__(self, octets: bytes, name: str = "transcript") -> None:
        """Read it.

        Args:
            octets: The file's content, lines ending in LF.
            name: What to call it in failures.

        Raises:
            ValueError: A line is none of a transcript's.
        """
        self.name = name
        self.header: dict[str, str] = {}
        self.lines: list[_Line] = []
        for place, line in enumerate(octets.split(b"\n"), 1):
            if not line.strip() or line.startswith(b"#"):
                continue
            spoken = _SPOKEN.match(line)
            if spoken:
                kind, number, text = spoken.groups()
                self.lines.append(
                    _Line(kind.decode(), int(number or 1), text or b"", place)
                )
                continue
            field = _HEADER.match(line)
            if field is None or self.lines:
                raise ValueError(f"{name}:{place}: not a line of a transcript")
            self.header[field[1].decode()] = field[2].decode()

    @classmethod
    def load(cls, path: Path) -> "Transcript":
        """Read a file."""
        return cls(path.read_bytes(), str(path))

    def feedings(self) -> list[str]:
        """Return the ways to feed it: ``line``, ``octet``, ``turn``, ``all``."""
        piped = ["all"] if self.header.get("pipelined") == "yes" else []
        return ["line", "octet", "turn", *piped]

    def play(self, start: Start, feeding: str) -> None:
        """Play it once.

        Raises:
            AssertionError: The server said something else.
        """
        _Playing(self, start, feeding).run()


class _Playing:
    def __init__(self, transcript: Transcript, start: Start, feeding: str) -> None:
        self._transcript = transcript
        self._feeding = feeding
        self._connect = start(transcript.header)
        self._open: dict[int, Conversation] = {}
        self._spoken: set[int] = set()
        self._expected: dict[int, list[_Line]] = {}
        self._said: dict[int, list[bytes]] = {}

    def run(self) -> None:
        for line in self._transcript.lines:
            if line.number not in self._open:
                self._begin(line)
            if line.kind == "S":
                self._send()
                self._expected.setdefault(line.number, []).append(line)
            elif line.kind == "X":
                self._send(all_so_far=True)
                self._direct(line)
            else:
                if self._expected and self._feeding != "all":
                    self._check()
                self._spoken.add(line.number)
                self._said.setdefault(line.number, []).append(line.text + b"\r\n")
        self._send(all_so_far=True)
        self._check()

    def _begin(self, line: _Line) -> None:
        header = self._transcript.header
        connection = FakeConnection(
            tls=FAKE_TLS if header.get("tls") == "yes" else None,
            trusted=header.get("trusted") == "yes",
            can_start_tls=header.get("can_start_tls") == "yes",
        )
        made = Conversation(self._connect(connection), connection)
        self._open[line.number] = made
        if line.kind == "C":
            made.heard()

    def _send(self, all_so_far: bool = False) -> None:
        if self._feeding == "all" and not all_so_far:
            return
        for number, lines in self._said.items():
            octets = b"".join(lines)
            reads = [octets]
            if self._feeding == "octet":
                reads = [octets[at : at + 1] for at in range(len(octets))]
            elif self._feeding == "line":
                reads = lines
            for read in reads:
                self._open[number].feed(read)
        self._said.clear()
        while sum(one.settle() for one in self._open.values()):
            pass

    def _direct(self, line: _Line) -> None:
        conversation = self._open[line.number]
        what = line.text.decode()
        if what == "timeout":
            self._check()
            conversation.time_out()
        elif what == "stop":
            self._check()
            conversation.stop()
        elif what == "lost":
            self._check()
            conversation.lose()
        elif what == "closed":
            self._demand(conversation.closed, line, "the server did not close")
        elif what == "tls":
            self._demand(conversation.tls_starts > 0, line, "TLS did not begin")
            conversation.tls_starts -= 1
        else:
            raise ValueError(f"{self._transcript.name}:{line.place}: X: {what}?")

    def _demand(self, fact: bool, line: _Line, text: str) -> None:
        if not fact:
            raise AssertionError(
                f"{self._transcript.name}:{line.place} (fed by {self._feeding}): {text}"
            )

    def _check(self) -> None:
        """Compare what was heard with what was to be heard up to here."""
        for number, conversation in self._open.items():
            heard = conversation.heard().split(b"\r\n")
            rest = heard.pop()
            expected = self._expected.pop(number, [])
            for place, line in enumerate(expected):
                got = heard[place] if place < len(heard) else b"(nothing)"
                self._demand(
                    _alike(line.text, got),
                    line,
                    f"expected S{number}: {line.text!r}\n  but heard {got!r}\n"
                    + "".join(f"    {one!r}\n" for one in heard),
                )
            last = expected[-1] if expected else self._transcript.lines[-1]
            extra = heard[len(expected) :] + ([rest] if rest else [])
            self._demand(not extra, last, f"S{number} also said {extra!r}")


def _alike(written: bytes, heard: bytes) -> bool:
    if b"..." not in written:
        return written == heard
    pattern = b".*".join(re.escape(piece) for piece in written.split(b"..."))
    return re.fullmatch(pattern, heard, re.DOTALL) is not None


def run_transcript(source: Path | bytes, start: Start) -> None:
    """Play a transcript in every way it can be fed.

    Args:
        source: A file, or the text itself.
        start: Makes the world; called once for each way. See :data:`Start`.

    Raises:
        AssertionError: The server said something else than the transcript.
        ValueError: A line is none of a transcript's.
    """
    transcript = (
        Transcript.load(source) if isinstance(source, Path) else Transcript(source)
    )
    for feeding in transcript.feedings():
        transcript.play(start, feeding)
