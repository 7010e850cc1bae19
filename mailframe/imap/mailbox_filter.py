"""Mailboxes a command is about, named by what they are.

Source: RFC 5465 sections 6 and 8 (filter-mailboxes), RFC 7377 section 4.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from mailframe.errors import BadMailboxName, BadSyntax, TooLarge
from mailframe.imap.access import is_personal
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import mailbox
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.model.mailbox import DELIMITER, MailboxName

_LABEL = re.compile(rb"[A-Z\-]+", re.IGNORECASE)
_NAMES_MAX = 1000

SELECTED = b"SELECTED"
MAILBOXES = b"MAILBOXES"
EVERY = b"EVERY"
"""No client can name it: whatever mailbox there is."""
PERSONAL = frozenset((b"INBOXES", b"PERSONAL"))
"""Mail can be delivered into any mailbox, so both are the same (RFC 5465
section 6.2)."""


def _is_below(name: str, top: str) -> bool:
    return name == top or name.startswith(top + DELIMITER)


def _is_next_below(name: str, top: str) -> bool:
    return name == top or name.rpartition(DELIMITER)[0] == top


_NAMED: dict[bytes, Callable[[str, str], bool]] = {
    MAILBOXES: str.__eq__,
    b"SUBTREE": _is_below,
    b"SUBTREE-ONE": _is_next_below,
}
"""Kinds that mailboxes follow: whether one is meant, given it and one named."""


@dataclass(frozen=True, slots=True)
class MailboxFilter:
    """One ``filter-mailboxes``.

    Attributes:
        kind: In capitals.
        names: The mailboxes it names, if it names any.
    """

    kind: bytes
    names: tuple[MailboxName, ...] = ()

    def matches(
        self,
        name: str,
        subscribed: frozenset[MailboxName],
        is_personal: Callable[[MailboxName], bool],
    ) -> bool:
        """Tell whether a mailbox is meant; ``selected`` means none by its name.

        Args:
            name: Of a mailbox of the account.
            subscribed: All subscribed names.
            is_personal: Tells whether a mailbox is the user's own.
        """
        if self.kind == EVERY:
            return True
        if self.kind in PERSONAL:
            return is_personal(MailboxName(name))
        if self.kind == b"SUBSCRIBED":
            return name in subscribed
        below = _NAMED.get(self.kind)
        return below is not None and any(below(name, top) for top in self.names)


def mailbox_filter(cursor: Cursor, kinds: Iterable[bytes]) -> MailboxFilter:
    """Read a ``filter-mailboxes``.

    A name that no mailbox can have names none.

    Args:
        cursor: Where to read.
        kinds: Those that are allowed, in capitals.

    Raises:
        BadSyntax: There is none here.
        TooLarge: It names too many mailboxes.

    Source: RFC 5465 section 8, RFC 7377 section 4.
    """
    start = cursor.position
    label = cursor.match(_LABEL)
    kind = label[0].upper() if label else b""
    if kind not in kinds:
        raise BadSyntax("which mailboxes: personal, subtree or another word", start)
    if kind not in _NAMED:
        return MailboxFilter(kind)
    cursor.space()
    names: dict[MailboxName, None] = {}
    many = cursor.accept(b"(")
    count = 0
    while True:
        try:
            names[mailbox(cursor)] = None
        except BadMailboxName:
            pass
        count += 1
        if count > _NAMES_MAX:
            raise TooLarge("fewer mailboxes", cursor.position)
        if not many or not cursor.accept(b" "):
            break
    if many:
        cursor.expect(b")")
    return MailboxFilter(kind, tuple(names))


async def mailboxes_meant(
    account: IMailAccount, filters: Iterable[MailboxFilter]
) -> list[MailboxName]:
    """Return the mailboxes that some filters mean, each once, sorted by name.

    ``selected`` is left to the caller, who knows which that is. Those that are
    named need not be there: they may be ones that this user may not look up.

    Args:
        account: Whose mailboxes.
        filters: At least one of them must mean a mailbox.

    Source: RFC 7377 section 2.2 (the l right is for mailboxes not named).
    """
    wanted, found = [], set[MailboxName]()
    for one in filters:
        if one.kind == MAILBOXES:
            found.update(one.names)
        else:
            wanted.append(one)
    if not wanted:
        return sorted(found)
    subscribed: frozenset[MailboxName] = frozenset()
    if any(one.kind == b"SUBSCRIBED" for one in wanted):
        subscribed = await account.subscriptions()
    personal = partial(is_personal, account)
    found.update(
        info.name
        for info in await account.list_mailboxes()
        if info.selectable
        and any(one.matches(info.name, subscribed, personal) for one in wanted)
    )
    return sorted(found)
