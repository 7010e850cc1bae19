"""A small world for SMTP tests: a receiver that writes down what it is given."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from zope.interface import implementer

from mailframe.auth.vouched import VouchedChecker
from mailframe.errors import (
    AccessRefused,
    MailError,
    MessageTooLarge,
    NoSuchContent,
    NoSuchUser,
    NotPermitted,
    OverQuota,
    RelayDenied,
    TemporaryFailure,
    UntrustedServer,
)
from mailframe.interfaces.auth import IUserDirectory, UserEntry
from mailframe.interfaces.content import IContentByURL
from mailframe.interfaces.delivery import IMailReceiver, IMailTransaction
from mailframe.interfaces.reception import (
    IForwardNoter,
    IListExpander,
    IQueueStarter,
)
from mailframe.limits import SMTPLimits
from mailframe.memory_content import MemoryContent
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, Origin, ReversePath
from mailframe.smtp.options import SMTPOptions
from mailframe.smtp.server import SMTPServer
from mailframe.storage.memory_realm import MemoryRealm
from mailframe.testing.transcript import Conversation, FakeConnection

AT_RCPT: Mapping[str, Exception] = {
    "nobody": NoSuchUser("nobody"),
    "relay": RelayDenied("relay"),
    "later": TemporaryFailure("later"),
    "bug": ZeroDivisionError("secret text"),
}
"""What RCPT raises, by local part."""

AT_END: Mapping[str, MailError] = {
    "full": OverQuota("full"),
    "gone": NoSuchUser("gone"),
    "closed": NotPermitted("closed"),
    "unsure": TemporaryFailure("unsure"),
}
"""The verdict at the end, by local part."""


@implementer(IMailTransaction)
class RecordingTransaction:
    """Writes down one message."""

    def __init__(self, origin: Origin, reverse_path: ReversePath) -> None:
        """Begin."""
        self.id = "T1"
        self.origin = origin
        self.reverse_path = reverse_path
        self.recipients: list[Address] = []
        self.forward_paths: list[ForwardPath] = []
        self.pieces: list[bytes] = []
        self.finished = False
        self.aborted = 0
        self.wait_for: Awaitable[None] | None = None
        self.refuse: Exception | None = None
        self.abort_fails = False

    async def recipient(self, forward_path: ForwardPath) -> None:
        """Take, or raise what the local part says."""
        if forward_path.address.local in AT_RCPT:
            raise AT_RCPT[forward_path.address.local]
        self.recipients.append(forward_path.address)
        self.forward_paths.append(forward_path)

    def write(self, octets: bytes) -> Awaitable[None] | None:
        """Keep."""
        if self.refuse is not None:
            raise self.refuse
        self.pieces.append(octets)
        waiting, self.wait_for = self.wait_for, None
        return waiting

    async def finish(self) -> Sequence[MailError | None]:
        """Give the verdicts the local parts say."""
        self.finished = True
        return [AT_END.get(one.local) for one in self.recipients]

    def abort(self) -> None:
        """Count."""
        self.aborted += 1
        if self.abort_fails:
            raise ZeroDivisionError

    @property
    def content(self) -> bytes:
        """All that was written."""
        return b"".join(self.pieces)


@implementer(IMailReceiver)
class RecordingReceiver:
    """Keeps every transaction."""

    def __init__(self) -> None:
        """Begin with none."""
        self.transactions: list[RecordingTransaction] = []

    async def begin(
        self, origin: Origin, reverse_path: ReversePath
    ) -> RecordingTransaction:
        """Begin one, unless the sender says otherwise."""
        sender = reverse_path.address
        if sender is not None and sender.local == "forged":
            raise NotPermitted("forged")
        if sender is not None and sender.local == "huge":
            raise MessageTooLarge("huge")
        transaction = RecordingTransaction(origin, reverse_path)
        self.transactions.append(transaction)
        return transaction

    async def verify(self, origin: Origin, text: str) -> Sequence[Address]:
        """Know one name."""
        if text == "alice":
            return (Address("alice", "example.org"), Address("a b", "example.org"))
        if text == "wide":
            return (Address("ä", "example.org"),)
        if text == "nobody":
            raise NoSuchUser("nobody")
        return ()


@implementer(IListExpander, IQueueStarter, IForwardNoter)
class AbleReceiver(RecordingReceiver):
    """Has every optional power."""

    def __init__(self) -> None:
        """Begin with nothing started."""
        super().__init__()
        self.started: list[str] = []
        self.noted: list[dict[str, str]] = []

    async def expand(self, origin: Origin, text: str) -> Sequence[Address]:
        """Know one list."""
        return await self.verify(origin, text)

    async def start_queue(self, origin: Origin, domain: str) -> bool:
        """Do what the domain says."""
        self.started.append(domain)
        if domain == "later.example":
            raise TemporaryFailure("later")
        if domain == "other.example":
            raise NotPermitted("other")
        return domain != "empty.example"

    def note_forward(self, origin: Origin, said: Mapping[str, str]) -> None:
        """Keep."""
        self.noted.append(dict(said))


class Shortened(MemoryContent):
    """Content that ends early."""

    async def read(self, start: int, stop: int) -> bytes:
        return self.octets[start : min(stop, self.size // 2)]


@implementer(IContentByURL)
class Library:
    """Knows some URLs, by their path."""

    hostname = "imap.example.org"

    def __init__(self) -> None:
        """Begin with nothing asked for."""
        self.asked: list[tuple[str, str]] = []
        self.known: dict[str, Any] = {
            "head": MemoryContent(b"Subject: hi\r\n\r\n"),
            "body": MemoryContent(b"text\r\n" * 20_000),
            "empty": MemoryContent(b""),
            "bare": MemoryContent(b"a\nb\r\n"),
            "short": Shortened(b"text\r\n" * 10),
            "refused": AccessRefused("refused"),
            "gone": NoSuchContent("gone"),
            "foreign": UntrustedServer("foreign"),
            "later": TemporaryFailure("later"),
            "bug": ZeroDivisionError("secret text"),
        }

    async def open(self, url: str, user: str) -> Any:
        self.asked.append((url, user))
        found = self.known.get(url.rpartition("/")[2], NoSuchContent(url))
        if isinstance(found, Exception):
            raise found
        return found


@implementer(IUserDirectory)
class Directory:
    """Knows alice; of ``later`` it cannot tell."""

    async def find(self, address: str) -> UserEntry | None:
        if address == "later@example.org":
            raise TemporaryFailure("later")
        return UserEntry(address) if address == "alice@example.org" else None


class World:
    """What makes servers, and what they did."""

    def __init__(
        self,
        service: str = "smtp",
        limits: SMTPLimits | None = None,
        options: SMTPOptions | None = None,
        able: bool = False,
        vouched: bool = False,
    ) -> None:
        """Make the user ``alice@example.org`` with password ``secret``.

        With ``vouched`` a proxy may say who she is, too.
        """
        self.service = service
        self.limits = limits or SMTPLimits()
        self.options = options
        self.receiver = AbleReceiver() if able else RecordingReceiver()
        self.reported: list[BaseException] = []
        self.now: Callable[[], float] = lambda: 1_700_000_000.0
        self.logouts = 0
        self.at_logout: Callable[[], Any] = lambda: None
        self.at_login: Exception | None = None
        checker = InMemoryUsernamePasswordDatabaseDontUse()
        checker.addUser(b"alice@example.org", b"secret")
        checkers: list[Any] = [checker]
        if vouched:
            checkers.append(VouchedChecker(Directory(), "example.org"))
        self.portal: Any = Portal(_Realm(self), checkers)

    def server(self, connection: FakeConnection | None = None) -> SMTPServer:
        """Return a server nobody has connected."""
        return SMTPServer(
            self.receiver,
            portal=self.portal if self.service == "submission" else None,
            service=self.service,
            hostname="mx.example.org",
            limits=self.limits,
            report=self.reported.append,
            now=self.now,
            options=self.options,
        )

    def converse(self, connection: FakeConnection | None = None) -> Conversation:
        """Return a conversation that has heard the greeting."""
        conversation = Conversation(
            self.server(), connection or FakeConnection(trusted=True)
        )
        conversation.heard()
        return conversation

    @property
    def last(self) -> RecordingTransaction:
        """The newest transaction."""
        return self.receiver.transactions[-1]


class _Realm(MemoryRealm):
    """Counts logouts."""

    def __init__(self, world: World) -> None:
        super().__init__(lambda: 0.0, lambda call: call())
        self._world = world

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        if self._world.at_login is not None:
            raise self._world.at_login
        interface, account, _ = super().requestAvatar(avatarId, mind, *interfaces)

        def logout() -> Any:
            self._world.logouts += 1
            return self._world.at_logout()

        return interface, account, logout


def start(header: Mapping[str, str]) -> Any:
    """Make the world of a transcript; see :mod:`mailframe.testing.transcript`."""
    limits = {
        name: int(header[name]) for name in SMTPLimits.__slots__ if name in header
    }
    able = "able" in header
    options = SMTPOptions(
        expand=able,
        may_xclient=lambda client: able,
        may_xforward=lambda client: able,
        hold_seconds=int(header.get("hold_seconds", 0)),
        normalize_newlines="normalize" in header,
        deliver_by="unannounced" not in header,
        unannounced=frozenset(header.get("unannounced", "").split()),
        content_by_url=Library() if "urls" in header else None,
        priority_policy=header.get("policy", ""),
    )
    service = header.get("service", "smtp")
    vouched = "vouched" in header
    return World(service, SMTPLimits(**limits), options, able, vouched).server
