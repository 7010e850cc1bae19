"""A milter of the test: answers each command as it is told, else "go on"."""

import struct
from typing import Any

from mailframe.policy.milter_codec import Packet, PacketReader, Step, raw_packet
from tests.policy.fake_endpoint import FakeEndpoint

CONTINUE = raw_packet(b"c")
MESSAGE = (
    b"Subject: hi\r\nX-Folded:  a\r\n\tb\r\nno field\r\nEmpty:\r\n\r\nbody\r\nmore\r\n"
)
NONE = Step(0)
ALL = Step.NO_REPLY_HEADER | Step.NO_REPLY_EOH | Step.NO_REPLY_BODY | Step.NO_REPLY_DATA


class FakeMilter:
    """Answers each command as it is told, else "go on"."""

    def __init__(
        self,
        steps: Step = NONE,
        version: int = 6,
        actions: int = 0x33,
        macros: bytes = b"",
        **answers: Any,
    ) -> None:
        """Answer commands by their letters: octets, or ``None`` to go away."""
        self.steps = steps
        self.actions = actions
        self.macros = macros
        self.answers = {key.encode(): value for key, value in answers.items()}
        self.version = version
        self.said: list[Packet] = []
        self.endpoint = FakeEndpoint(lambda: self._serve())

    def _serve(self) -> Any:
        reader = PacketReader()

        def answer(octets: bytes) -> bytes | None:
            answers: list[bytes] = []
            for packet in reader.receive(octets):
                self.said.append(packet)
                reply = self._reply(packet)
                if reply is None:
                    return None
                answers.append(reply)
            return b"".join(answers)

        return answer

    def _reply(self, packet: Packet) -> bytes | None:
        command = packet.command
        if command == b"O" and command not in self.answers:
            agreed = struct.pack(">III", self.version, self.actions, self.steps)
            return raw_packet(b"O", agreed + self.macros)
        if command in self.answers:
            answer: bytes | None = self.answers[command]
            return answer
        silent = {
            b"L": Step.NO_REPLY_HEADER,
            b"N": Step.NO_REPLY_EOH,
            b"B": Step.NO_REPLY_BODY,
            b"T": Step.NO_REPLY_DATA,
        }.get(command, Step(0))
        return b"" if command in b"DQA" or self.steps & silent else CONTINUE

    def commands(self) -> bytes:
        """Return the letters of what was said, macros left out."""
        letters = b"".join(packet.command for packet in self.said)
        return letters.replace(b"D", b"")

    def data(self, command: bytes) -> list[bytes]:
        """Return the data of each packet of a command."""
        return [one.data for one in self.said if one.command == command]


def at_stage(stage: str, answer: bytes | None) -> FakeMilter:
    """Return a milter that says something odd at one stage."""
    answers: dict[str, Any] = {stage: answer}
    return FakeMilter(**answers)


def reply(text: bytes) -> bytes:
    """Return a reply the milter chooses."""
    return raw_packet(b"y", text + b"\0")
