"""What LIST may be asked beside names: tables that extensions fill.

A *selection* option says which names are wanted, a *return* option what is
told of each. :data:`SELECTION_OPTIONS` and :data:`RETURN_OPTIONS` are empty
until an extension adds to them when it is imported.

Source: RFC 5258 section 3, RFC 9051 section 6.3.9.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import atom
from mailframe.model.mailbox import MailboxInfo

if TYPE_CHECKING:
    from mailframe.imap.session import Session


@dataclass(slots=True)
class Entry:
    """One name that a LIST may tell.

    Attributes:
        name: The name, of a mailbox or of a level only.
        info: The mailbox, or ``None`` when there is none of this name.
        has_children: Whether there are mailboxes below it.
        subscribed: Whether it is subscribed; only known when an option asks.
        selected: Whether it is what the selection options ask for; if not, it
            is told for those below it only.
        attributes: What its LIST response has in parentheses.
        items: Its extended data items, written.
    """

    name: str
    info: MailboxInfo | None
    has_children: bool = False
    subscribed: bool = False
    selected: bool = True
    attributes: list[str] = field(default_factory=list)
    items: list[bytes] = field(default_factory=list)

    @property
    def selectable(self) -> bool:
        """Whether it can be selected."""
        return self.info is not None and self.info.selectable


@dataclass(frozen=True, slots=True)
class SelectionOption:
    """A word that may stand before the reference.

    Attributes:
        selects: Tells whether a name is wanted; ``None`` when the option does
            not restrict.
        implies: Name of the return option that comes with it.
        base: Whether RECURSIVEMATCH may go with it, and CHILDINFO names it.
        modifies: Whether it may stand only beside a base option.
        subscriptions: Whether ``Entry.subscribed`` is needed, and subscribed
            names that do not exist are to be looked at too.

    Source: RFC 5258 section 3.1 and section 6 (list-select-opts).
    """

    selects: Callable[[Entry], bool] | None = None
    implies: bytes | None = None
    base: bool = False
    modifies: bool = False
    subscriptions: bool = False


def _no_argument(cursor: Cursor) -> None:
    """Read nothing: the option is a word only."""


@dataclass(frozen=True, slots=True)
class ReturnOption:
    """A word that may stand after ``RETURN``.

    Attributes:
        attributes: Returns attributes to add to a name's.
        parse: Reads the option's argument, with the space before it.
        more: Returns, for a name, the responses to send after its LIST
            response; gets what ``parse`` returned. May add to
            ``Entry.attributes`` and ``Entry.items``.
        subscriptions: Whether ``Entry.subscribed`` is needed.

    Source: RFC 5258 section 3.2.
    """

    attributes: Callable[[Entry], list[str]] | None = None
    parse: Callable[[Cursor], Any] = _no_argument
    more: "Callable[[Session, Entry, Any], Awaitable[bytes]] | None" = None
    subscriptions: bool = False


SELECTION_OPTIONS: dict[bytes, SelectionOption] = {}
"""By name in capitals."""

RETURN_OPTIONS: dict[bytes, ReturnOption] = {}
"""By name in capitals."""


def selection_options(cursor: Cursor) -> tuple[bytes, ...]:
    """Read ``list-select-opts``; an option that comes twice counts once.

    Raises:
        BadSyntax: An option is not known, or one stands alone that may not.

    Source: RFC 5258 section 6 (list-select-opts).
    """
    start = cursor.position
    found = _options(cursor, SELECTION_OPTIONS, lambda name: None)
    options = [SELECTION_OPTIONS[name] for name in found]
    if any(one.modifies for one in options) and not any(one.base for one in options):
        cursor.position = start
        cursor.fail("an option that RECURSIVEMATCH can go with")
    return tuple(found)


def return_options(cursor: Cursor) -> dict[bytes, Any]:
    """Read the parentheses of ``list-return-opts``.

    Returns:
        The argument of each option, by name.

    Raises:
        BadSyntax: An option is not known, or its argument is wrong.

    Source: RFC 5258 section 6 (list-return-opts).
    """
    return _options(
        cursor, RETURN_OPTIONS, lambda name: RETURN_OPTIONS[name].parse(cursor)
    )


def _options(
    cursor: Cursor, table: Mapping[bytes, Any], argument: Callable[[bytes], Any]
) -> dict[bytes, Any]:
    cursor.expect(b"(")
    found: dict[bytes, Any] = {}
    while not cursor.accept(b")"):
        if found:
            cursor.space()
        start = cursor.position
        name = atom(cursor).upper()
        if name not in table:
            cursor.position = start
            cursor.fail("an option of LIST")
        found[name] = argument(name)
    return found
