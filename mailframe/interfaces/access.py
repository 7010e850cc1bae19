"""Optional powers: mailboxes that others may use.

A store provides :class:`IAccessLists` (account), :class:`IListedMailbox`
(mailbox) and :class:`ISharingRealm` (realm): it keeps lists, and says who shares.
It enforces nothing. :mod:`mailframe.storage.sharing` makes of that what a user
sees, and provides :class:`IAccessControl`, which is all that a protocol asks for.

Source: RFC 4314, RFC 2342.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from zope.interface import Attribute, Interface

from mailframe.interfaces.mailbox import IMailAccount, IMailbox
from mailframe.model.access import AccessList, Rights
from mailframe.model.flag import FlagChange, FlagSet
from mailframe.model.mailbox import Copied, MailboxName
from mailframe.model.uid_set import UIDSet

__all__ = [
    "IAccessControl",
    "IAccessLists",
    "IGuardedMailbox",
    "IListedMailbox",
    "ISharingRealm",
    "Namespaces",
]


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Where mailboxes are that are not the user's.

    Attributes:
        others: The level that has the other users, ``""`` for none.
        shared: The level that has what belongs to nobody, ``""`` for none.
        account: Whose mailboxes those are that belong to nobody.

    Source: RFC 2342 section 2.
    """

    others: str = "Other Users"
    shared: str = ""
    account: str = ""


class IAccessLists(Interface):
    """Optional power of an account: its mailboxes have access lists.

    A list goes with its mailbox when that is renamed, stays with the messages
    when INBOX is renamed (both have it then), and goes when it is deleted. A new
    mailbox has that of the nearest mailbox above it.

    Source: RFC 4314 section 4 (CREATE, DELETE, RENAME).
    """

    def access_list(name: MailboxName) -> Awaitable[AccessList]:
        """Return the list of a mailbox; cheap when it has not changed.

        Raises:
            NoSuchMailbox: It is not there.
        """

    def change_access(
        name: MailboxName, change: Callable[[AccessList], AccessList]
    ) -> Awaitable[None]:
        """Change a list in one step, durably; sessions look again.

        Args:
            name: Of which mailbox.
            change: Returns the new list for the one there is; may be called in
                any thread. What it raises comes through, and nothing is changed.

        Raises:
            NoSuchMailbox: It is not there.
            TemporaryFailure: It was not changed.
        """


class IListedMailbox(Interface):
    """Optional power of a mailbox, of accounts that provide :class:`IAccessLists`.

    It is an :class:`~mailframe.interfaces.maildrop.IRemover` too.
    """

    def access_list() -> Awaitable[AccessList]:
        """Return the list as it is now, under whatever name the mailbox has.

        Raises:
            NoSuchMailbox: It was deleted.
        """

    def copy_into(
        uids: UIDSet,
        account: IMailAccount,
        name: MailboxName,
        flags: Callable[[FlagSet], FlagSet],
    ) -> Awaitable[Copied]:
        """Append copies to a mailbox of any account of the realm, all or none.

        As :meth:`~mailframe.interfaces.mailbox.IMailbox.copy`, durably.

        Args:
            uids: The messages to copy.
            account: One that the realm gave; may be that of this mailbox.
            name: What the mailbox is called there.
            flags: Given a message's flags, returns its copy's; may be called in
                any thread.

        Raises:
            NoSuchMailbox: There is no such mailbox.
            OverQuota: The copies do not fit; nothing was copied.
            TemporaryFailure: Nothing was copied; asking again may help.

        Source: RFC 4314 section 4 (COPY: flags without a right for them).
        """


class ISharingRealm(Interface):
    """Optional power of a realm, whose accounts provide :class:`IAccessLists`."""

    namespaces = Attribute("How others' mailboxes are called: :class:`Namespaces`.")
    default_domain = Attribute("The domain of a user named without one, a ``str``.")

    def sharers(identifiers: frozenset[str]) -> frozenset[str]:
        """Return whose mailboxes have a list in which one of these is named.

        At once and from memory; may name too many, never too few.
        """

    def notice_lists(owner: str | None) -> Awaitable[None]:
        """Notice lists that were changed by other means than ours.

        Cheap: what was looked at a moment ago is not looked at again.

        Args:
            owner: Whose; there need be no such account. ``None`` for all whose
                accounts are in use.

        Raises:
            TemporaryFailure: They cannot be looked at now.
        """

    def names_groups() -> bool:
        """Tell whether any list names a group."""

    def watch_lists(callback: Callable[[], Any]) -> Callable[[], None]:
        """Have ``callback`` called soon after a list of any account has changed.

        In the reactor's thread; calls may be joined.

        Returns:
            What to call, once, to stop it.
        """

    def shared_account(address: str) -> "Awaitable[IMailAccount | None]":
        """Return an account that is there already, ``None`` if it is not.

        Raises:
            TemporaryFailure: It cannot be opened now.
        """


class IAccessControl(Interface):
    """Optional power of an account: it says, and changes, who may do what.

    Its methods for mailboxes then do what the user has rights for and raise
    NotPermitted for what the user has not. Of a mailbox that the user may not
    look up they say NoSuchMailbox, as of one that is not there.

    Source: RFC 4314 sections 3 and 6.
    """

    namespaces = Attribute("Which there are besides the personal: :class:`Namespaces`.")

    def is_personal(name: MailboxName) -> bool:
        """Tell whether a name lies in the user's own namespace."""

    def my_rights(name: MailboxName) -> Awaitable[Rights]:
        """Return what the user may do with a mailbox.

        Raises:
            NoSuchMailbox: It is not there, or none of l, r, i, k, x and a is held.
        """

    def may_append(name: MailboxName) -> Awaitable[None]:
        """See whether messages may be put into a mailbox.

        Raises:
            NoSuchMailbox: It is not there, or may not be looked up.
            NotPermitted: They may not.
        """

    def access_entries(name: MailboxName) -> Awaitable[Sequence[tuple[str, Rights]]]:
        """Return identifiers and their rights, the owner first.

        Raises:
            NoSuchMailbox: It is not there, or may not be looked up.
            NotPermitted: The user may not see them.
        """

    def set_access(
        name: MailboxName, identifier: str, change: FlagChange, rights: Rights
    ) -> Awaitable[None]:
        """Change the rights of an identifier, durably.

        Raises:
            NoSuchMailbox: It is not there, or may not be looked up.
            NotPermitted: The user may not change them.
            LimitExceeded: There would be too many entries.
        """

    def delete_access(name: MailboxName, identifier: str) -> Awaitable[None]:
        """Remove the entry of an identifier; none is no error.

        Raises:
            NoSuchMailbox: It is not there, or may not be looked up.
            NotPermitted: The user may not change them.
        """

    def always_granted(name: MailboxName, identifier: str) -> Awaitable[Rights]:
        """Return what cannot be taken from an identifier; all else can be granted.

        Raises:
            NoSuchMailbox: It is not there, or may not be looked up.
            NotPermitted: The user may not see that.
        """


class IGuardedMailbox(IMailbox):
    """Optional power of a mailbox: not every flag may be changed by everybody.

    ``permanent_flags`` returns all that can be kept.

    Source: RFC 4314 section 5.1.1 (PERMANENTFLAGS).
    """

    def changeable(flags: FlagSet) -> FlagSet:
        """Return those of some flags that this user may set and clear."""
