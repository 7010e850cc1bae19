"""What storage must provide for mail to be kept and served.

A provider knows nothing of tags, literals or message sequence numbers; the
protocols keep those. Calls may overlap: a second may begin before the first
one's result is there, and the provider orders its own writes. Every method
that returns an awaitable may be an ``async def`` or return a Deferred.

Optional powers are interfaces of their own, at the end of this module and in
``quota.py``, ``access.py``, ``access_keys.py`` and ``maildrop.py``; a capability is
announced only when the account provides what it needs.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from zope.interface import Attribute, Interface

from mailframe.interfaces.content import IContent
from mailframe.model.flag import NO_FLAGS, FlagChange, FlagSet
from mailframe.model.mailbox import (
    Appended,
    Changes,
    Copied,
    MailboxInfo,
    MailboxName,
    MailboxStatus,
    Stored,
)
from mailframe.model.uid_set import UIDSet

SummaryField = Literal[
    "envelope",
    "body_structure",
    "body",
    "sent",
    "subject",
    "sort_from",
    "sort_to",
    "sort_cc",
    "message_id",
    "references",
    "preview",
    "content_hash",
]
"""A field of :class:`mailframe.model.summary.Summary`."""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to be stored.

    Attributes:
        content: Its octets; stays the caller's, who closes it afterwards.
        header: Octets to put before them (trace fields of this delivery),
            whole lines ending in CRLF.
        flags: To begin with.
        date: Internal date, seconds since 1970 UTC; ``None`` for now.
    """

    content: IContent
    header: bytes = b""
    flags: FlagSet = NO_FLAGS
    date: int | None = None


class IMailAccount(Interface):
    """All mail of one user: the avatar every protocol asks a realm for.

    INBOX always exists. Names use ``/`` between levels. A provider may hand
    the same account to several sessions at once.

    Source: RFC 9051 section 6.3.
    """

    address = Attribute("Whose it is: canonical ``local@domain``, a ``str``.")

    def list_mailboxes() -> Awaitable[Sequence[MailboxInfo]]:
        """Return every mailbox, INBOX included, sorted by name.

        Levels that only hold others may be left out; the protocol adds them.
        """

    def subscriptions() -> Awaitable[frozenset[MailboxName]]:
        """Return the subscribed names; they need not exist (any more)."""

    def subscribe(name: MailboxName, subscribed: bool) -> Awaitable[None]:
        """Put a name on the list of subscriptions, or take it off.

        Subscribing twice, or to what does not exist, is not an error; nor is
        taking off what is not there.

        Source: RFC 9051 sections 6.3.7 and 6.3.8.
        """

    def create(
        name: MailboxName, special_use: frozenset[str] = frozenset()
    ) -> Awaitable[None]:
        """Make a mailbox, and the superior levels it needs.

        UIDVALIDITY is one this name never had, or its UIDs go on from where
        they were (RFC 9051 section 6.3.4).

        Raises:
            MailboxExists: It is there already (INBOX always is).
            BadMailboxName: This store cannot hold such a name.
            NotSupported: It cannot keep ``special_use``.
            OverQuota: There may be no more mailboxes.
        """

    def delete(name: MailboxName) -> Awaitable[None]:
        """Remove a mailbox with its messages; inferior ones stay.

        Sessions that have it open find it gone: their calls raise
        NoSuchMailbox.

        Raises:
            NoSuchMailbox: It is not there, or only a level.
            MailboxHasChildren: It is only a level that holds others.
            NotPermitted: INBOX cannot be deleted.
        """

    def rename(name: MailboxName, to: MailboxName) -> Awaitable[None]:
        """Give a mailbox and all its inferiors another name, all or none.

        UIDs, UIDVALIDITY and mailbox IDs stay. Renaming INBOX moves its
        messages to a new mailbox and leaves INBOX empty, its inferiors where
        they are.

        Raises:
            NoSuchMailbox: There is no ``name``.
            MailboxExists: There is a mailbox ``to``, or one in its inferiors.
            BadMailboxName: ``to`` cannot be a name here, or is below ``name``.

        Source: RFC 9051 section 6.3.6.
        """

    def status(name: MailboxName) -> Awaitable[MailboxStatus]:
        """Return the figures of a mailbox; changes nothing (not Recent either).

        Raises:
            NoSuchMailbox: It is not there.
        """

    def open(name: MailboxName) -> "Awaitable[IMailbox]":
        """Open a mailbox.

        Raises:
            NoSuchMailbox: It is not there, or holds no messages.
        """

    def append(
        name: MailboxName, messages: Sequence[NewMessage]
    ) -> Awaitable[Appended]:
        """Store messages, all or none, durably.

        When the result is there the messages survive kill -9 and power loss.
        Local delivery is this call with INBOX.

        Args:
            name: Where to.
            messages: At least one. Lines that end in a bare LF are stored
                with CRLF.

        Raises:
            NoSuchMailbox: It is not there; nothing was stored, here or below.
            OverQuota: They do not fit.
            InsufficientStorage: The disk is full.
            TemporaryFailure: Asking again may help.

        Source: RFC 9051 section 6.3.12, RFC 3502 (several at once).
        """


