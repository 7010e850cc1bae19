"""Filters of others, over the milter protocol: DKIM, antivirus, anything.

One connection for each mail transaction, from MAIL on; what the milter says to
connect and HELO is therefore answered at MAIL. It may add and change header
fields, replace the body, add and take away recipients, change the sender,
quarantine, and choose replies. Parameters it gives a sender or a recipient (DSN)
are not looked at, as in Postfix.

Fields are numbered as if our Received field, which does not exist yet, were
the first: that is where other MTAs have it.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint

from mailframe.errors import BadSyntax, TemporaryFailure
from mailframe.interfaces.check import (
    AddField,
    AddRecipient,
    ChangeField,
    ChangeSender,
    Decision,
    DropRecipient,
    Edit,
    EnvelopeEdit,
    Verdict,
)
from mailframe.interfaces.content import IContent, IContentWriter, IIntake
from mailframe.mime.header import header_end
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, Origin, ReversePath
from mailframe.policy import milter_codec as codec
from mailframe.policy.check import Indifferent
from mailframe.policy.client_name import client_name
from mailframe.policy.milter_connection import MilterConnection, MilterFactory
from mailframe.policy.milter_macros import LOOPBACK, Macros
from mailframe.policy.resolver import Resolver
from mailframe.smtp import grammar

MAX_HEADER = 1_048_576
"""Octets of a header; it is held until its end has come."""

# A field: its first line and the lines that begin with white space.
_FIELD = re.compile(rb"([^\n:]*):([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)")


class Milter(Indifferent):
    """One milter."""

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        intake: IIntake,
        name: str = "milter",
        resolver: Resolver | None = None,
    ) -> None:
        """Prepare.

        Args:
            endpoint: Where it listens.
            intake: Where a body rests that it replaces.
            name: For the log and the reply.
            resolver: Asked what clients are called; ``None`` for never mind.
        """
        self._resolver = resolver
        self._endpoint = endpoint
        self._intake = intake
        self._name = name

    async def mail(
        self, memory: dict[str, object], origin: Origin, reverse_path: ReversePath
    ) -> Verdict | None:
        """Connect, negotiate, and tell of client, HELO and sender."""
        connecting: Any = self._endpoint.connect(MilterFactory())
        memory["connecting"] = connecting
        try:
            connection: MilterConnection = await connecting
        except (ConnectError, OSError) as error:
            raise TemporaryFailure(f"{self._name}: {type(error).__name__}") from None
        called = await client_name(self._resolver, origin)
        macros = Macros(origin, reverse_path, str(memory.get("id", "")), called)
        talk = _Talk(connection, self._intake, macros)
        memory["talk"] = talk
        return await talk.begin(origin, reverse_path)

    async def rcpt(
        self, memory: dict[str, object], forward_path: ForwardPath
    ) -> Verdict | None:
        """Tell of a recipient."""
        return await _talk(memory).recipient(forward_path)

    def content(
        self, memory: dict[str, object], octets: bytes
    ) -> Awaitable[None] | None:
        """Pass content on; wait while the milter is slow."""
        passing = Deferred.fromCoroutine(_talk(memory).content(octets))
        if passing.called:
            trouble: list[Any] = []
            passing.addErrback(trouble.append)
            if trouble:
                trouble[0].raiseException()
            return None
        return passing

    async def end(self, memory: dict[str, object]) -> Verdict | None:
        """Ask what it thinks of the whole message."""
        return await _talk(memory).end()

    def over(self, memory: dict[str, object]) -> None:
        """Say goodbye."""
        talk = memory.get("talk")
        connecting: Any = memory.get("connecting")
        if isinstance(talk, _Talk):
            talk.leave()
        elif connecting is not None:
            # It may still come, after its time.
            connecting.addCallbacks(lambda one: one and one.leave(), lambda _: None)
        memory.clear()


def _talk(memory: dict[str, object]) -> "_Talk":
    talk = memory.get("talk")
    if not isinstance(talk, _Talk):
        raise TemporaryFailure("the milter was not there for MAIL")
    return talk


class _Talk:
    """One message, as one milter sees it."""

    def __init__(
        self, connection: MilterConnection, intake: IIntake, macros: Macros
    ) -> None:
        self._connection = connection
        self._intake = intake
        self._macros = macros
        self._agreed = codec.Negotiated(codec.VERSION, codec.Action(0), codec.Step(0))
        self._header: bytearray | None = bytearray()
        self._searched = 0
        self._content_begun = False
        self._wants_body = True
        self._settled = False
        self._verdict: Verdict | None = None

    async def begin(self, origin: Origin, reverse_path: ReversePath) -> Verdict | None:
        connection = self._connection
        await connection.write(codec.negotiation())
        self._agreed = codec.negotiated(await connection.next())
        self._macros.agree(self._agreed.macros)
        address = origin.client_address or LOOPBACK
        name = self._macros.client
        sender = reverse_path.address
        path = f"<{sender.written()}>" if sender is not None else "<>"
        for command, packet in (
            (b"C", codec.connect(name.encode(), address, origin.client_port or 0)),
            (b"H", codec.packet(b"H", origin.helo.encode(errors="replace"))),
            (b"M", codec.packet(b"M", path.encode())),
        ):
            verdict = await self._say(command, packet)
            if verdict is not None or self._settled:
                return verdict
        return None

    async def recipient(self, forward_path: ForwardPath) -> Verdict | None:
        if self._settled:
            return None
        path = f"<{forward_path.address.written()}>"
        self._macros.rcpt(forward_path.address)
        verdict = await self._say(b"R", codec.packet(b"R", path.encode()))
        # To accept or refuse one recipient says nothing of the message.
        self._settled = verdict is not None and verdict.decision is Decision.DISCARD
        return verdict

    async def content(self, octets: bytes) -> None:
        if self._settled:
            return
        header = self._header
        if header is None:
            await self._body(octets)
            return
        header += octets
        if len(header) > MAX_HEADER:
            raise TemporaryFailure(f"a header of more than {MAX_HEADER} octets")
        start = max(0, self._searched - 3)
        self._searched = len(header)
        if header.startswith(b"\r\n") or b"\r\n\r\n" in header[start:]:
            await self._pass_header(bytes(header))

    async def end(self) -> Verdict | None:
        if not self._settled and self._header is not None:
            await self._pass_header(bytes(self._header))
        if self._settled:
            return self._verdict
        await self._connection.write(self._macros.before(b"E") + codec.raw_packet(b"E"))
        self._settled = True
        return await self._changes()

    def leave(self) -> None:
        self._settled = True
        self._connection.leave()

    async def _pass_header(self, octets: bytes) -> None:
        self._header = None
        await self._data()
        end = header_end(octets)
        steps = self._agreed.steps
        for match in _FIELD.finditer(octets[:end].replace(b"\r\n", b"\n")):
            if self._settled:
                return
            name = match[1].rstrip(b" \t")
            if name:
                await self._note(b"L", codec.header_field(name, match[2], steps))
        if not self._settled:
            await self._note(b"N", codec.raw_packet(b"N"))
        if not self._settled and len(octets) > end:
            await self._body(octets[end:])

    async def _data(self) -> None:
        if self._agreed.version >= 4:
            await self._note(b"T", codec.raw_packet(b"T"))

    async def _body(self, octets: bytes) -> None:
        for start in range(0, len(octets), codec.BODY_CHUNK):
            if self._settled or not self._wants_body:
                return
            piece = octets[start : start + codec.BODY_CHUNK]
            await self._note(b"B", codec.raw_packet(b"B", piece))

    async def _note(self, command: bytes, packet: bytes) -> None:
        """Say something in the content; keep what comes of it for the end."""
        if not self._settled:
            verdict = await self._say(command, packet)
            if verdict is not None:
                self._settled = True
                self._verdict = verdict

    async def _say(self, command: bytes, packet: bytes) -> Verdict | None:
        """Send a command, unless it is not wanted; return what the milter says."""
        steps = self._agreed.steps
        if steps & codec.UNWANTED[command]:
            return None
        await self._connection.write(self._macros.before(command) + packet)
        if steps & codec.UNANSWERED[command]:
            return None
        while True:
            reply = await self._connection.next()
            if reply.command != b"p":
                break
        if reply.command == b"s" and command == b"B":
            self._wants_body = False
            return None
        if reply.command == b"a":
            self._settled = command != b"R"
            return None
        return _verdict(reply)

    async def _changes(self) -> Verdict | None:
        """Read what the milter wants changed, up to its last word."""
        edits: list[Edit] = []
        envelope: list[EnvelopeEdit] = []
        body: IContentWriter | None = None
        suspect = ""
        try:
            while True:
                reply = await self._connection.next()
                kind = reply.command
                if kind == b"b":
                    body = body or self._intake.begin()
                    waiting = body.write(reply.data)
                    if waiting is not None:
                        await waiting
                elif kind == b"q":
                    suspect = reply.data.rstrip(b"\0").decode("ascii", "replace")
                    suspect = suspect or "quarantined by a milter"
                elif kind in (b"h", b"i", b"m"):
                    edits.append(_edit(reply))
                elif kind in _ENVELOPE:
                    envelope.append(self._envelope_edit(reply))
                elif kind != b"p":
                    break
            verdict = None if kind == b"a" else _verdict(reply)
            if verdict is not None:
                return verdict
            replaced: IContent | None = None
            if body is not None:
                replaced, body = await body.finish(), None
        finally:
            if body is not None:
                body.discard()
        decision = Decision.QUARANTINE if suspect else Decision.NEUTRAL
        return Verdict(
            decision,
            suspect,
            edits=tuple(edits),
            body=replaced,
            envelope=tuple(envelope),
        )

    def _envelope_edit(self, reply: codec.Packet) -> EnvelopeEdit:
        action, edit = _ENVELOPE[reply.command]
        if not self._agreed.actions & action:
            raise BadSyntax("a change that was agreed on")
        # Behind the address there may be parameters.
        return edit(codec.strings(reply.data)[0])


def _verdict(reply: codec.Packet) -> Verdict | None:
    """Return what a reply means; ``None`` for "go on".

    Raises:
        BadSyntax: It means nothing here.
    """
    kind = reply.command
    if kind == b"c":
        return None
    if kind == b"r":
        return Verdict(Decision.REFUSE)
    if kind in (b"t", b"f", b"4"):
        return Verdict(Decision.DEFER)
    if kind == b"d":
        return Verdict(Decision.DISCARD)
    if kind == b"y":
        code, enhanced, text = codec.reply_text(reply.data)
        decision = Decision.DEFER if code < 500 else Decision.REFUSE
        return Verdict(decision, text, code=code, enhanced=enhanced)
    raise BadSyntax("a reply a milter may give here")


def _edit(reply: codec.Packet) -> Edit:
    """Return a change of the header (lines within a value end in LF there)."""
    if reply.command == b"h":
        parts = codec.strings(reply.data)
        if len(parts) != 2:
            raise BadSyntax("a name and a value")
        return AddField(parts[0], parts[1])
    number, name, value = codec.indexed(reply.data)
    if reply.command == b"i":
        return AddField(name, value, max(0, number - 1))
    return ChangeField(name, max(1, number), value or None)


def _address(path: bytes) -> Address:
    """Return the address of a path, in angle brackets or not.

    Raises:
        BadSyntax: It is none.
    """
    return grammar.mailbox(path.decode(errors="replace").strip().strip("<>"))


def _sender(path: bytes) -> ChangeSender:
    return ChangeSender(None if path.strip() in (b"", b"<>") else _address(path))


_ENVELOPE: Mapping[bytes, tuple[codec.Action, Callable[[bytes], EnvelopeEdit]]] = {
    b"+": (
        codec.Action.ADD_RECIPIENTS,
        lambda path: AddRecipient(_address(path)),
    ),
    b"2": (
        codec.Action.ADD_RECIPIENTS_WITH_PARAMETERS,
        lambda path: AddRecipient(_address(path)),
    ),
    b"-": (
        codec.Action.DELETE_RECIPIENTS,
        lambda path: DropRecipient(_address(path)),
    ),
    b"e": (codec.Action.CHANGE_FROM, _sender),
}
"""The replies that change the envelope: what allows them, and what they mean."""
