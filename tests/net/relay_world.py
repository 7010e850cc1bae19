"""Servers on loopback for the relay: our own, and ones that misbehave."""

from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from twisted.internet import reactor as _reactor  # noqa: TID251
from twisted.internet.defer import DeferredList
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.trial.unittest import TestCase

from mailframe.errors import MailError
from mailframe.interfaces.delivery import Hop
from mailframe.memory_content import MemoryContent
from mailframe.model.address import Address
from mailframe.model.envelope import Envelope, ForwardPath, Origin, ReversePath
from mailframe.net.relay import SMTPRelay
from mailframe.net.smtp import SMTPFactory
from mailframe.net.tls_policy import TrustRoots
from tests.net.authority import Certificate
from tests.smtp.world import RecordingReceiver

reactor: Any = _reactor

MESSAGE = b"Subject: hi\r\n\r\n.hello\r\n"

AUTHORITY = Certificate("Test Authority", authority=True)
GOOD = Certificate("127.0.0.1", "mx.example.com", issuer=AUTHORITY)
OTHER = Certificate("other.example.com", issuer=AUTHORITY)
EXPIRED = Certificate("127.0.0.1", issuer=AUTHORITY, days=-1)
STRANGE = Certificate("127.0.0.1")


def envelope(*recipients: str, **reverse: Any) -> Envelope:
    """Return an envelope to these local parts of example.com."""
    origin = Origin("smtp", "ESMTP", "client", "192.0.2.1", "mail.example.org")
    sender = reverse.pop("address", Address("ann", "example.org"))
    paths = tuple(ForwardPath(Address(one, "example.com")) for one in recipients)
    return Envelope(ReversePath(sender, **reverse), paths, origin)


class Script(LineReceiver):
    """A server that answers each line from a list, by the line's first word.

    An answer may be octets, or a callable given the protocol.
    """

    delimiter = b"\r\n"

    def __init__(self, answers: dict[str, Any], said: list[str]) -> None:
        """Answer so; write what comes to ``said``."""
        self.answers = answers
        self.said = said
        self.data = False

    def connectionMade(self) -> None:
        """Greet."""
        self.said.append("(connected)")
        self.answer("", b"220 mx.example.com ESMTP")

    def connectionLost(self, reason: Any = connectionDone) -> None:
        """Note."""
        self.said.append("(lost)")

    def lineReceived(self, line: bytes) -> None:
        """Answer."""
        if self.data:
            if line == b".":
                self.data = False
                self.answer(".", b"250 2.0.0 taken")
            return
        word = line.split(b" ")[0].decode().upper()
        self.said.append(line.decode())
        default = {
            "EHLO": b"250 mx.example.com",
            "DATA": b"354 go",
            "QUIT": b"221 bye",
            "STARTTLS": b"220 go",
        }.get(word, b"250 ok")
        self.answer(word, default)

    def answer(self, word: str, default: bytes) -> None:
        """Give the answer to a word."""
        answer = self.answers.get(word, default)
        if callable(answer):
            answer(self)
            return
        if answer:
            self.sendLine(answer)
        if word == "DATA" and answer.startswith(b"354"):
            self.data = True
        elif word == "QUIT":
            self.transport.loseConnection()


def drop(server: Script) -> None:
    """Close the connection at once."""
    server.transport.abortConnection()


class ScriptFactory(Factory):
    """Makes servers of one script."""

    noisy = False

    def __init__(self, answers: dict[str, Any], said: list[str]) -> None:
        """Keep both."""
        self.answers = answers
        self.said = said

    def buildProtocol(self, addr: Any) -> Script:
        """Return one."""
        server = Script(self.answers, self.said)
        server.factory = self
        return server


class RelayCase(TestCase):
    """Has a relay, servers, and lets go of both."""

    timeout = 110

    def setUp(self) -> None:
        """Begin without servers."""
        self.directory = Path(mkdtemp(prefix="mailframe-relay-"))
        self.roots_path = self.directory / "roots.pem"
        self.roots_path.write_bytes(AUTHORITY.pem)
        self.relays: list[SMTPRelay] = []
        self.ports: list[Any] = []
        self.factories: list[Any] = []
        self.receiver = RecordingReceiver()

    def tearDown(self) -> Any:
        """End connections, then ports."""
        ending = [relay.close() for relay in self.relays]
        ending += [port.stopListening() for port in self.ports]
        ending += [factory.shut_down() for factory in self.factories]
        return DeferredList(ending).addBoth(lambda ended: rmtree(self.directory))

    def relay(self, **more: Any) -> SMTPRelay:
        """Return a relay that believes the authority of the tests."""
        relay = SMTPRelay(
            reactor,
            hostname="mail.example.org",
            roots=TrustRoots([self.roots_path]),
            **more,
        )
        self.relays.append(relay)
        return relay

    def listen(self, factory: Any, address: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; return the port."""
        listening = reactor.listenTCP(port, factory, interface=address)
        self.ports.append(listening)
        number: int = listening.getHost().port
        return number

    def serve(self, certificate: Certificate | None = GOOD, **more: Any) -> int:
        """Serve our own SMTP; return the port."""
        factory = SMTPFactory(
            self.receiver,
            reactor=reactor,
            hostname="mx.example.com",
            tls_context=certificate.server() if certificate else None,
            **more,
        )
        self.factories.append(factory)
        return self.listen(factory)

    def script(self, **answers: Any) -> tuple[int, list[str]]:
        """Serve a script; return the port and what is said to it."""
        said: list[str] = []
        names = {"greeting": "", "dot": "."}
        found = {names.get(word, word.upper()): one for word, one in answers.items()}
        return self.listen(ScriptFactory(found, said)), said

    async def deliver(
        self,
        relay: SMTPRelay,
        port: int,
        *recipients: str,
        message: bytes = MESSAGE,
        tls: str = "may",
        host: str = "127.0.0.1",
        lmtp: bool = False,
        **reverse: Any,
    ) -> Sequence[MailError | None]:
        """Deliver a message to a port."""
        hop = Hop(host, port, lmtp, tls)
        content = MemoryContent(message)
        return await relay.deliver(
            hop, envelope(*(recipients or ("bob",)), **reverse), content
        )
