"""Postfix's policy delegation protocol, as octets and values.

A question is lines ``name=value`` and an empty line; the answer is
``action=...`` and an empty line. Nothing here knows a socket.
"""

from collections.abc import Mapping

from mailframe.errors import BadSyntax, TooLarge
from mailframe.interfaces.check import AddRecipient, Decision, Redirect, Verdict
from mailframe.model.address import Address
from mailframe.smtp import grammar

MAX_ANSWER = 65_536
"""Octets of an answer; header fields to prepend are the longest."""

MAX_VALUE = 1000
"""Characters of a value in a question."""


def question(attributes: Mapping[str, str]) -> bytes:
    """Return a question.

    Args:
        attributes: By their Postfix names, in order. No value can end its line.
    """
    lines = [
        f"{name}={_one_line(value)}\n" for name, value in attributes.items() if name
    ]
    return ("".join(lines) + "\n").encode(errors="replace")


class AnswerReader:
    """Gathers one answer after another."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._held = b""

    def receive(self, octets: bytes) -> list[str]:
        """Take octets; return the actions of the answers that are complete.

        Raises:
            TooLarge: An answer does not end.
            BadSyntax: One has no action.
        """
        *answers, self._held = (
            (self._held + octets).replace(b"\r\n", b"\n").split(b"\n\n")
        )
        if len(self._held) > MAX_ANSWER:
            raise TooLarge(f"an answer of at most {MAX_ANSWER} octets")
        return [_action(answer) for answer in answers]


def verdict(action: str) -> Verdict | None:
    """Return what an action means; ``None`` for no opinion.

    Raises:
        BadSyntax: It is none we can carry out.
    """
    word, _, text = action.strip().partition(" ")
    word, text = word.upper(), text.strip()
    if word in ("DUNNO", "", "WARN", "INFO"):
        return None
    if word in ("OK", "PERMIT") or (word.isdigit() and len(word) != 3):
        return Verdict(Decision.ACCEPT)
    if word == "REJECT":
        return _refusal(Decision.REFUSE, 0, text)
    if word in ("DEFER", "DEFER_IF_PERMIT"):
        return _refusal(Decision.DEFER, 0, text)
    if word == "DEFER_IF_REJECT":
        return None
    if word.isdigit() and word[0] in "45":
        decision = Decision.DEFER if word[0] == "4" else Decision.REFUSE
        return _refusal(decision, int(word), text)
    if word == "DISCARD":
        return Verdict(Decision.DISCARD, text)
    if word == "HOLD":
        return Verdict(Decision.QUARANTINE, text)
    if word == "PREPEND" and ":" in text:
        return Verdict(Decision.NEUTRAL, header=f"{text}\r\n".encode())
    if word == "BCC":
        return Verdict(Decision.NEUTRAL, envelope=(AddRecipient(_mailbox(text)),))
    if word == "REDIRECT":
        return Verdict(Decision.NEUTRAL, envelope=(Redirect(_mailbox(text)),))
    raise BadSyntax("an action we can carry out")


def _refusal(decision: Decision, code: int, text: str) -> Verdict:
    enhanced, _, rest = text.partition(" ")
    if enhanced[:2] in ("4.", "5.") and enhanced.replace(".", "").isdigit():
        return Verdict(decision, rest, code=code, enhanced=enhanced)
    return Verdict(decision, text, code=code)


def _mailbox(text: str) -> Address:
    return grammar.mailbox(text.removeprefix("<").removesuffix(">"))


def _action(answer: bytes) -> str:
    for line in answer.decode(errors="replace").split("\n"):
        name, equals, value = line.partition("=")
        if equals and name == "action":
            return value
    raise BadSyntax("action=")


def _one_line(value: str) -> str:
    return "".join(" " if one < " " else one for one in value[:MAX_VALUE])
