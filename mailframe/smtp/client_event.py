"""What happens to a client's session, for whoever drives it."""

from dataclasses import dataclass

from mailframe.errors import MailError


@dataclass(frozen=True, slots=True)
class Ready:
    """The session is up: ``begin`` may be called."""


@dataclass(frozen=True, slots=True)
class StartTLS:
    """Start TLS once the output is sent, then call ``tls_started``."""


@dataclass(frozen=True, slots=True)
class SendContent:
    """Call ``write`` while ``wants_content``, then ``finish``."""


@dataclass(frozen=True, slots=True)
class Done:
    """The transaction is over; the session is ready for another, if not broken.

    Attributes:
        verdicts: One for each recipient, ``None`` for accepted.
        sent: Whether all of the content was sent: from then on the server may
            have the message, whatever is heard of it.
    """

    verdicts: tuple[MailError | None, ...]
    sent: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """No session came about.

    Attributes:
        error: Why. Always temporary: another host may do better.
    """

    error: MailError


Event = Ready | StartTLS | SendContent | Done | Failed
