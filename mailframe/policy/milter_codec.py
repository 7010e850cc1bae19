"""The milter protocol, version 6, as octets and values: the MTA's side.

A packet is four octets of length, one of command, and data. Strings end in NUL.
Nothing here knows a socket.

The one specification is Sendmail's libmilter; the names below are its own
without their ``SMFI`` prefixes.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntFlag

from mailframe.errors import BadSyntax, TooLarge

VERSION = 6

BODY_CHUNK = 65_535
"""Octets of one piece of the body."""

MAX_PACKET = 1_048_576
"""Octets of a packet we take from a milter; they send far less."""


class Action(IntFlag):
    """What a milter may do to a message (``SMFIF``)."""

    ADD_HEADERS = 0x01
    CHANGE_BODY = 0x02
    ADD_RECIPIENTS = 0x04
    DELETE_RECIPIENTS = 0x08
    CHANGE_HEADERS = 0x10
    QUARANTINE = 0x20
    CHANGE_FROM = 0x40
    ADD_RECIPIENTS_WITH_PARAMETERS = 0x80
    SET_MACROS = 0x100


class Step(IntFlag):
    """What a milter need not be told or answer, and may ask for (``SMFIP``)."""

    NO_CONNECT = 0x01
    NO_HELO = 0x02
    NO_MAIL = 0x04
    NO_RCPT = 0x08
    NO_BODY = 0x10
    NO_HEADERS = 0x20
    NO_EOH = 0x40
    NO_REPLY_HEADER = 0x80
    NO_UNKNOWN = 0x100
    NO_DATA = 0x200
    SKIP = 0x400
    REJECTED_RECIPIENTS = 0x800
    NO_REPLY_CONNECT = 0x1000
    NO_REPLY_HELO = 0x2000
    NO_REPLY_MAIL = 0x4000
    NO_REPLY_RCPT = 0x8000
    NO_REPLY_DATA = 0x10000
    NO_REPLY_UNKNOWN = 0x20000
    NO_REPLY_EOH = 0x40000
    NO_REPLY_BODY = 0x80000
    HEADER_LEADING_SPACE = 0x100000


OFFERED_ACTIONS = Action(0x1FF)
"""What we let a milter do: everything."""

OFFERED_STEPS = Step(0x1FFFFF)
"""What we can do without, and do if asked for: everything."""

_NEGOTIATION = struct.Struct(">III")
_LENGTH = struct.Struct(">I")

# Which step each command may be left out by, and which its reply by.
UNWANTED = {
    b"C": Step.NO_CONNECT,
    b"H": Step.NO_HELO,
    b"M": Step.NO_MAIL,
    b"R": Step.NO_RCPT,
    b"T": Step.NO_DATA,
    b"L": Step.NO_HEADERS,
    b"N": Step.NO_EOH,
    b"B": Step.NO_BODY,
}
UNANSWERED = {
    b"C": Step.NO_REPLY_CONNECT,
    b"H": Step.NO_REPLY_HELO,
    b"M": Step.NO_REPLY_MAIL,
    b"R": Step.NO_REPLY_RCPT,
    b"T": Step.NO_REPLY_DATA,
    b"L": Step.NO_REPLY_HEADER,
    b"N": Step.NO_REPLY_EOH,
    b"B": Step.NO_REPLY_BODY,
}


_STAGES = b"CHMRTEN"
"""The commands macros go before, in the order libmilter numbers them (``SMFIM``)."""


@dataclass(frozen=True, slots=True)
class Packet:
    """What a milter says.

    Attributes:
        command: One octet.
        data: The rest.
    """

    command: bytes
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What both sides agreed on.

    Attributes:
        version: Of the protocol, 2 to 6.
        actions: What the milter may do.
        steps: What it need not be told, or will not answer.
        macros: Names of the macros it wants, by the command they go before; what
            is not in it is left to us.
    """

    version: int
    actions: Action
    steps: Step
    macros: Mapping[bytes, tuple[str, ...]] = field(default_factory=dict)


class PacketReader:
    """Cuts octets into packets."""

    def __init__(self) -> None:
        """Begin at the start of a packet."""
        self._held = bytearray()

    def receive(self, octets: bytes) -> list[Packet]:
        """Take octets; return the packets that are complete now.

        Raises:
            TooLarge: A packet is longer than any milter sends.
            BadSyntax: A packet is empty.
        """
        held = self._held
        held += octets
        packets = []
        at = 0
        while len(held) - at >= 4:
            (length,) = _LENGTH.unpack_from(held, at)
            if length > MAX_PACKET:
                raise TooLarge(f"a packet of at most {MAX_PACKET} octets")
            if length == 0:
                raise BadSyntax("a packet with a command")
            if len(held) - at - 4 < length:
                break
            body = bytes(held[at + 4 : at + 4 + length])
            packets.append(Packet(body[:1], body[1:]))
            at += 4 + length
        del held[:at]
        return packets


