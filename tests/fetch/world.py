"""Servers of our own to collect from, and an account of ours to collect into."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, execute
from twisted.protocols.tls import TLSMemoryBIOFactory

from mailframe.fetch.options import FetchAccount
from mailframe.fetch.service import FetchService
from mailframe.interfaces.mailbox import IMailAccount, NewMessage
from mailframe.memory_content import MemoryContent
from mailframe.model.mailbox import INBOX, MailboxName
from mailframe.model.secret import Secret
from mailframe.net.imap import IMAPFactory
from mailframe.net.pop3 import POP3Factory
from mailframe.net.tls import ServerTLS
from mailframe.storage.intake import FileIntake
from mailframe.storage.maildrop import Maildrops
from mailframe.storage.memory_realm import MemoryRealm
from tests.net.authority import Certificate

TO = "alice@example.org"
THERE = "ann@example.net"


def in_this_thread(call: Callable[[], Any]) -> Deferred[Any]:
    """Run a call at once."""
    return execute(call)


class There:
    """A host elsewhere with one account, on loopback."""

    def __init__(self, directory: Path, reactor: Any, names: tuple[str, ...]) -> None:
        """Make it; its certificate has these names."""
        self.reactor = reactor
        self.realm = MemoryRealm(lambda: 1_700_000_000.0, lambda call: call())
        checker = InMemoryUsernamePasswordDatabaseDontUse()
        checker.addUser(THERE.encode(), b"pass")
        portal: Any = Portal(self.realm, [checker])
        root = Certificate("Test authority", authority=True)
        mine = Certificate(*names, issuer=root)
        self.authority = directory / "authority.pem"
        self.authority.write_bytes(root.pem)
        (directory / "cert.pem").write_bytes(mine.pem)
        (directory / "key.pem").write_bytes(mine.key_pem)
        tls = ServerTLS(
            [directory / "cert.pem"], directory / "key.pem", reactor.seconds
        )
        intake = FileIntake(str(directory / "there"), run=in_this_thread)
        intake.open()
        self.intake = intake
        common: dict[str, Any] = {"reactor": reactor, "tls_context": tls}
        drops = Maildrops()
        self.ports: dict[tuple[str, str], Any] = {}
        self.factories: list[Any] = []
        for protocol in ("imap", "pop3"):
            for how in ("starttls", "implicit"):
                factory: Any = (
                    IMAPFactory(portal, intake=intake, **common)
                    if protocol == "imap"
                    else POP3Factory(portal, maildrop_of=drops, **common)
                )
                self.factories.append(factory)
                if how == "implicit":
                    factory = TLSMemoryBIOFactory(tls, False, factory)
                port = reactor.listenTCP(0, factory, interface="127.0.0.1")
                self.ports[protocol, how] = port

    @property
    def account(self) -> Any:
        """The account there."""
        return account_of(self.realm, THERE)

    async def close(self) -> None:
        """Stop listening; end the sessions."""
        for port in self.ports.values():
            await port.stopListening()
        for factory in self.factories:
            await factory.shut_down()
        self.intake.close()

    def job(self, protocol: str, tls: str, **more: Any) -> FetchAccount:
        """Return how to collect from here."""
        options: dict[str, Any] = {
            "protocol": protocol,
            "host": "localhost",
            "port": self.ports[
                protocol, "implicit" if tls == "implicit" else "starttls"
            ]
            .getHost()
            .port,
            "tls": tls,
            "user": THERE,
            "password": Secret(b"pass"),
            "to": TO,
            "authorities": self.authority,
            **more,
        }
        return FetchAccount(**options)


def account_of(realm: MemoryRealm, address: str) -> Any:
    """Return the account of an address."""
    return realm.requestAvatar(address.encode(), None, IMailAccount)[1]


async def put(account: Any, *messages: bytes, into: MailboxName = INBOX) -> None:
    """Append messages to an account."""
    for octets in messages:
        await account.append(into, [NewMessage(MemoryContent(octets))])


async def contents(account: Any, name: MailboxName = INBOX) -> list[bytes]:
    """Return the messages of a mailbox, by UID."""
    mailbox = await account.open(name)
    found = []
    for uid in (await mailbox.changes(0)).listing.uids:
        content = await mailbox.open_content(uid)
        found.append(await content.read(0, content.size))
        content.close()
    mailbox.close()
    return found


def without_trace(octets: bytes) -> bytes:
    """Return a message without the Received field that fetching has put before it."""
    assert octets.startswith(b"Received: from "), octets
    end = octets.index(b"\r\n", octets.index(b"\tfor <")) + 2
    return octets[end:]


class Here:
    """Our own side: an account, a memory on disk, and what collects."""

    def __init__(self, directory: Path, reactor: Any) -> None:
        """Make it."""
        self.directory = directory
        self.reactor = reactor
        self.account: Any = account_of(
            MemoryRealm(reactor.seconds, lambda call: call()), TO
        )
        self.intake = FileIntake(str(directory / "here"), run=in_this_thread)
        self.intake.open()

    async def account_for(self, address: str) -> Any:
        """Return our account."""
        assert address == TO
        return self.account

    def service(self, *jobs: FetchAccount, **more: Any) -> FetchService:
        """Return a fresh service, as after a restart."""
        options: dict[str, Any] = {
            "path": self.directory / "fetch.db",
            "run": in_this_thread,
            "account_for": self.account_for,
            "intake": self.intake,
            "hostname": "mail.example.org",
            "reactor": self.reactor,
            **more,
        }
        return FetchService(jobs, **options)

    async def collect(self, *jobs: FetchAccount, **more: Any) -> int:
        """Look once, with a fresh service."""
        service = self.service(*jobs, **more)
        try:
            return await service.collect()
        finally:
            await service.stopService()
