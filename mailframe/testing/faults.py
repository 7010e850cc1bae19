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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from mailframe.storage.os_layer import OSLayer

_SECTOR = 512
_WRITES = frozenset(("write", "writev", "pwritev"))


class PowerLoss(Exception):
    """The machine is off; so is every call until :meth:`FaultyOS.crash`."""


@dataclass(eq=False)
class _File:
    """What the disk has for sure, and what was written since."""

    disk: bytearray = field(default_factory=bytearray)
    changes: list[tuple[int, bytes | None]] = field(default_factory=list)

    def apply(self, offset: int, octets: bytes | None) -> None:
        """Write to the disk, or cut there when ``octets`` is ``None``."""
        if octets is None:
            del self.disk[offset:]
        missing = offset - len(self.disk)
        if missing > 0:
            self.disk += bytes(missing)
        if octets is not None:
            self.disk[offset : offset + len(octets)] = octets


@dataclass(eq=False)
class _Directory:
    """Its names as programs see them, and as they are on the disk."""

    now: dict[str, "_Node"] = field(default_factory=dict)
    disk: dict[str, "_Node"] = field(default_factory=dict)


_Node = _File | _Directory


@dataclass(eq=False)
class _Change:
    """A name added to a directory, or taken away (``node`` is ``None``).

    ``partner`` of the taking half of a rename is its adding half.
    """

    directory: _Directory
    name: str
    node: _Node | None
    partner: "_Change | None" = None
    done: bool = False

    def apply(self) -> None:
        """Put it on the disk."""
        self.done = True
        if self.node is None:
            self.directory.disk.pop(self.name, None)
        else:
            self.directory.disk[self.name] = self.node


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
        self._fds: dict[int, _File] = {}
        self._changes: list[_Change] = []
        self._tree = self._load(self._root)

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
        for file in _files(self._tree):
            for offset, octets in file.changes:
                for start, kept in _surviving(octets, survives):
                    file.apply(offset + start, kept)
        foreign = self._foreign()
        shutil.rmtree(self._root)
        os.mkdir(self._root)
        _store(self._root, self._tree, {})
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
            node = _File()
            self._add(directory, name, node)
        assert isinstance(node, _File)
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
        self._add(*self._parent(path), _Directory())
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

    def _add(self, directory: _Directory, name: str, node: _Node) -> _Change:
        directory.now[name] = node
        self._changes.append(change := _Change(directory, name, node))
        return change

    def _take(self, directory: _Directory, name: str, partner: _Change | None) -> None:
        del directory.now[name]
        self._changes.append(_Change(directory, name, None, partner))

    def _settle(self, survives: Random | bool) -> None:
        """Put some of the changes of names on the disk, and forget the rest."""
        for change in self._changes:
            partner = change.partner
            if partner in self._changes:
                # Both halves of a rename, or neither.
                kept = partner is not None and partner.done
            else:
                kept = _chance(survives)
            if kept:
                change.apply()

    def _find(self, path: str) -> _Directory:
        relative = os.path.relpath(os.path.abspath(path), self._root)
        node: _Node = self._tree
        for name in relative.split(os.sep):
            if name != os.curdir:
                assert isinstance(node, _Directory)
                node = node.now[name]
        assert isinstance(node, _Directory)
        return node

    def _parent(self, path: str) -> tuple[_Directory, str]:
        directory, name = os.path.split(os.path.abspath(path))
        return self._find(directory), name

    def _load(self, path: str) -> _Directory:
        directory = _Directory()
        for entry in os.scandir(path):
            if entry.is_dir():
                node: _Node = self._load(entry.path)
            else:
                with open(entry.path, "rb") as file:
                    node = _File(bytearray(file.read()))
            directory.now[entry.name] = directory.disk[entry.name] = node
        return directory

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


def _chance(survives: Random | bool) -> bool:
    return survives.random() < 0.5 if isinstance(survives, Random) else survives


def _surviving(
    octets: bytes | None, survives: Random | bool
) -> Iterator[tuple[int, bytes | None]]:
    """Yield what of one write is on the disk: offset in it, and octets."""
    if octets is None or not isinstance(survives, Random):
        if _chance(survives):
            yield 0, octets
        return
    cut = survives.choice((0, len(octets), survives.randint(0, len(octets)), None))
    if cut is not None:
        yield 0, octets[:cut]
        return
    for start in range(0, len(octets), _SECTOR):
        if _chance(survives):
            yield start, octets[start : start + _SECTOR]


def _files(directory: _Directory) -> list[_File]:
    """Return the files the disk has names for, each once."""
    found: dict[int, _File] = {}
    for node in directory.disk.values():
        for file in _files(node) if isinstance(node, _Directory) else [node]:
            found[id(file)] = file
    return list(found.values())


def _store(path: str, directory: _Directory, stored: dict[int, str]) -> None:
    """Write what the disk has; a file with several names is one file."""
    for name, node in directory.disk.items():
        target = os.path.join(path, name)
        if isinstance(node, _Directory):
            os.mkdir(target, 0o700)
            _store(target, node, stored)
        elif id(node) in stored:
            os.link(stored[id(node)], target)
        else:
            stored[id(node)] = target
            with open(target, "wb") as out:
                out.write(node.disk)
