"""What lies below a mailbox, and what it is called when that is renamed.

Source: RFC 9051 section 6.3.6.
"""

from collections.abc import Collection

from mailframe.errors import BadMailboxName, MailboxExists, NoSuchMailbox
from mailframe.model.mailbox import DELIMITER, INBOX, MailboxName, mailbox_name


def inferiors(names: Collection[str], name: MailboxName) -> list[MailboxName]:
    """Return the mailboxes below one, sorted.

    Args:
        names: Of all mailboxes of the account.
        name: Which need not be among them.
    """
    above = name + DELIMITER
    return [MailboxName(other) for other in sorted(names) if other.startswith(above)]


def renamed(
    names: Collection[str], name: MailboxName, to: MailboxName
) -> dict[MailboxName, MailboxName]:
    """Return the new name of each mailbox that a RENAME renames.

    Of INBOX that is INBOX alone: what is below stays where it is.

    Args:
        names: Of all mailboxes of the account.
        name: What is renamed: a mailbox, or a level.
        to: Its new name.

    Raises:
        NoSuchMailbox: There is nothing of this name.
        BadMailboxName: The new name is below the old one.
        MailboxExists: One of the new names is taken.
    """
    moving = [] if name == INBOX else inferiors(names, name)
    if name in names:
        moving.insert(0, name)
    if not moving:
        raise NoSuchMailbox(name)
    if name != INBOX and to.startswith(name + DELIMITER):
        raise BadMailboxName("below itself")
    found = {old: mailbox_name(to + old[len(name) :]) for old in moving}
    if any(new in names for new in found.values()):
        raise MailboxExists(to)
    return found
