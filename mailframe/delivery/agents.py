"""Messages given to programs and mbox files of the operator's choice.

Both get what Unix programs expect: the message with ``Return-Path`` and
``Delivered-To``, its lines ending in LF. It is copied into a file without a name
first, so that nobody waits for a slow reader but the thread that serves it.
"""

import errno
import os
import posixpath
import re
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from threading import Event
from typing import IO, Any, Protocol

from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from mailframe.delivery import mbox_file, trace
from mailframe.delivery.destination import Command, File
from mailframe.delivery.program import Ended, SystemUser, arguments, run_program
from mailframe.delivery.sysexits import temporary, verdict
from mailframe.delivery.system_owner import owner_of
from mailframe.errors import InsufficientStorage, MailError, NotSupported
from mailframe.interfaces.content import IContent
from mailframe.limits import AgentLimits
from mailframe.model.address import Address, ascii_domain
from mailframe.model.envelope import BodyType, Envelope

_log = Logger()

_PIECE = 262_144

# What has a meaning to shells, and NUL; Postfix keeps the same characters.
_UNUSUAL = re.compile(r"[^\w!@%=+:,./\[\]-]")

Run = Callable[..., Awaitable[Any]]
"""Calls a function with arguments in a thread."""


class Agent(Protocol):
    """Gives messages to programs and files of the operator's choice."""

    def deliver(
        self, place: Command | File, envelope: Envelope, content: IContent
    ) -> Awaitable[None]:
        """Deliver one message; raises MailError."""


