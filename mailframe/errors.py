"""What can go wrong with mail, in mail terms.

Two families (the third, our own bugs, is every other exception and never
reaches a peer as text): :class:`BadSyntax`, the peer broke the grammar, and
:class:`MailError`, a refusal whose reason a user may know. Each protocol has
one table that turns a family member into its reply; whoever raises one never
spells a reply. The text of an error is for the log, not for the peer.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RemoteReply:
    """What the host that we handed a message to said about it.

    Attributes:
        code: The three digits.
        enhanced: The enhanced status code, such as ``5.1.1``; ``None`` without one.
        text: The lines of the reply behind the codes, joined with a newline;
            printable characters only.
        host: Which host said it, ``""`` when not known.

    Source: RFC 5321 section 4.2, RFC 3464 section 2.3.6 (Diagnostic-Code).
    """

    code: int
    enhanced: str | None
    text: str
    host: str = ""


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
    """A refusal for a reason that a user may know.

    Attributes:
        status: The enhanced status code that says it best, ``None`` for the
            usual one of its kind (RFC 3463).
        reply: What another host said, when it is that host's refusal.
    """

    status: str | None = None
    reply: RemoteReply | None = None


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


class NoSuchContent(MailError):
    """What a URL means is not there, or not for this user."""


class OverQuota(MailError):
    """The account or the mailbox is at its limit; nothing was stored."""


class TooMuchHeldBack(MailError):
    """The user has as much mail held back already as he may."""


class MessageTooLarge(MailError):
    """One message is larger than what is taken here."""


class LimitExceeded(MailError):
    """More of something than the limits allow."""


class DeliveryFailed(MailError):
    """A program or server of the operator's did not take it, and never will.

    The ``status`` says why.
    """

    def __init__(self, text: str, status: str = "5.3.0") -> None:
        """Say why.

        Args:
            text: For the log, and the report to the sender; nothing secret.
            status: The enhanced status code, 5.y.z.
        """
        super().__init__(text)
        self.status = status


class NoSuchUser(MailError):
    """No account has this address."""


class MailLoop(MailError):
    """This message has been here, or through too many hosts, already."""


class AccessRefused(NotPermitted):
    """A URL does not prove that this user may have what it means."""


class UntrustedServer(NotPermitted):
    """A URL is of a server that nothing is fetched from."""


class RelayDenied(NotPermitted):
    """We do not carry mail from this client to this domain."""


class PolicyRefusal(NotPermitted):
    """A check of the operator's does not want this.

    The one kind whose reply comes with it, for filters of others (a milter, a
    policy service) choose theirs.
    """

    def __init__(
        self, text: str = "", code: int = 0, enhanced: str = "", check: str = ""
    ) -> None:
        """Say why.

        Args:
            text: For the peer and the log; one line of printable ASCII.
            code: The reply code wished for, 0 for the usual one.
            enhanced: The enhanced code wished for, ``""`` for the usual one.
            check: Which check says so, for the log.
        """
        super().__init__(text)
        self.text = text
        self.code = code
        self.enhanced = enhanced
        self.check = check


class PolicyDeferral(TemporaryFailure):
    """A check of the operator's does not want this now; otherwise the same."""

    def __init__(
        self, text: str = "", code: int = 0, enhanced: str = "", check: str = ""
    ) -> None:
        """Say why; the arguments are those of :class:`PolicyRefusal`."""
        super().__init__(text)
        self.text = text
        self.code = code
        self.enhanced = enhanced
        self.check = check
