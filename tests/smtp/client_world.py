"""Plays the server towards an SMTP client, line by line or octet by octet."""

from collections.abc import Iterator, Sequence
from typing import Any

from mailframe.errors import MailError
from mailframe.model.address import Address
from mailframe.model.envelope import BodyType, ForwardPath, ReversePath
from mailframe.smtp.client import SMTPClient
from mailframe.smtp.client_commands import Delivery
from mailframe.smtp.client_event import Done, Failed, Ready, SendContent

SENDER = Address("ann", "example.org")
BOB = Address("bob", "example.com")
CAT = Address("cat", "example.com")


def delivery(
    *recipients: Address | ForwardPath,
    size: int | None = None,
    sender: Address | None = SENDER,
    by: int | None = None,
    **more: Any,
) -> Delivery:
    """Return a transaction to these recipients, Bob when there is none."""
    paths = tuple(
        one if isinstance(one, ForwardPath) else ForwardPath(one)
        for one in recipients or (BOB,)
    )
    return Delivery(ReversePath(sender, **more), paths, size, by)


ESMTP = ("PIPELINING", "SIZE 1000", "8BITMIME", "DSN", "ENHANCEDSTATUSCODES")

EIGHT_BIT = BodyType.EIGHT_BIT_MIME
BINARY = BodyType.BINARY_MIME


class Play:
    """One session; what the client says is kept, and what happens to it."""

    def __init__(self, step: int = 0, **client: Any) -> None:
        """Begin before the greeting.

        Args:
            step: Octets fed at once; 0 for all.
            client: Arguments of the client.
        """
        self.client = SMTPClient("mail.example.org", **client)
        self.step = step
        self.pieces: Sequence[bytes] = ()
        self.events: list[Any] = []

    def server(self, *lines: str) -> str:
        """Have the server say these lines; return what the client answers."""
        octets = "".join(f"{line}\r\n" for line in lines).encode()
        for start in range(0, len(octets), self.step or len(octets)):
            self.client.receive(octets[start : start + (self.step or len(octets))])
            self._run()
        return self.said()

    def said(self) -> str:
        """Return what the client said."""
        return self.client.take_output().decode()

    def begin(self, what: Delivery, *pieces: bytes) -> str:
        """Begin a transaction with this content; return what the client says."""
        self.pieces = pieces
        self.client.begin(what)
        self._run()
        return self.said()

    def up(self, *keywords: str) -> "Play":
        """Bring the session up, with these extensions."""
        self.server("220 mx.example.com ESMTP")
        lines = ["mx.example.com", *keywords]
        self.server(*(f"250-{one}" for one in lines[:-1]), f"250 {lines[-1]}")
        assert self.events.pop() == Ready(), self.events
        return self

    @property
    def verdicts(self) -> tuple[MailError | None, ...]:
        """The verdicts of the last transaction."""
        assert isinstance(self.events[-1], Done), self.events
        return self.events[-1].verdicts

    @property
    def error(self) -> MailError:
        """Why no session came about."""
        assert isinstance(self.events[-1], Failed), self.events
        return self.events[-1].error

    def _run(self) -> None:
        while (event := self.client.next_event()) is not None:
            self.events.append(event)
            if isinstance(event, SendContent):
                for piece in self.pieces:
                    self.client.write(piece)
                self.client.finish()


def plays(**client: Any) -> Iterator[Play]:
    """Yield sessions that are fed all at once, and octet by octet."""
    yield Play(**client)
    yield Play(step=1, **client)
