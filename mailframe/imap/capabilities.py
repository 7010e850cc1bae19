"""Every command and every extension: the one place that imports them.

Source: RFC 9051 section 7.2.2 (CAPABILITY).
"""

from mailframe.imap.command import Command, Extension
from mailframe.imap.commands import (
    any_state,
    append,
    authenticated,
    list,  # noqa: A004 (named after the command)
    not_authenticated,
    selected,
)
from mailframe.imap.extensions import (
    children,
    enable,
    id,  # noqa: A004 (named after the capability)
    idle,
    literal_plus,
    move,
    namespace,
    sasl_ir,
    special_use,
    starttls,
    uidplus,
    unselect,
)

EXTENSIONS: tuple[Extension, ...] = (
    literal_plus.EXTENSION,
    sasl_ir.EXTENSION,
    starttls.EXTENSION,
    id.EXTENSION,
    enable.EXTENSION,
    idle.EXTENSION,
    namespace.EXTENSION,
    uidplus.EXTENSION,
    unselect.EXTENSION,
    move.EXTENSION,
    children.EXTENSION,
    special_use.EXTENSION,
)
"""In the order CAPABILITY tells them."""


def _table() -> dict[bytes, Command]:
    found: dict[bytes, Command] = {}
    for commands in (
        any_state.COMMANDS,
        not_authenticated.COMMANDS,
        authenticated.COMMANDS,
        list.COMMANDS,
        append.COMMANDS,
        selected.COMMANDS,
        *(one.commands for one in EXTENSIONS),
    ):
        for command in commands:
            assert command.name not in found, command.name
            found[command.name] = command
    return found


COMMANDS: dict[bytes, Command] = _table()
"""By name in capitals."""