class IMailbox(Interface):
    """One open mailbox: messages, each named by its UID.

    The mod-sequence is its one clock: whatever a session, another process or
    another program did is "what changed since *n*".

    Every method may raise NoSuchMailbox (it was deleted meanwhile) and
    TemporaryFailure. A UID that names no message is passed over: another
    session may have expunged it.

    Source: RFC 9051 section 2.3, RFC 7162.
    """

    name = Attribute("Its :data:`MailboxName` when it was opened.")
    uid_validity = Attribute("``int``, 1 to 2**32 - 1 (RFC 9051 section 2.3.1.1).")
    mailbox_id = Attribute("``str`` that stays over renames (RFC 8474 section 4).")
    read_only = Attribute("Whether nothing in it can be changed by this user.")
    permanent_flags = Attribute(
        """Function of no arguments: the :data:`FlagSet` that can be kept, and
        whether new keywords can be made, as a pair."""
    )

    def changes(since: int) -> Awaitable[Changes]:
        """Return the mailbox as it is now, and what is new since ``since``.

        Cheap when nothing happened; the listing is then the same object as
        before. Also notices what other programs did to the store.

        Args:
            since: A ``highest_modseq`` this mailbox gave, or 0 for the
                beginning: then every message is ``new``.
        """

    def watch(callback: Callable[[], Any]) -> Callable[[], None]:
        """Have ``callback`` called soon after something may have changed.

        In the reactor's thread, never from inside this or another call;
        calls may be joined. It only says "ask again".

        Returns:
            What to call, once, to stop it.
        """

    def recent(claim: bool) -> Awaitable[UIDSet]:
        """Return the messages no session has been told of as recent before.

        Args:
            claim: Whether they are told to a session now, so that no other
                gets them (SELECT claims, EXAMINE does not).

        Source: RFC 3501 section 2.3.2 (\\Recent).
        """

    def store(
        uids: UIDSet,
        change: FlagChange,
        flags: FlagSet,
        unchanged_since: int | None = None,
    ) -> Awaitable[Stored]:
        """Change flags, all messages in one step.

        A message whose flags already are so keeps its mod-sequence.

        Args:
            uids: Which messages.
            change: What to do with ``flags``.
            flags: Canonical system flags and keywords, without ``\\Recent``.
            unchanged_since: Leave a message alone whose mod-sequence is
                higher than this; ``None`` to change all.

        Raises:
            LimitExceeded: More keywords than a mailbox may have.

        Source: RFC 9051 section 6.4.6, RFC 7162 section 3.1.3.
        """

    def expunge(uids: UIDSet | None = None) -> Awaitable[UIDSet]:
        """Remove for ever the messages that have ``\\Deleted`` at this moment.

        Args:
            uids: Only these, or ``None`` for all.

        Returns:
            Those that went.

        Source: RFC 9051 section 6.4.3, RFC 4315 section 2.1.
        """

    def copy(uids: UIDSet, destination: MailboxName) -> Awaitable[Copied]:
        """Append copies to another mailbox of the same account, all or none.

        Flags and internal date go with each copy, in the order of the UIDs.

        Args:
            uids: The messages to copy.
            destination: Where the copies go; may be this mailbox.

        Raises:
            NoSuchMailbox: There is no ``destination``.
            OverQuota: The copies do not fit; nothing was copied.
            TemporaryFailure: Nothing was copied; asking again may help.

        Source: RFC 9051 section 6.4.7, RFC 4315 section 3.
        """

    def move(uids: UIDSet, destination: MailboxName) -> Awaitable[Copied]:
        """The same, and the originals are gone in the same step.

        Source: RFC 6851 section 3.3.
        """

    def summaries(
        uids: UIDSet, fields: Sequence[SummaryField]
    ) -> Awaitable[tuple[Sequence[Any], ...]]:
        """Return kept answers, column by column.

        Args:
            uids: Which messages. Callers ask for at most some thousands a
                call, so that one client's question does not delay others.
            fields: Which fields of a Summary.

        Returns:
            First a column of the UIDs that exist, ascending, then one column
            for each field, in the order asked.
        """

    def headers(uids: UIDSet) -> Awaitable[tuple[Sequence[int], Sequence[bytes]]]:
        """Return the header of each message, its empty line included.

        Octet for octet as in the content.

        Returns:
            The UIDs that exist, ascending, and their headers.
        """

    def load(uids: UIDSet, max_octets: int) -> Awaitable[Mapping[int, bytes]]:
        """Return whole messages, from the lowest UID on, while they fit.

        Args:
            uids: Which messages.
            max_octets: The sum of sizes to stay under; the first message is
                left out too when it alone is larger (read that one with
                ``open_content``).

        Returns:
            Octets by UID; a message left out was too much, or is gone
            (ask ``changes``).
        """

    def open_content(uid: int) -> Awaitable[IContent]:
        """Open one message, to be read in pieces; the caller closes it.

        Raises:
            MessageGone: There is no such message.
        """

    def close() -> None:
        """This session is done with it. Expunges nothing; never raises."""


