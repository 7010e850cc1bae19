"""An operating system that fails when told to, and can lose power.

:class:`FaultyOS` does what it is asked on a real directory, and remembers which
of it a power loss could take back: octets written since the last sync of their
file, names made or taken since the last sync of their directory. A rename is
one step, as on every file system with a journal; steps without a sync between
them may survive in any combination.

Source: POSIX.1-2017 fsync, rationale; DESIGN.md section 5.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from mailframe.storage.os_layer import OSLayer
from mailframe.testing.disk import (
    Change,
    Directory,
    File,
    Node,
    chance,
    files,
    load,
    store,
    surviving,
)

_WRITES = frozenset(("write", "writev", "pwritev"))


class PowerLoss(Exception):
    """The machine is off; so is every call until :meth:`FaultyOS.crash`."""


@dataclass
class _Fault:
    error: int | None
    name: str | None
    countdown: int
    times: int
    short: bool


class FaultyOS(OSLayer):
    """Calls of one program on one directory, which fail on request.

    Attributes:
        calls: Name of every call made, in order.
    """

    def __init__(self, root: str) -> None:
        """Begin.

        Args:
            root: All paths must be in it. What is there now is durable. Files
                that appear in it without our help survive every crash.
        """
        self.calls: list[str] = []
        self._root = os.path.abspath(root)
        self._off = False
        self._half = False
        self._faults: list[_Fault] = []
        self._begin()

    def _begin(self) -> None:
        self._fds: dict[int, File] = {}
        self._changes: list[Change] = []
        self._tree = load(self._root)

    def fail(
        self,
        error: int,
        name: str | None = None,
        *,
        at: int = 1,
        times: int = 1,
        short: bool = False,
    ) -> None:
        """Make a call fail.

        Args:
            error: The errno.
            name: Only count, and fail, calls of this name.
            at: Which one from now, from 1.
            times: How many in a row.
            short: A write first succeeds by half, the next one fails.
        """
        self._faults.append(_Fault(error, name, at, times, short))

    def lose_power(self, at: int) -> None:
        """Let the ``at``-th call from now, from 1, and all later ones raise.

        What that call did may survive like anything else not synced; a sync
        that was interrupted has made nothing sure.

        Raises:
            PowerLoss: By those calls.
        """
        self._faults.append(_Fault(None, None, at, 1, False))

    def crash(self, survives: Random | bool = False) -> None:
        """Leave in the directory what a power loss leaves, and go on from there.

        Descriptors opened before are of no use any more (but still to be
        closed by whoever has them).

        Args:
            survives: Whether what was not synced survives; ``Random`` takes
                each change, or some sectors of it, or leaves it.
        """
        self._settle(survives)
        for file in files(self._tree):
            for offset, octets in file.changes:
                for start, kept in surviving(octets, survives):
                    file.apply(offset + start, kept)
        foreign = self._foreign()
        shutil.rmtree(self._root)
        os.mkdir(self._root)
        store(self._root, self._tree, {})
        for path, found in foreign.items():
            if os.path.isdir(os.path.dirname(path)):
                with open(path, "wb") as out:
                    out.write(found)
        self._off = False
        self._faults.clear()
        self._begin()

    def open(self, path: str, flags: int, mode: int = 0o600) -> int:
        """Open a file; see :class:`OSLayer`."""
        loss = self._called("open")
        fd = super().open(path, flags, mode)
        directory, name = self._parent(path)
        node = directory.now.get(name)
        if node is None:
            node = File()
            self._add(directory, name, node)
        assert isinstance(node, File)
        if flags & os.O_TRUNC:
            node.changes.append((0, None))
        self._fds[fd] = node
        if loss:
            super().close(self._forget(fd))
            raise PowerLoss
        return fd

    def close(self, fd: int) -> None:
        """Close; never fails, so that a test can tidy up after a power loss."""
        super().close(self._forget(fd))

    def write(self, fd: int, octets: bytes) -> int:
        """Write; see :class:`OSLayer`."""
        return self._write("write", fd, [octets], None)

    def writev(self, fd: int, pieces: Sequence[bytes]) -> int:
        """Write pieces; see :class:`OSLayer`."""
        return self._write("writev", fd, pieces, None)

    def pwritev(self, fd: int, pieces: Sequence[bytes], offset: int) -> int:
        """Write pieces at an offset; see :class:`OSLayer`."""
        return self._write("pwritev", fd, pieces, offset)

    def truncate(self, fd: int, length: int) -> None:
        """Cut a file; see :class:`OSLayer`."""
        loss = self._called("truncate")
        super().truncate(fd, length)
        self._fds[fd].changes.append((length, None))
        if loss:
            raise PowerLoss

    def fdatasync(self, fd: int) -> None:
        """Make a file durable; see :class:`OSLayer`."""
        self._sync("fdatasync", fd)

    def fsync(self, fd: int) -> None:
        """Make a file durable; see :class:`OSLayer`."""
        self._sync("fsync", fd)

    def fsync_dir(self, path: str) -> None:
        """Make the names in a directory durable; see :class:`OSLayer`."""
        if self._called("fsync_dir"):
            raise PowerLoss
        wanted = [self._find(path)]
        for directory in wanted:
            for change in self._changes:
                if change.directory is directory and not change.done:
                    change.apply()
                    if change.partner is not None and not change.partner.done:
                        wanted.append(change.partner.directory)
                    # A rename is one step, whichever of its directories is synced.
                    wanted += [
                        other.directory
                        for other in self._changes
                        if other.partner is change and not other.done
                    ]
        self._changes = [change for change in self._changes if not change.done]

    def rename(self, source: str, target: str) -> None:
        """Rename; see :class:`OSLayer`."""
        loss = self._called("rename")
        super().rename(source, target)
        old, old_name = self._parent(source)
        new, new_name = self._parent(target)
        added = self._add(new, new_name, old.now[old_name])
        self._take(old, old_name, added)
        if loss:
            raise PowerLoss

    def link(self, source: str, target: str) -> None:
        """Link; see :class:`OSLayer`."""
        loss = self._called("link")
        super().link(source, target)
        old, old_name = self._parent(source)
        self._add(*self._parent(target), old.now[old_name])
        if loss:
            raise PowerLoss

    def unlink(self, path: str) -> None:
        """Take a name away; see :class:`OSLayer`."""
        loss = self._called("unlink")
        super().unlink(path)
        self._take(*self._parent(path), None)
        if loss:
            raise PowerLoss

    def mkdir(self, path: str, mode: int = 0o700) -> None:
        """Make a directory; see :class:`OSLayer`."""
        loss = self._called("mkdir")
        super().mkdir(path, mode)
        self._add(*self._parent(path), Directory())
        if loss:
            raise PowerLoss

    def rmdir(self, path: str) -> None:
        """Remove a directory; see :class:`OSLayer`."""
        loss = self._called("rmdir")
        super().rmdir(path)
        self._take(*self._parent(path), None)
        if loss:
            raise PowerLoss

    def _called(self, name: str) -> bool:
        """Count a call; raise if it fails, return whether the power goes."""
        self.calls.append(name)
        if self._off:
            raise PowerLoss
        for fault in self._faults:
            if fault.name not in (None, name):
                continue
            fault.countdown -= 1
            if fault.countdown > 0 or fault.times == 0:
                continue
            if fault.error is None:
                self._off = True
                return True
            if fault.short and name in _WRITES:
                fault.short = False
                self._half = True
            else:
                fault.times -= 1
                raise OSError(fault.error, os.strerror(fault.error))
        return False

    def _write(
        self, name: str, fd: int, pieces: Sequence[bytes], offset: int | None
    ) -> int:
        loss = self._called(name)
        file = self._fds[fd]
        octets = b"".join(pieces)
        if self._half:
            self._half = False
            octets = octets[: len(octets) // 2]
        if offset is None:
            written = super().write(fd, octets)
            # Afterwards, since only then is it known where O_APPEND put it.
            offset = os.lseek(fd, 0, os.SEEK_CUR) - written
        else:
            written = super().pwritev(fd, [octets], offset)
        file.changes.append((offset, octets[:written]))
        if loss:
            raise PowerLoss
        return written

    def _sync(self, name: str, fd: int) -> None:
        file = self._fds[fd]
        try:
            loss = self._called(name)
        except OSError:
            # What one sync could not write, no later one will.
            file.changes.clear()
            raise
        if loss:
            raise PowerLoss
        for change in file.changes:
            file.apply(*change)
        file.changes.clear()

    def _forget(self, fd: int) -> int:
        self._fds.pop(fd, None)
        return fd

    def _add(self, directory: Directory, name: str, node: Node) -> Change:
        directory.now[name] = node
        self._changes.append(change := Change(directory, name, node))
        return change

    def _take(self, directory: Directory, name: str, partner: Change | None) -> None:
        del directory.now[name]
        self._changes.append(Change(directory, name, None, partner))

    def _settle(self, survives: Random | bool) -> None:
        """Put some of the changes of names on the disk, and forget the rest."""
        for change in self._changes:
            partner = change.partner
            if partner in self._changes:
                # Both halves of a rename, or neither.
                kept = partner is not None and partner.done
            else:
                kept = chance(survives)
            if kept:
                change.apply()

    def _find(self, path: str) -> Directory:
        relative = os.path.relpath(os.path.abspath(path), self._root)
        node: Node = self._tree
        for name in relative.split(os.sep):
            if name != os.curdir:
                assert isinstance(node, Directory)
                node = node.now[name]
        assert isinstance(node, Directory)
        return node

    def _parent(self, path: str) -> tuple[Directory, str]:
        directory, name = os.path.split(os.path.abspath(path))
        return self._find(directory), name

    def _foreign(self) -> dict[str, bytes]:
        """Return files in the directory that were not made through us."""
        found: dict[str, bytes] = {}
        for path, _, names in os.walk(self._root):
            known = self._find(path).now
            for name in names:
                if name not in known:
                    with open(os.path.join(path, name), "rb") as file:
                        found[file.name] = file.read()
        return found
