"""One mail transaction of a client: what is settled for which recipient.

Source: RFC 5321 section 3.3, RFC 2033 section 4.2.
"""

from collections.abc import Sequence

from mailframe.errors import (
    MailError,
    MessageTooLarge,
    NotSupported,
    TemporaryFailure,
)
from mailframe.model.envelope import BodyType
from mailframe.smtp.client_commands import Delivery
from mailframe.smtp.client_content import BdatWriter, DataWriter
from mailframe.smtp.client_offer import Offer
from mailframe.smtp.client_reply import Reply


class Transaction:
    """The state of one transaction.

    Attributes:
        delivery: What is to be sent.
        chunked: Whether the content goes by BDAT.
        early: Whether it goes before the recipients are answered.
        begun: Whether its commands were sent.
        taken: Indexes of the recipients the server took, in their order.
        writer: Writes the content while it is sent, else ``None``.
        ended: Whether all the content was sent.
        refused: What the server said against a chunk, or ``None``.
    """

    __slots__ = (
        "_verdicts",
        "begun",
        "chunked",
        "delivery",
        "early",
        "ended",
        "refused",
        "taken",
        "writer",
    )

    def __init__(self, delivery: Delivery, chunked: bool, early: bool) -> None:
        """Begin with nothing settled."""
        self.delivery = delivery
        self.chunked = chunked
        self.early = early
        self.begun = False
        self.taken: list[int] = []
        self.writer: DataWriter | BdatWriter | None = None
        self.ended = False
        self.refused: Reply | None = None
        self._verdicts: dict[int, MailError | None] = {}

    def settle(self, index: int, verdict: MailError | None) -> None:
        """Record the verdict on one recipient; the first one stands."""
        self._verdicts.setdefault(index, verdict)

    def settle_rest(self, verdict: MailError | None) -> None:
        """Record one verdict for all who have none."""
        for index in range(len(self.delivery.forward_paths)):
            self.settle(index, verdict)

    @property
    def is_settled(self) -> bool:
        """Whether there is a verdict on everybody."""
        return len(self._verdicts) == len(self.delivery.forward_paths)

    def verdicts(self) -> tuple[MailError | None, ...]:
        """Return the verdict on each recipient; all must be settled."""
        return tuple(map(self._verdicts.__getitem__, sorted(self._verdicts)))


def recipient_refusal(reply: Reply) -> MailError:
    """Return what a refused RCPT means.

    Source: RFC 5321 section 4.5.3.1.10: a 552 here is a 452.
    """
    if reply.code == 552 and reply.enhanced in (None, "5.5.3", "5.3.4"):
        reply = Reply(452, "4.5.3", reply.lines)
    return reply.refusal()


def impossible(delivery: Delivery, offer: Offer, tls: bool) -> MailError | None:
    """Return why this server cannot be given this message at all, or ``None``.

    Args:
        delivery: The message.
        offer: What the server offers.
        tls: Whether the connection is protected.

    Source: RFC 1870 section 6.1, RFC 6531 section 3.5, RFC 8689 sections 4.2.1
    and 5.
    """
    path = delivery.reverse_path
    error: MailError
    # A report that was to go over TLS is better there than lost (RFC 8689 section 5).
    secure = path.address is None or (tls and "REQUIRETLS" in offer)
    if path.require_tls and not secure:
        error = NotSupported("the server does not offer REQUIRETLS")
        error.status = "5.7.30"
    elif path.smtputf8 and "SMTPUTF8" not in offer:
        error = NotSupported("the server does not offer SMTPUTF8")
        error.status = "5.6.7"
    elif path.body is BodyType.BINARY_MIME and not takes_binary(offer):
        error = NotSupported("the server does not offer BINARYMIME")
        error.status = "5.6.3"
    elif delivery.size is not None and delivery.size > (offer.size or delivery.size):
        error = MessageTooLarge(f"the server takes {offer.size} octets")
        error.status = "5.3.4"
    else:
        return None
    return error


def takes_binary(offer: Offer) -> bool:
    """Tell whether content may go without conversion (RFC 3030 section 3)."""
    return "BINARYMIME" in offer and "CHUNKING" in offer


def broken(text: str, status: str = "4.4.2") -> TemporaryFailure:
    """Return the failure of a connection."""
    error = TemporaryFailure(text)
    error.status = status
    return error


def left_over(verdicts: Sequence[MailError | None]) -> list[int]:
    """Return who was refused for being too many, while others were taken.

    Args:
        verdicts: Of one transaction.

    Returns:
        Their indexes: they are to be sent the message in another transaction.

    Source: RFC 5321 section 4.5.3.1.10.
    """
    if None not in verdicts:
        return []
    return [index for index, error in enumerate(verdicts) if error and _too_many(error)]


def _too_many(error: MailError) -> bool:
    """Tell a full transaction from a full mailbox or disk."""
    reply = error.reply
    return reply is not None and reply.code == 452 and reply.enhanced in (None, "4.5.3")
