"""``mailframe sendmail -bs``: an SMTP session on standard input and output.

The server is the one of the network; its messages go to the drop directory.
Nothing here waits for anything but input, so every step is run to its end.

Source: RFC 5321; sendmail(1).
"""

import os
import socket
import sys
import time
from collections.abc import Awaitable, Coroutine, Sequence
from secrets import token_bytes, token_hex
from typing import IO, Any

from zope.interface import implementer

from mailframe.delivery.pickup_file import BARE, Dropped, write
from mailframe.errors import InsufficientStorage, MailError, NotPermitted
from mailframe.interfaces.connection import IConnection
from mailframe.interfaces.delivery import IMailReceiver, IMailTransaction
from mailframe.limits import SMTPLimits
from mailframe.model.address import Address
from mailframe.model.envelope import BodyType, ForwardPath, Origin, ReversePath
from mailframe.smtp.server import SMTPServer

PIECE = 65_536
"""Octets read at once."""


@implementer(IConnection)
class PipeConnection:
    """Standard input and output."""

    client_address = None
    client_port = None
    server_address = None
    server_port = None
    tls = None
    trusted = True
    can_start_tls = False

    def channel_binding(self, kind: str) -> bytes | None:
        """Return nothing: there is no TLS."""
        return None

    def nonce(self, size: int) -> bytes:
        """Return octets nobody can foresee."""
        return token_bytes(size)

    def drain(self) -> Awaitable[None] | None:
        """Wait for nothing."""
        return None

    def wake(self) -> None:
        """Nothing sleeps."""


@implementer(IMailTransaction)
class DropTransaction:
    """A message on its way to the drop directory."""

    def __init__(self, directory: str, reverse_path: ReversePath) -> None:
        """Begin without recipients."""
        self.id = token_hex(8)
        self._directory = directory
        self._reverse_path = reverse_path
        self._paths: list[ForwardPath] = []
        self._pieces: list[bytes] = []

    async def recipient(self, forward_path: ForwardPath) -> None:
        """Take anybody: the server knows better."""
        self._paths.append(forward_path)

    def write(self, octets: bytes) -> None:
        """Keep content; SMTPServer holds it to a size."""
        self._pieces.append(octets)

    async def finish(self) -> Sequence[MailError | None]:
        """Drop it.

        Raises:
            InsufficientStorage: It could not be written.
            NotPermitted: A line does not end in CRLF.
        """
        content = b"".join(self._pieces)
        binary = self._reverse_path.body is BodyType.BINARY_MIME
        if not binary and BARE.search(content):
            raise NotPermitted("a bare CR or LF")
        dropped = Dropped(self._reverse_path, tuple(self._paths), len(content))
        try:
            write(self._directory, dropped, content)
        except OSError as error:
            print(f"sendmail: {self._directory}: {error.strerror}", file=sys.stderr)
            raise InsufficientStorage("cannot be dropped") from None
        return [None] * len(self._paths)

    def abort(self) -> None:
        """Forget it."""
        self._pieces.clear()


@implementer(IMailReceiver)
class DropReceiver:
    """Takes all mail into the drop directory."""

    def __init__(self, directory: str) -> None:
        """Say where."""
        self._directory = directory

    async def begin(self, origin: Origin, reverse_path: ReversePath) -> DropTransaction:
        """Begin."""
        return DropTransaction(self._directory, reverse_path)

    async def verify(self, origin: Origin, text: str) -> Sequence[Address]:
        """Tell nothing (RFC 5321 section 7.3)."""
        return ()


def run_session(directory: str, source: IO[bytes], sink: IO[bytes]) -> int:
    """Serve one client, from the greeting to its end.

    Args:
        directory: The drop directory.
        source: Where commands come from.
        sink: Where replies go.

    Returns:
        What to exit with, of sysexits.h.
    """
    bugs: list[BaseException] = []
    server = SMTPServer(
        DropReceiver(directory),
        portal=None,
        service="smtp",
        hostname=socket.gethostname(),
        limits=SMTPLimits(),
        report=bugs.append,
        now=time.time,
    )
    server.connected(PipeConnection())
    read: Any = getattr(source, "read1", source.read)
    while True:
        while (step := server.next_step()) is not None:
            _finish(step)
        output = server.take_output()
        if output:
            sink.write(output)
            sink.flush()
        if server.closing:
            break
        octets = read(PIECE)
        if not octets:
            break
        server.receive(octets)
    last = server.lost()
    if last is not None:
        _finish(last)
    for bug in bugs:
        print(f"sendmail: {bug!r}", file=sys.stderr)
    return os.EX_SOFTWARE if bugs else os.EX_OK


def _finish(step: Coroutine[Any, Any, None]) -> None:
    """Run a step that waits for nothing."""
    try:
        step.send(None)
    except StopIteration:
        return
    step.close()
    raise AssertionError("a step of a session without a network has waited")
