"""Takes messages from the drop directory, where ``mailframe sendmail`` puts them.

A file is removed only after its message is durable with us: a crash between the
two makes a message come twice, never not at all. Files belong to whoever wrote
them, and are read as what strangers say.

Source: RFC 5321 section 6.1 (responsibility), RFC 6409 section 8 (what is added).
"""

import os
import stat
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import count
from secrets import randbits
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from mailframe.delivery import trace
from mailframe.delivery.content import HeadedContent
from mailframe.delivery.pickup_file import (
    BARE,
    LINE_MAX,
    UNFINISHED,
    Dropped,
    decoded,
    sync_directory,
)
from mailframe.errors import BadSyntax, MailError, TemporaryFailure
from mailframe.interfaces.content import IIntake
from mailframe.interfaces.delivery import IMailReceiver
from mailframe.interfaces.spool import ISpool
from mailframe.limits import DeliveryLimits, SMTPLimits
from mailframe.mime.date import date_header
from mailframe.mime.header import fields, header_end, subset
from mailframe.model.address import Address
from mailframe.model.envelope import BodyType, Envelope, ForwardPath, Origin

_log = Logger()

INTERVAL = 1.0
"""Seconds between two looks."""

AGAIN = 60.0
"""Seconds before a message is tried again that could not be taken."""

ABANDONED = 86_400.0
"""Seconds after which a file that is still being written is removed."""

AT_ONCE = 8
"""Files taken at the same time."""

NAMES = 1000
"""Files taken in one look."""

PIECE = 262_144
"""Octets read at once."""

BAD = "bad"
"""Directory beside the files, for those that are none."""

Run = Callable[..., Awaitable[Any]]