class Agents:
    """Delivers to programs and to mbox files."""

    def __init__(
        self,
        *,
        programs: Run,
        files: Run,
        now: Callable[[], float],
        directory: str,
        user: SystemUser | None,
        allow_programs: bool = True,
        allow_files: bool = True,
        limits: AgentLimits | None = None,
    ) -> None:
        """Prepare.

        Args:
            programs: Runs what takes as long as a program does.
            files: Runs what writes files.
            now: Seconds since 1970.
            directory: Where messages rest that are being handed over.
            user: Whom programs run as, and who owns files of nobody else's,
                while we are root; ``None`` only where we never are. Who is not
                root can be nobody else, and need not.
            allow_programs: Whether there are programs at all. What waits in the
                queue for one goes on waiting while there are none.
            allow_files: The same of files.
            limits: ``None`` for the defaults.
        """
        self._programs = programs
        self._files = files
        self._now = now
        self._directory = directory
        self._user = user
        self._allowed = {Command: allow_programs, File: allow_files}
        self._limits = limits or AgentLimits()
        self._running = 0
        self._stopped = Event()
        # Locks of fcntl are a process's, not a thread's.
        self._locks: dict[str, DeferredLock] = {}

    def stop(self) -> None:
        """End the programs that are running; their messages are tried again."""
        self._stopped.set()

    async def deliver(
        self, place: Command | File, envelope: Envelope, content: IContent
    ) -> None:
        """Deliver one message to one place.

        Args:
            place: Where.
            envelope: With one forward-path, whom it was for.
            content: The message.

        Raises:
            DeliveryFailed: The program does not want it.
            TemporaryFailure: Not now; with a ``status``.
            MailError: What :func:`mailframe.delivery.mbox_file.append` raises.
        """
        if envelope.reverse_path.body is BodyType.BINARY_MIME:
            # Its lines are not lines: no file or pipe of text can hold it.
            error = NotSupported("binary content into a file or program")
            error.status = "5.6.1"
            raise error
        if not self._allowed[type(place)]:
            raise temporary("this kind of delivery is off")
        if isinstance(place, File):
            await self._to_file(place, envelope, content)
        else:
            await self._to_program(place, envelope, content)

    async def _to_file(
        self, place: File, envelope: Envelope, content: IContent
    ) -> None:
        path = posixpath.normpath(place.path)
        lock = self._locks.setdefault(path, DeferredLock())
        await lock.acquire()
        try:
            with await self._copied(content) as message:
                await self._files(
                    self._append, path, message, envelope.reverse_path.address
                )
        finally:
            lock.release()
            if not (lock.locked or lock.waiting):
                self._locks.pop(path, None)

    def _append(self, path: str, message: IO[bytes], sender: Address | None) -> None:
        limits = self._limits
        mbox_file.append(
            path,
            message,
            sender,
            self._now(),
            owner=owner_of(path, self._other()),
            most=limits.mbox_size,
            patience=mbox_file.Patience(limits.lock_seconds, limits.stale_lock_seconds),
        )

    async def _to_program(
        self, place: Command, envelope: Envelope, content: IContent
    ) -> None:
        if self._running >= self._limits.programs:
            raise temporary("as many programs as may run are running")
        self._running += 1
        try:
            with await self._copied(content) as message:
                ended = await self._run(place, envelope, message)
        finally:
            self._running -= 1
        failure = self._verdict(ended)
        self._tell(place, ended, failure)
        if failure is not None:
            raise failure

    async def _run(
        self, place: Command, envelope: Envelope, message: IO[bytes]
    ) -> Ended:
        limits, user = self._limits, self._other()
        try:
            ended: Ended = await self._programs(
                lambda: run_program(
                    arguments(place.line),
                    message,
                    environment(envelope, user),
                    user,
                    stopped=self._stopped,
                    seconds=limits.program_seconds,
                    output=limits.program_output,
                )
            )
        except (OSError, ValueError) as error:
            _log.error("|{line} cannot be run: {why}", line=place.line, why=error)
            raise temporary("the program cannot be run", "4.3.5") from None
        return ended

    def _verdict(self, ended: Ended) -> MailError | None:
        if ended.status is None:
            seconds = self._limits.program_seconds
            return temporary(f"the program took more than {seconds:g} seconds")
        return verdict(ended.status)

    def _tell(self, place: Command, ended: Ended, failure: MailError | None) -> None:
        if ended.output or failure:
            _log.info(
                "|{line} ended with {status}, said {output!r}",
                line=place.line,
                status="a timeout" if ended.status is None else ended.status,
                output=ended.output.decode(errors="replace"),
            )

    def _other(self) -> SystemUser | None:
        """Return whom to act as; ``None``: as ourselves.

        A host may begin as root and be somebody else once its ports are bound.
        """
        return self._user if os.geteuid() == 0 else None

    async def _copied(self, content: IContent) -> IO[bytes]:
        """Return a file without a name that has the message, lines ending in LF.

        Raises:
            InsufficientStorage: The disk is full.
            TemporaryFailure: It cannot be written, for another reason.
        """
        try:
            return await self._copy(content)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise InsufficientStorage("no room for a message") from None
            raise temporary(f"{self._directory}: {error.strerror}") from None

    async def _copy(self, content: IContent) -> IO[bytes]:
        file: IO[bytes] = await self._files(
            partial(tempfile.TemporaryFile, dir=self._directory)
        )
        try:
            rest = b""
            for start in range(0, content.size, _PIECE):
                octets: bytes = await content.read(start, start + _PIECE)
                octets = rest + octets
                # A CR that may be followed by its LF waits for it.
                rest = b"\r" if octets.endswith(b"\r") else b""
                octets = octets[: len(octets) - len(rest)]
                await self._files(file.write, octets.replace(b"\r\n", b"\n"))
            await self._files(_rewound, file, rest)
        except BaseException:
            file.close()
            raise
        return file


def _rewound(file: IO[bytes], rest: bytes) -> None:
    file.write(rest)
    file.flush()
    file.seek(0)


def environment(envelope: Envelope, user: SystemUser | None) -> dict[str, str]:
    """Return all of the environment of a program.

    Of what anybody may have said only characters without a meaning to shells are
    kept, others become ``_``.
    """
    path = envelope.forward_paths[0]
    address, sender = path.address, envelope.reverse_path.address
    said = {
        "SENDER": "" if sender is None else trace.told(sender),
        "RECIPIENT": trace.told(address),
        "LOCAL": address.local,
        "DOMAIN": ascii_domain(address.domain),
        "ORIGINAL_RECIPIENT": path.orcpt[1] if path.orcpt else trace.told(address),
        "CLIENT_ADDRESS": envelope.origin.client_address or "",
        "HELO": envelope.origin.helo,
        "SASL_USERNAME": envelope.origin.user or "",
    }
    found = {name: _UNUSUAL.sub("_", value) for name, value in said.items()}
    found["PATH"] = "/usr/local/bin:/usr/bin:/bin"
    if user is not None:
        found |= {
            "HOME": user.home,
            "LOGNAME": user.name,
            "USER": user.name,
        }
    return found