class ISender(Interface):
    """Optional power of an account: it says which addresses it may send as.

    Without it a user may send as the account's own address only.

    Source: RFC 6409 section 6.1.
    """

    def may_send_as(address: str) -> Awaitable[bool]:
        """Tell whether mail from ``address`` (``local@domain``) is this user's."""


class IAnnotatedAccount(Interface):
    """Optional power of an account: it keeps notes on its mailboxes and itself.

    A note is an *entry*, a name in small letters such as ``/private/comment``,
    with octets. Notes follow a mailbox that is renamed, are copied when INBOX
    is renamed, and go when it is deleted.

    Source: RFC 5464 sections 3 and 4.1.
    """

    def annotations(name: MailboxName | None) -> Awaitable[Mapping[str, bytes]]:
        """Return all notes on a mailbox, or on the account for ``None``.

        Raises:
            NoSuchMailbox: It is not there.
        """

    def annotate(
        name: MailboxName | None, values: Mapping[str, bytes | None]
    ) -> Awaitable[None]:
        """Set notes, or take them away (``None``), all or none, durably.

        A mailbox whose notes have changed gets a new highest mod-sequence.

        Raises:
            NoSuchMailbox: It is not there.
            LimitExceeded: There would be more than
                :attr:`mailframe.limits.IMAPLimits.annotations`.

        Source: RFC 7162 section 3.2.
        """


class ISpecialUseKeeper(Interface):
    """Optional power of an account: special uses of mailboxes can change.

    Source: RFC 6154 section 4.
    """

    def set_special_use(name: MailboxName, uses: frozenset[str]) -> Awaitable[None]:
        """Give a mailbox these special uses, and no others, durably.

        Raises:
            NoSuchMailbox: It is not there.
        """


