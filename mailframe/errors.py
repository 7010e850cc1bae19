"""What can go wrong with mail, in mail terms.

Two families (the third, our own bugs, is every other exception and never
reaches a peer as text): :class:`BadSyntax`, the peer broke the grammar, and
:class:`MailError`, a refusal whose reason a user may know. Each protocol has
one table that turns a family member into its reply; whoever raises one never
spells a reply. The text of an error is for the log, not for the peer.
"""


class BadSyntax(Exception):
    """The peer's octets are not what the grammar allows."""

    def __init__(self, expected: str, position: int | None = None) -> None:
        """Say what was expected.

        Args:
            expected: What the grammar wanted, in its own words; shown to the
                peer, so it never repeats what the peer sent.
            position: Octet of the command where it was wanted, from 0, or
                ``None`` when no place can be named.
        """
        super().__init__(expected, position)
        self.expected = expected
        self.position = position


class LineTooLong(BadSyntax):
    """No CRLF came within the octets a line may have."""


class TooLarge(BadSyntax):
    """A literal, a list or a nesting beyond its limit was announced."""


class MailError(Exception):
    """A refusal for a reason that a user may know."""


class TemporaryFailure(MailError):
    """Nothing is wrong with the request; asking again later may help."""


class InsufficientStorage(TemporaryFailure):
    """The disk is full; nothing was kept of what was being stored."""


class InUse(TemporaryFailure):
    """Another session holds what was asked for."""


class NotPermitted(MailError):
    """This user may not do this."""


class ReadOnly(NotPermitted):
    """The mailbox was opened for reading."""


class NotSupported(MailError):
    """The account cannot do this at all."""


class NoSuchMailbox(MailError):
    """There is no mailbox of this name."""


class MailboxExists(MailError):
    """There is a mailbox of this name already."""


class MailboxHasChildren(MailError):
    """A mailbox with inferior ones cannot be deleted by itself."""


class BadMailboxName(MailError):
    """No mailbox can have this name."""


class MessageGone(MailError):
    """The message was expunged, by this session or another."""


class OverQuota(MailError):
    """The account or the mailbox is at its limit; nothing was stored."""


class MessageTooLarge(MailError):
    """One message is larger than what is taken here."""


class LimitExceeded(MailError):
    """More of something than the limits allow."""


class NoSuchUser(MailError):
    """No account has this address."""


class RelayDenied(NotPermitted):
    """We do not carry mail from this client to this domain."""
