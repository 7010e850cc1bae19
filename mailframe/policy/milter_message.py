"""What one milter hears of one message, from MAIL to its end, and wants changed.

Fields are numbered as if our Received field, which does not exist yet, were
the first: that is where other MTAs have it.
"""

import re

from mailframe.errors import BadSyntax, MailError, TemporaryFailure
from mailframe.interfaces.check import Decision, Edit, EnvelopeEdit, Verdict
from mailframe.interfaces.content import IContent, IContentWriter, IIntake
from mailframe.mime.header import header_end
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, ReversePath
from mailframe.policy import milter_codec as codec
from mailframe.policy.milter_reply import ENVELOPE, edit, verdict
from mailframe.policy.milter_session import MilterSession
from mailframe.smtp import replies

MAX_HEADER = 1_048_576
"""Octets of a header; it is held until its end has come."""

# A field: its first line and the lines that begin with white space.
_FIELD = re.compile(rb"([^\n:]*):([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)")


class MilterMessage:
    """One message, as one milter sees it."""

    def __init__(self, session: MilterSession, intake: IIntake) -> None:
        """Begin before MAIL.

        Args:
            session: The client's.
            intake: Where a body rests that the milter replaces.
        """
        self._session = session
        self._intake = intake
        self._header: bytearray | None = bytearray()
        self._searched = 0
        self._wants_body = True
        self._data_told = False
        self._settled = False
        self._verdict: Verdict | None = None

    async def begin(self, reverse_path: ReversePath) -> Verdict | None:
        """Tell of the sender."""
        session = self._session
        if session.over:
            self._settled = True
            return session.standing
        session.talking = True
        sender = reverse_path.address
        path = f"<{sender.written()}>" if sender is not None else "<>"
        return await self._say(b"M", codec.packet(b"M", path.encode()))

    async def recipient(self, forward_path: ForwardPath) -> Verdict | None:
        """Tell of a recipient."""
        if self._settled:
            return None
        self._session.macros.rcpt(forward_path.address)
        found = await self._say(b"R", _path(forward_path.address))
        # To accept or refuse one recipient says nothing of the message.
        self._settled = found is not None and found.decision is Decision.DISCARD
        return found

    async def rejected(self, forward_path: ForwardPath, refusal: MailError) -> None:
        """Tell of a recipient that is refused, where the milter asked for that."""
        session = self._session
        if self._settled or not (session.agreed.steps & codec.Step.REJECTED_RECIPIENTS):
            return
        _, enhanced, text = replies.refusal(refusal).decode().split(" ", 2)
        session.macros.rejected(enhanced, text.rstrip())
        await session.say(b"R", _path(forward_path.address))

    async def data(self) -> Verdict | None:
        """Tell, once, that the content comes; what is said to it stands."""
        if not (self._settled or self._data_told):
            self._data_told = True
            if self._session.agreed.version >= 4:
                await self._note(b"T", codec.raw_packet(b"T"))
        return self._verdict

    async def content(self, octets: bytes) -> None:
        """Pass content on."""
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
        """Ask what it thinks of the whole message."""
        if not self._settled and self._header is not None:
            await self._pass_header(bytes(self._header))
        if self._settled:
            return self._verdict
        self._settled = True
        with self._session.in_step():
            await self._session.ask_for_all()
            found = await self._changes()
        self._session.talking = False
        return found

    def leave(self) -> None:
        """It is over, whatever came of it."""
        self._settled = True
        if self._session.talking:
            self._session.talking = False
            self._session.abort()

    async def _pass_header(self, octets: bytes) -> None:
        self._header = None
        await self.data()
        end = header_end(octets)
        steps = self._session.agreed.steps
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

    async def _body(self, octets: bytes) -> None:
        for start in range(0, len(octets), codec.BODY_CHUNK):
            if self._settled or not self._wants_body:
                return
            piece = octets[start : start + codec.BODY_CHUNK]
            await self._note(b"B", codec.raw_packet(b"B", piece))

    async def _note(self, command: bytes, packet: bytes) -> None:
        """Say something; keep what comes of it, to the end."""
        if not self._settled:
            found = await self._say(command, packet)
            if found is not None:
                self._settled = True
                self._verdict = found

    async def _say(self, command: bytes, packet: bytes) -> Verdict | None:
        """Say a command; return what it makes of the message."""
        reply = await self._session.say(command, packet)
        if reply is None:
            return None
        if reply.command == b"s" and command == b"B":
            self._wants_body = False
            return None
        if reply.command == b"a":
            self._settled = command != b"R"
            return None
        with self._session.in_step():
            return verdict(reply)

    async def _changes(self) -> Verdict | None:
        """Read what the milter wants changed, up to its last word."""
        edits: list[Edit] = []
        envelope: list[EnvelopeEdit] = []
        body: IContentWriter | None = None
        suspect = ""
        try:
            while True:
                reply = await self._session.reply()
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
                    edits.append(edit(reply))
                elif kind in ENVELOPE:
                    envelope.append(self._envelope_edit(reply))
                else:
                    break
            found = None if kind == b"a" else verdict(reply)
            if found is not None:
                return found
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
        action, make = ENVELOPE[reply.command]
        if not self._session.agreed.actions & action:
            raise BadSyntax("a change that was agreed on")
        # Behind the address there may be parameters.
        return make(codec.strings(reply.data)[0])


def _path(address: Address) -> bytes:
    return codec.packet(b"R", f"<{address.written()}>".encode())
