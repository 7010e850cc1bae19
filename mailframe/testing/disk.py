"""A model of a directory tree: what is on the disk for sure, and what is not.

:mod:`mailframe.testing.faults` keeps one beside the real directory, and writes
it out when the power is lost.

Source: POSIX.1-2017 fsync, rationale.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

SECTOR = 512
"""Octets that a disk writes together."""


@dataclass(eq=False)
class File:
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
class Directory:
    """Its names as programs see them, and as they are on the disk."""

    now: dict[str, "Node"] = field(default_factory=dict)
    disk: dict[str, "Node"] = field(default_factory=dict)


Node = File | Directory


@dataclass(eq=False)
class Change:
    """A name added to a directory, or taken away (``node`` is ``None``).

    ``partner`` of the taking half of a rename is its adding half.
    """

    directory: Directory
    name: str
    node: Node | None
    partner: "Change | None" = None
    done: bool = False

    def apply(self) -> None:
        """Put it on the disk."""
        self.done = True
        if self.node is None:
            self.directory.disk.pop(self.name, None)
        else:
            self.directory.disk[self.name] = self.node


def chance(survives: Random | bool) -> bool:
    """Return whether one more change survives."""
    return survives.random() < 0.5 if isinstance(survives, Random) else survives


def surviving(
    octets: bytes | None, survives: Random | bool
) -> Iterator[tuple[int, bytes | None]]:
    """Yield what of one write is on the disk: offset in it, and octets."""
    if octets is None or not isinstance(survives, Random):
        if chance(survives):
            yield 0, octets
        return
    cut = survives.choice((0, len(octets), survives.randint(0, len(octets)), None))
    if cut is not None:
        yield 0, octets[:cut]
        return
    for start in range(0, len(octets), SECTOR):
        if chance(survives):
            yield start, octets[start : start + SECTOR]


def files(directory: Directory) -> list[File]:
    """Return the files the disk has names for, each once."""
    found: dict[int, File] = {}
    for node in directory.disk.values():
        for file in files(node) if isinstance(node, Directory) else [node]:
            found[id(file)] = file
    return list(found.values())


def store(path: str, directory: Directory, stored: dict[int, str]) -> None:
    """Write what the disk has; a file with several names is one file."""
    for name, node in directory.disk.items():
        target = os.path.join(path, name)
        if isinstance(node, Directory):
            os.mkdir(target, 0o700)
            store(target, node, stored)
        elif id(node) in stored:
            os.link(stored[id(node)], target)
        else:
            stored[id(node)] = target
            with open(target, "wb") as out:
                out.write(node.disk)


def load(path: str) -> Directory:
    """Return what is in a real directory, as durable."""
    directory = Directory()
    for entry in os.scandir(path):
        if entry.is_dir():
            node: Node = load(entry.path)
        else:
            with open(entry.path, "rb") as file:
                node = File(bytearray(file.read()))
        directory.now[entry.name] = directory.disk[entry.name] = node
    return directory