class Pickup(Service):
    """Looks into the drop directory every now and then."""

    def __init__(
        self,
        directory: str,
        receiver: IMailReceiver,
        *,
        spool: ISpool,
        intake: IIntake,
        run: Run,
        reactor: Any,
        hostname: str,
        domain: str,
        limits: SMTPLimits | None = None,
        delivery_limits: DeliveryLimits | None = None,
    ) -> None:
        """Prepare; nothing is touched before the service starts.

        Args:
            directory: Where messages are dropped.
            receiver: Takes them; lets this origin send anywhere.
            spool: Takes what is refused, so that its sender is told.
            intake: Where a message for the spool rests.
            run: Calls a function with arguments in a thread.
            reactor: Provides IReactorTime.
            hostname: Our own name.
            domain: The domain of addresses that have none.
            limits: Of one message; ``None`` for the defaults.
            delivery_limits: The same.
        """
        self._directory = directory
        self._receiver: Any = receiver
        self._spool = spool
        self._intake = intake
        self._run = run
        self._reactor = reactor
        self._hostname = hostname
        self._domain = domain
        self._most = (limits or SMTPLimits()).message_size
        self._head = (delivery_limits or DeliveryLimits()).submitted_header
        self._numbers = count(randbits(16))
        self._later: dict[str, float] = {}
        self._left: dict[str, tuple[ForwardPath, ...]] = {}
        self._timer: Any = None
        self._looking: Deferred[None] | None = None

    def startService(self) -> None:
        """Make the directory, for us alone if it is not there, and look.

        Raises:
            OSError: That cannot be done.
        """
        for path in (self._directory, os.path.join(self._directory, BAD)):
            try:
                os.mkdir(path, 0o700)
            except FileExistsError:
                pass
        super().startService()  # type: ignore[no-untyped-call]
        self._begin()

    def stopService(self) -> "Deferred[None] | None":
        """Look no more.

        Returns:
            Fires when what is under way has ended.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        return self._looking

    def _begin(self) -> None:
        self._timer = None
        self._looking = looking = Deferred.fromCoroutine(self._look())
        looking.addBoth(self._end)

    def _end(self, result: Any) -> None:
        self._looking = None
        if self.running:
            self._timer = self._reactor.callLater(INTERVAL, self._begin)

    async def _look(self) -> None:
        try:
            names = await self._run(self._names)
        except OSError as error:
            _log.error("the drop directory: {error}", error=str(error))
            return
        for kept in (self._later, self._left):
            for name in kept.keys() - names:
                del kept[name]
        now = self._reactor.seconds()
        due = sorted(name for name in names if self._later.get(name, 0.0) <= now)
        for start in range(0, min(len(due), NAMES), AT_ONCE):
            if not self.running:
                return
            batch = due[start : start + AT_ONCE]
            await gatherResults(
                [Deferred.fromCoroutine(self._take(name)) for name in batch]
            )

    def _names(self) -> set[str]:
        """Return what is there; remove what nobody writes any more."""
        names = set(os.listdir(self._directory)) - {BAD}
        unfinished = {name for name in names if name[:1] == UNFINISHED}
        for name in unfinished:
            path = os.path.join(self._directory, name)
            try:
                if os.lstat(path).st_mtime < self._reactor.seconds() - ABANDONED:
                    os.unlink(path)
            except OSError as error:
                _log.info("{path}: {error}", path=path, error=str(error))
        return names - unfinished

    async def _take(self, name: str) -> None:
        """Take one file, put it aside, or leave it for later."""
        path = os.path.join(self._directory, name)
        try:
            fd, uid = await self._run(_open, path)
            try:
                left = await self._receive(name, fd, uid)
            finally:
                os.close(fd)
            if left:
                self._left[name] = left
                self._put_off(name, "some recipients")
                return
            await self._run(self._remove, path)
        except FileNotFoundError:
            return
        except BadSyntax as error:
            await self._put_aside(name, error)
        except TemporaryFailure as error:
            self._put_off(name, repr(error))
        except MailError as error:
            await self._put_aside(name, error)
        except OSError as error:
            self._put_off(name, str(error))
        except Exception:
            _log.failure("dropped message {name}", name=name)
            self._later[name] = self._reactor.seconds() + AGAIN

    def _put_off(self, name: str, why: str) -> None:
        _log.warn("dropped message {name} waits: {why}", name=name, why=why)
        self._later[name] = self._reactor.seconds() + AGAIN

    async def _put_aside(self, name: str, error: Exception) -> None:
        _log.error(
            "dropped message {name} is put into {bad}: {error!r}",
            name=name,
            bad=BAD,
            error=error,
        )
        source = os.path.join(self._directory, name)
        try:
            await self._run(os.rename, source, os.path.join(self._directory, BAD, name))
        except OSError as trouble:
            self._put_off(name, str(trouble))

    def _remove(self, path: str) -> None:
        os.unlink(path)
        sync_directory(self._directory)

    async def _receive(self, name: str, fd: int, uid: int) -> tuple[ForwardPath, ...]:
        """Hand a message in; return the recipients it is still to be tried for."""
        dropped = await self._run(_read, fd)
        if dropped.size > self._most:
            raise BadSyntax(f"a message of at most {self._most} octets", 0)
        sender = dropped.reverse_path.address
        reverse_path = replace(
            dropped.reverse_path,
            address=None if sender is None else self._qualified(sender),
            size=dropped.size,
        )
        paths = self._left.get(name)
        if paths is None:
            paths = tuple(
                replace(one, address=self._qualified(one.address))
                for one in dropped.forward_paths
            )
        origin = Origin("lmtp", "local", f"uid-{uid}", None, self._hostname)
        transaction = await self._receiver.begin(origin, reverse_path)
        try:
            refused, taken = await self._recipients(transaction, paths)
            if refused:
                # The queue will not find them either, and tells the sender.
                await self._spool_refused(
                    Envelope(reverse_path, tuple(refused), origin),
                    fd,
                    dropped,
                    transaction.id,
                )
                self._left[name] = tuple(taken)
            if not taken:
                transaction.abort()
                return ()
            await self._copy(transaction, fd, dropped, transaction.id)
            verdicts: Sequence[MailError | None] = await transaction.finish()
        except BaseException:
            transaction.abort()
            raise
        pairs = list(zip(taken, verdicts, strict=True))
        again = tuple(one for one, why in pairs if isinstance(why, TemporaryFailure))
        never = tuple(
            one
            for one, why in pairs
            if why is not None and not isinstance(why, TemporaryFailure)
        )
        if never:
            self._left[name] = (*again, *never)
            envelope = Envelope(reverse_path, never, origin)
            await self._spool_refused(envelope, fd, dropped, transaction.id)
            self._left[name] = again
        return again

    async def _recipients(
        self, transaction: Any, paths: Sequence[ForwardPath]
    ) -> tuple[list[ForwardPath], list[ForwardPath]]:
        refused, taken = [], []
        for path in paths:
            try:
                await transaction.recipient(path)
            except TemporaryFailure:
                raise
            except MailError as error:
                _log.info("{id}: {error!r}", id=transaction.id, error=error)
                refused.append(path)
            else:
                taken.append(path)
        return refused, taken

    async def _spool_refused(
        self,
        envelope: Envelope,
        fd: int,
        dropped: Dropped,
        message_id: str,
    ) -> None:
        writer = self._intake.begin()
        try:
            await self._copy(writer, fd, dropped, message_id)
            content = await writer.finish()
        except BaseException:
            writer.discard()
            raise
        now = self._reactor.seconds()
        header = trace.received(envelope.origin, message_id, now, None)
        try:
            await self._spool.add(envelope, HeadedContent(header, content), now)
        finally:
            content.close()

    async def _copy(self, to: Any, fd: int, dropped: Dropped, message_id: str) -> None:
        """Write a message with what its header lacked to a writer.

        Raises:
            BadSyntax: It is not as long as its envelope says, or a line of it
                does not end in CRLF.
        """
        at = os.fstat(fd).st_size - dropped.size
        piece = await self._run(os.pread, fd, self._head, at)
        binary = dropped.reverse_path.body is BodyType.BINARY_MIME
        size, last = len(piece), b"" if binary else _checked(b"", piece)
        await _write(to, self._mended(piece, dropped, message_id))
        while size < dropped.size:
            piece = await self._run(os.pread, fd, PIECE, at + size)
            if not piece:
                break
            size += len(piece)
            last = b"" if binary else _checked(last, piece)
            await _write(to, piece)
        if size != dropped.size or last == b"\r":
            raise BadSyntax("a message as long as it says", size)

    def _mended(self, head: bytes, dropped: Dropped, message_id: str) -> bytes:
        """Return the beginning of a message: Bcc gone, what is missing added.

        Source: RFC 6409 sections 8.2 and 8.3, RFC 5322 section 3.6.
        """
        end = header_end(head)
        header, body = head[:end], head[end:]
        found = fields(header)
        names = {name for name, _ in found}
        if not names:
            # No header at all: the text is the body.
            header, body = b"\r\n", head[2:] if head.startswith(b"\r\n") else head
        elif names & {b"bcc", b"resent-bcc"}:
            header = subset(header, (b"bcc", b"resent-bcc"), inverted=True)
        added = {
            b"Date": date_header(int(self._reactor.seconds())),
            b"Message-ID": f"<{message_id}@{self._hostname}>".encode(),
            b"From": self._author(dropped),
        }
        missing = (
            b"%b: %b\r\n" % (name, value)
            for name, value in added.items()
            if name.lower() not in names
        )
        return b"".join(missing) + header + body

    def _author(self, dropped: Dropped) -> bytes:
        sender = dropped.reverse_path.address or Address("MAILER-DAEMON", "")
        written = self._qualified(sender).written()
        if not dropped.name:
            return written.encode()
        name = dropped.name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{name}" <{written}>'.encode()

    def _qualified(self, address: Address) -> Address:
        return address if address.domain else replace(address, domain=self._domain)


def _open(path: str) -> tuple[int, int]:
    """Open what is a file of its owner alone; return it and the owner's uid.

    Raises:
        BadSyntax: It is something else.
        OSError: It cannot be opened.
    """
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise BadSyntax("a file", 0)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    fd = os.open(path, flags)
    found = os.fstat(fd)
    # Another name of it may be in a directory of somebody else.
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        os.close(fd)
        raise BadSyntax("a file with one name", 0)
    return fd, found.st_uid


def _read(fd: int) -> Dropped:
    """Return the envelope of a file.

    Raises:
        BadSyntax: It has none, or is not as long as that says.
    """
    line, found, _ = os.pread(fd, LINE_MAX, 0).partition(b"\n")
    if not found:
        raise BadSyntax(f"a first line of at most {LINE_MAX} octets", 0)
    dropped = decoded(line)
    if os.fstat(fd).st_size - len(line) - 1 != dropped.size:
        raise BadSyntax("a message as long as it says", 0)
    return dropped


def _checked(last: bytes, piece: bytes) -> bytes:
    """Look at the line ends of a piece; return the CR it ends with, if it does.

    Args:
        last: What this returned for the piece before.
        piece: The next one.

    Raises:
        BadSyntax: A line does not end in CRLF.
    """
    whole = last + piece
    end = len(whole) - whole.endswith(b"\r")
    bare = BARE.search(whole, 0, end)
    if bare is not None:
        raise BadSyntax("lines that end in CRLF", bare.start())
    return whole[end:]


async def _write(to: Any, octets: bytes) -> None:
    waiting = to.write(octets)
    if waiting is not None:
        await waiting