def packet(command: bytes, *strings: bytes) -> bytes:
    """Return a packet of NUL-terminated strings."""
    data = b"".join(one.replace(b"\0", b"") + b"\0" for one in strings)
    return raw_packet(command, data)


def raw_packet(command: bytes, data: bytes = b"") -> bytes:
    """Return a packet of any data."""
    return _LENGTH.pack(len(data) + 1) + command + data


def negotiation() -> bytes:
    """Return the first packet: what we speak and offer."""
    return raw_packet(b"O", _NEGOTIATION.pack(VERSION, OFFERED_ACTIONS, OFFERED_STEPS))


def negotiated(reply: Packet) -> Negotiated:
    """Return what a milter agreed to.

    Raises:
        BadSyntax: It is no agreement, or asks for what was not offered.
    """
    if reply.command != b"O" or len(reply.data) < 12:
        raise BadSyntax("option negotiation")
    version, actions, steps = _NEGOTIATION.unpack_from(reply.data)
    if not 2 <= version <= VERSION:
        raise BadSyntax("a version from 2 to 6")
    if actions & ~int(OFFERED_ACTIONS):
        raise BadSyntax("actions that were offered")
    if steps & ~int(OFFERED_STEPS):
        raise BadSyntax("steps that were offered")
    wanted = {}
    if actions & Action.SET_MACROS:
        wanted = _wanted_macros(reply.data[12:])
    return Negotiated(version, Action(actions), Step(steps), wanted)


def _wanted_macros(data: bytes) -> dict[bytes, tuple[str, ...]]:
    """Return the macros a milter names in its negotiation (``smfi_setsymlist``)."""
    found = {}
    while data:
        text, end, rest = data[4:].partition(b"\0")
        (stage,) = _LENGTH.unpack(data[:4].rjust(4, b"\xff"))
        if not end or stage >= len(_STAGES):
            raise BadSyntax("a stage and names of macros")
        names = text.decode("ascii", "replace").replace(",", " ").split()
        found[_STAGES[stage : stage + 1]] = tuple(one.strip("{}") for one in names)
        data = rest
    return found


def connect(hostname: bytes, address: str, port: int) -> bytes:
    """Return the packet that tells of a client.

    Args:
        hostname: Its name, or its address in brackets.
        address: Its IP address.
        port: Its port, 0 when not known.
    """
    six = ":" in address
    text = f"IPv6:{address}" if six else address
    family = b"6" if six else b"4"
    return raw_packet(
        b"C",
        b"%b\0%b%b%b\0" % (hostname, family, struct.pack(">H", port), text.encode()),
    )


def macros(command: bytes, values: dict[str, str]) -> bytes:
    """Return the packet that goes before a command and defines macros for it."""
    pairs = [
        part.encode(errors="replace")
        for name, value in values.items()
        for part in (name if len(name) == 1 else "{" + name + "}", value)
    ]
    data = b"".join(one.replace(b"\0", b"") + b"\0" for one in pairs)
    return raw_packet(b"D", command + data)


def header_field(name: bytes, value: bytes, steps: Step) -> bytes:
    """Return the packet of a field; folded lines end in LF there.

    Args:
        name: Its name.
        value: What comes after the colon, without the last line end.
        steps: Whether the space after the colon is wanted.
    """
    if not steps & Step.HEADER_LEADING_SPACE:
        value = value.removeprefix(b" ")
    return packet(b"L", name, value.replace(b"\r\n", b"\n"))


def strings(data: bytes) -> list[bytes]:
    """Return the strings of a packet's data.

    Raises:
        BadSyntax: The last one does not end.
    """
    if not data.endswith(b"\0"):
        raise BadSyntax("strings that end in NUL")
    return data[:-1].split(b"\0")


def indexed(data: bytes) -> tuple[int, bytes, bytes]:
    """Return number, name and value of a changed or inserted field.

    Raises:
        BadSyntax: It is not three things.
    """
    if len(data) < 5:
        raise BadSyntax("a number, a name and a value")
    (number,) = _LENGTH.unpack_from(data)
    parts = strings(data[4:])
    if len(parts) != 2:
        raise BadSyntax("a name and a value")
    return number, parts[0], parts[1]


def reply_text(data: bytes) -> tuple[int, str, str]:
    """Return code, enhanced code and text of a reply a milter chose.

    Raises:
        BadSyntax: It is none of 4yz or 5yz.
    """
    text = data.rstrip(b"\0").decode("ascii", "replace")
    first = text.splitlines()[0] if text else ""
    code, rest = first[:3], first[4:]
    if len(code) != 3 or not code.isdigit() or code[0] not in "45":
        raise BadSyntax("a reply code 4yz or 5yz")
    enhanced, _, said = rest.partition(" ")
    if enhanced[:2] == f"{code[0]}." and enhanced.replace(".", "").isdigit():
        return int(code), enhanced, said
    return int(code), "", rest