class IHeaderIndex(Interface):
    """Optional power of a mailbox: it knows quickly which headers have a text.

    Without it SEARCH reads all headers.

    Source: RFC 9051 section 6.4.4 (FROM, SUBJECT and their like).
    """

    def headers_with(uids: UIDSet, octets: bytes) -> Awaitable[Sequence[int]]:
        """Return the messages whose header may have a text in it.

        Those are all in whose header the octets stand, in capitals or not, and
        all whose header has encoded words or octets beyond ASCII; others may
        be among them.

        Args:
            uids: Which messages are asked about.
            octets: ASCII without white space, at least one.

        Returns:
            UIDs, ascending.
        """


class IReadAhead(Interface):
    """Optional power of a mailbox: it reads while what it read before is used.

    Without it messages are read when they are needed.
    """

    def will_load(uids: UIDSet, max_octets: int) -> None:
        """Begin to read what ``load`` will be asked for next, with these arguments.

        At most that much is held in memory, until it is asked for, something else
        is, or the mailbox is closed. Never raises: what goes wrong is told by
        ``load``.

        Args:
            uids: As for ``load``.
            max_octets: As for ``load``.
        """


class ISharedMailbox(Interface):
    """Optional power of a mailbox: what was worked out about it serves all sessions.

    Without it every session works out orders, threads and ready responses anew.

    Source: RFC 5267 section 4.5 (a server may keep results).
    """

    shared = Attribute(
        """The same object for everybody who has the mailbox open, and another one
        when a UID may name another message than before. It can be referred to
        weakly, and holds nothing."""
    )


class ISaveDates(Interface):
    """Optional power of an account: it says when messages came into a mailbox.

    Its listings have ``saved``. An appended or delivered message has the moment
    it was stored, a copied or moved one that of the copy or the move; it never
    changes.

    Source: RFC 8514 section 3.
    """


class IWatchedAccount(Interface):
    """Optional power of an account: it can be watched as a whole.

    Its :class:`~mailframe.model.mailbox.MailboxInfo` have a ``mailbox_id``.

    Source: RFC 5465 section 5.
    """

    def watch_account(
        names: Callable[[], Any],
        subscriptions: Callable[[], Any],
        notes: Callable[[MailboxName | None, frozenset[str]], Any],
    ) -> Callable[[], None]:
        """Have something called soon after other things than messages changed.

        As :meth:`IMailbox.watch`: what is called asks for what is new itself.

        Args:
            names: Mailboxes may have come, gone or got other names.
            subscriptions: They may have changed.
            notes: Told each time on what (``None``: the account) which notes
                were set or taken away.

        Returns:
            What to call, once, to stop it.
        """

    def watch_mailbox(
        name: MailboxName, callback: Callable[[], Any]
    ) -> Awaitable[Callable[[], None]]:
        """Watch a mailbox as :meth:`IMailbox.watch` does, without opening it.

        It is watched under whatever name it gets.

        Raises:
            NoSuchMailbox: It is not there.
        """


class IReplacer(Interface):
    """Optional power of an account: a message takes the place of another.

    Source: RFC 8508 section 3.4.
    """

    def replace(
        mailbox_id: str, uid: int, name: MailboxName, message: NewMessage
    ) -> Awaitable[Appended]:
        """Store a message and remove another in one step, durably.

        Only what it takes more than the other counts against bounds.

        Args:
            mailbox_id: Of the mailbox that has the message to be removed.
            uid: Which message that is.
            name: Where the new one goes; may be the same mailbox.
            message: The new one.

        Raises:
            NoSuchMailbox: One of the mailboxes is not there; nothing was done.
            MessageGone: There is no such message; nothing was stored.
            OverQuota: It does not fit; nothing was removed.
            InsufficientStorage: The disk is full; nothing was removed.
            TemporaryFailure: Asking again may help.
        """
