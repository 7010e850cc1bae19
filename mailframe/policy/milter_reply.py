"""What a milter's replies mean: verdicts, changes of the header and the envelope."""

from collections.abc import Callable, Mapping

from mailframe.errors import BadSyntax
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
from mailframe.model.address import Address
from mailframe.policy import milter_codec as codec
from mailframe.smtp import grammar


def verdict(reply: codec.Packet) -> Verdict | None:
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


def edit(reply: codec.Packet) -> Edit:
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


ENVELOPE: Mapping[bytes, tuple[codec.Action, Callable[[bytes], EnvelopeEdit]]] = {
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
