"""How records lie in a journal file.

A file is a header and records, then zeros up to its end (space taken before it
is needed). The checksum of a record begins with a number drawn for its file,
so that octets an older journal left on the same disk blocks never count.

    file   = "MFJOURNL" version(u32) salt(u32) *record *%x00
    record = length(u32) kind(u8) crc32(u32) payload(length octets)

Numbers are little-endian. The checksum covers length, kind and payload.

Source: DESIGN.md section 5 (one journal, checksummed records).
"""

import struct
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple
from zlib import crc32

MAGIC = b"MFJOURNL"
VERSION = 1
_HEADER = struct.Struct("<8sII")
_START = struct.Struct("<IB")
_HEAD = struct.Struct("<IBI")
HEADER_SIZE = _HEADER.size
HEAD_SIZE = _HEAD.size
PAYLOAD_MAX = 2**32 - 1
_PIECE = 1_048_576


class Record(NamedTuple):
    """One entry; what it says is a matter of who wrote it.

    Attributes:
        kind: From 1 to 255.
        payload: Opaque here.
    """

    kind: int
    payload: bytes


class UnknownVersion(Exception):
    """The file is a journal of a version this program cannot read."""


def header(salt: int) -> bytes:
    """Return the first octets of a file whose checksums begin with ``salt``."""
    return _HEADER.pack(MAGIC, VERSION, salt)


def pieces(
    records: Sequence[tuple[int, Sequence[bytes]]], salt: int
) -> tuple[list[bytes], int]:
    """Return what to write for records, without joining it.

    Args:
        records: Kind (1 to 255) and the pieces of the payload of each.
        salt: The number in the header of the file.

    Returns:
        The pieces, and how many octets they are.
    """
    found: list[bytes] = []
    total = 0
    pack_start, pack, checksum = _START.pack, _HEAD.pack, crc32
    for kind, payload in records:
        length = sum(map(len, payload))
        if not 0 < kind < 256 or length > PAYLOAD_MAX:
            raise ValueError(f"kind {kind}, {length} octets")
        crc = checksum(pack_start(length, kind), salt)
        for piece in payload:
            crc = checksum(piece, crc)
        found.append(pack(length, kind, crc))
        found.extend(payload)
        total += HEAD_SIZE + length
    return found, total


class Reader:
    """Reads one file up to the first thing that is not an intact record.

    Attributes:
        end: Where the last intact record ends; 0 when not even the header is
            whole.
        clean: Whether nothing but zeros follows ``end``; known when
            :meth:`records` is exhausted.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        """Begin.

        Args:
            file: Open for reading, at its beginning.
            size: How long it is.
        """
        self._file = file
        self._size = size
        self.end = 0
        self.clean = False

    def records(self) -> Iterator[Record]:
        """Yield the intact records in order.

        Raises:
            UnknownVersion: Another version wrote it; it is as it was.
        """
        start = self._file.read(HEADER_SIZE)
        if len(start) < HEADER_SIZE or not start.startswith(MAGIC):
            self.clean = not start.strip(b"\0") and self._zeros()
            return
        _, version, salt = _HEADER.unpack(start)
        if version != VERSION:
            raise UnknownVersion(f"version {version}, not {VERSION}")
        self.end = HEADER_SIZE
        while (record := self._next(salt)) is not None:
            self.end += HEAD_SIZE + len(record.payload)
            yield record

    def _next(self, salt: int) -> Record | None:
        head = self._file.read(HEAD_SIZE)
        if not head.strip(b"\0"):
            self.clean = self._zeros()
            return None
        if len(head) < HEAD_SIZE:
            return None
        length, kind, crc = _HEAD.unpack(head)
        # A length that was never written must not make us ask for 4 GiB.
        if length > self._size - self.end - HEAD_SIZE:
            return None
        payload = self._file.read(length)
        if len(payload) < length or crc32(payload, crc32(head[:5], salt)) != crc:
            return None
        return Record(kind, payload)

    def _zeros(self) -> bool:
        while piece := self._file.read(_PIECE):
            if piece.strip(b"\0"):
                return False
        return True
