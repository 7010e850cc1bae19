"""Which account a mailbox name leads to, and what the mailbox is called there.

``Other Users/bob@example.org/INBOX`` is INBOX in the account of Bob, ``Shared/News``
is ``News`` in the account that has what belongs to nobody. A ``/`` in an address
is written ``%2F``, a percent sign ``%25``.

Source: RFC 2342 sections 2 and 5.
"""

from dataclasses import dataclass

from mailframe.errors import BadMailboxName
from mailframe.interfaces.access import Namespaces
from mailframe.model.mailbox import DELIMITER, INBOX, MailboxName, mailbox_name


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name leads that is not one of the user's own mailboxes.

    Attributes:
        owner: Whose account, an address; ``""`` when nobody's.
        name: The name there; ``None`` when it is the level itself that has the
            account, or no name of a mailbox.
    """

    owner: str
    name: MailboxName | None


class Places:
    """The names of one user."""

    def __init__(self, namespaces: Namespaces, address: str) -> None:
        """Know the names of a user.

        Args:
            namespaces: How others' mailboxes are called.
            address: The user's.
        """
        self._namespaces = namespaces
        self._address = address

    def find(self, name: str) -> Place | None:
        """Return where a name leads, ``None`` when it is the user's own."""
        level, _, rest = name.partition(DELIMITER)
        if level == self._namespaces.shared and level:
            return Place(self._namespaces.account, _inner(rest))
        if level == self._namespaces.others and level:
            text, _, rest = rest.partition(DELIMITER)
            owner = text.replace("%2F", "/").replace("%25", "%")
            is_ours = owner in (self._address, self._namespaces.account)
            if is_ours or text != _level(owner):
                # There is one name for each mailbox.
                return Place("", None)
            return Place(owner, _inner(rest))
        return None

    def top(self, owner: str) -> str | None:
        """Return the level that has an owner's mailboxes, for names of this user.

        ``None`` when there is none.
        """
        if owner == self._address:
            return None
        if owner == self._namespaces.account and self._namespaces.shared:
            return self._namespaces.shared
        if not self._namespaces.others:
            return None
        return self._namespaces.others + DELIMITER + _level(owner)

    @staticmethod
    def outer(top: str, name: MailboxName) -> MailboxName | None:
        """Return the name for this user, ``None`` if it would be none."""
        if name.startswith(INBOX + DELIMITER) or name == INBOX:
            return MailboxName(top + DELIMITER + name)
        try:
            return mailbox_name(top + DELIMITER + name)
        except BadMailboxName:
            return None


def _level(owner: str) -> str:
    return owner.replace("%", "%25").replace("/", "%2F")


def _inner(name: str) -> MailboxName | None:
    try:
        return mailbox_name(name)
    except BadMailboxName:
        return None
