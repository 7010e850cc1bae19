"""The service's patience, and servers that are not what they should be."""

from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mailframe.errors import BadSyntax, MailError, NotSupported, TemporaryFailure
from mailframe.fetch.conversation import make_tls
from mailframe.fetch.options import FetchAccount
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.model.secret import Secret
from tests.fetch.world import TO, Here, contents


def job_for(protocol: str, port: int, **more: Any) -> FetchAccount:
    """Return how to collect from loopback without TLS."""
    options: dict[str, Any] = {"tls": "none", "host": "127.0.0.1", **more}
    return FetchAccount(
        protocol=protocol,
        port=port,
        user="ann",
        password=Secret(b"pass"),
        to=TO,
        **options,
    )


class Scripted(Protocol):
    """Says its lines, one for each line it hears; then it goes."""

    def __init__(self, lines: list[bytes]) -> None:
        """Learn them; the first is the greeting."""
        self.lines = lines
        self.heard = b""

    def connectionMade(self) -> None:
        """Greet."""
        self.say()

    def dataReceived(self, data: bytes) -> None:
        """Answer each line."""
        self.heard += data
        for _ in range(data.count(b"\r\n")):
            self.say()

    def say(self) -> None:
        """Say the next line."""
        transport: Any = self.transport
        if self.lines:
            transport.write(self.lines.pop(0))
        else:
            transport.loseConnection()


class PeerTests(TestCase):
    """Odd servers are an error, and cost nobody's mail."""

    timeout = 110

    def setUp(self) -> None:
        """Make our side."""
        from twisted.internet import reactor  # noqa: TID251 - over loopback

        self.reactor: Any = reactor
        directory = Path(self.mktemp())
        directory.mkdir()
        self.here = Here(directory, reactor)
        self.addCleanup(self.here.intake.close)

    async def meet(self, protocol: str, *lines: bytes, **more: Any) -> Scripted:
        """Collect from a server with these lines."""
        peer = Scripted(list(lines))
        await self.meet_peer(protocol, peer, **more)
        return peer

    async def meet_peer(self, protocol: str, peer: Scripted, **more: Any) -> None:
        """Collect from a server."""
        port = self.reactor.listenTCP(
            0, Factory.forProtocol(lambda: peer), interface="127.0.0.1"
        )
        self.addCleanup(port.stopListening)
        await self.here.collect(job_for(protocol, port.getHost().port, **more))

    def fails(self, kind: Any, protocol: str, *lines: bytes, **more: Any) -> Any:
        """Expect an error."""

        async def scene() -> None:
            with self.assertRaises(kind):
                await self.meet(protocol, *lines, **more)
            self.assertEqual(await contents(self.here.account), [])

        return self.play(scene())

    def play(self, scene: Coroutine[Any, Any, None]) -> "Deferred[None]":
        """Run a test that waits."""
        return Deferred.fromCoroutine(scene)

    def test_no_uidl(self) -> "Deferred[None]":
        """Without UIDL nothing would be known again: nothing is collected."""
        no = b"-ERR what\r\n"
        ok = b"+OK\r\n"
        return self.fails(NotSupported, "pop3", ok, no, ok, ok, no)

    def test_broken_listing(self) -> "Deferred[None]":
        """A listing that is none ends it."""
        ok = b"+OK\r\n"
        listing = b"+OK\r\nnonsense\r\n.\r\n"
        return self.fails(BadSyntax, "pop3", ok, b"-ERR\r\n", ok, ok, listing)

    def test_message_breaks_off(self) -> "Deferred[None]":
        """Half a message is none."""

        async def scene() -> None:
            half = Scripted(
                [
                    *(b"+OK\r\n", b"-ERR\r\n", b"+OK\r\n", b"+OK\r\n"),
                    *(b"+OK\r\n1 a\r\n.\r\n", b"+OK\r\n1 9\r\n.\r\n"),
                ]
            )
            say = half.say

            def say_half() -> None:
                last = not half.lines
                if last:
                    transport: Any = half.transport
                    transport.write(b"+OK\r\nSubject: half\r\n")
                say()

            half.say = say_half  # type: ignore[method-assign]
            with self.assertRaises(TemporaryFailure):
                await self.meet_peer("pop3", half)
            self.assertIn(b"RETR 1", half.heard)
            self.assertEqual(await contents(self.here.account), [])

        return self.play(scene())

    def test_larger_than_said(self) -> "Deferred[None]":
        """A message that is larger than the listing says is not taken."""
        ok = b"+OK\r\n"
        return self.fails(
            MailError,
            "pop3",
            *(ok, b"-ERR\r\n", ok, ok, b"+OK\r\n1 a\r\n.\r\n", b"+OK\r\n1 9\r\n.\r\n"),
            b"+OK\r\n" + b"x" * 5000,
            max_size=1000,
        )

    def test_no_tls_no_password(self) -> "Deferred[None]":
        """A server that does not begin TLS hears no name and no password."""

        async def scene() -> None:
            for protocol, greeting, no in (
                ("imap", b"* OK\r\n", b"a1 NO\r\n"),
                ("pop3", b"+OK\r\n", b"-ERR\r\n"),
            ):
                peer = Scripted([greeting, no])
                with self.assertRaises(TemporaryFailure):
                    await self.meet_peer(protocol, peer, tls="starttls")
                self.assertNotIn(b"ann", peer.heard)
                self.assertEqual(peer.heard.count(b"\r\n"), 1)

        return self.play(scene())

    def test_no_uidplus(self) -> "Deferred[None]":
        """Without UIDPLUS, EXPUNGE only comes when nothing of others would go."""

        async def scene() -> None:
            for deleted, expunged in ((b"7", True), (b"7 9", False)):
                peer = Scripted(
                    [
                        b"* PREAUTH hi\r\n",
                        b"* CAPABILITY IMAP4rev1\r\na1 OK\r\n",
                        b"* 2 EXISTS\r\n* OK [UIDVALIDITY 5] x\r\na2 OK\r\n",
                        b"* SEARCH 7 9\r\na3 OK\r\n",
                        b"* SEARCH 7\r\na4 OK\r\n",
                        b"* 1 FETCH (UID 7 RFC822.SIZE 3)\r\na5 OK\r\n",
                        b"* 1 FETCH (UID 7 BODY[] {3}\r\nabc)\r\na6 OK\r\n",
                        b"a7 OK\r\n",
                        b"* SEARCH %b\r\na8 OK\r\n" % deleted,
                        b"a9 OK\r\n",
                        b"a10 OK\r\n",
                    ]
                )
                (self.here.directory / "fetch.db").unlink(missing_ok=True)
                await self.meet_peer("imap", peer, keep=False)
                self.assertEqual(b"a9 EXPUNGE" in peer.heard, expunged)
            self.assertEqual(len(await contents(self.here.account)), 2)

        return self.play(scene())

    def test_other_message(self) -> "Deferred[None]":
        """A message with another UID than was asked for is not taken."""
        return self.fails(
            BadSyntax,
            "imap",
            b"* PREAUTH hi\r\n",
            b"* CAPABILITY IMAP4rev1\r\na1 OK\r\n",
            b"* 1 EXISTS\r\n* OK [UIDVALIDITY 5] x\r\na2 OK\r\n",
            b"* SEARCH 7\r\na3 OK\r\n",
            b"* SEARCH 7\r\na4 OK\r\n",
            b"* 1 FETCH (UID 7 RFC822.SIZE 3)\r\na5 OK\r\n",
            b"* 1 FETCH (UID 8 BODY[] {3}\r\nabc)\r\na6 OK\r\n",
        )

    def test_no_search(self) -> "Deferred[None]":
        """A SEARCH without an answer is not taken for an empty mailbox."""
        return self.fails(
            BadSyntax,
            "imap",
            b"* PREAUTH hi\r\n",
            b"* CAPABILITY IMAP4rev1\r\na1 OK\r\n",
            b"* OK [UIDVALIDITY 5] x\r\na2 OK\r\n",
            b"a3 OK\r\n",
        )

    def test_disabled(self) -> "Deferred[None]":
        """Where no login is offered there is none."""
        return self.fails(
            UnauthorizedLogin,
            "imap",
            b"* OK hi\r\n",
            b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\na1 OK\r\n",
        )


class PatienceTests(SynchronousTestCase):
    """Pauses, by the clock."""

    def test_pauses_grow(self) -> None:
        """A host that does not answer is asked less and less, once an hour at least."""
        clock: Any = Clock()
        directory = Path(self.mktemp())
        directory.mkdir()
        here = Here(directory, clock)
        self.addCleanup(here.intake.close)
        service = here.service(job_for("imap", 1, interval=60.0))
        asked: list[float] = []

        async def session(source: Any, wait: bool = True) -> int:
            asked.append(clock.seconds())
            raise TemporaryFailure("no answer")

        self.patch(service, "_session", session)
        service.startService()
        for _ in range(300):
            clock.advance(60)
        pauses = [
            after - before for before, after in zip(asked, asked[1:], strict=False)
        ]
        self.assertEqual(pauses[:6], [120, 240, 480, 960, 1920, 3600])
        self.assertEqual(set(pauses[6:]), {3600})
        self.successResultOf(service.stopService())
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_authorities(self) -> None:
        """A file without a certificate is said so at once."""
        path = Path(self.mktemp())
        self.assertRaises(ValueError, make_tls, path)
        path.write_text("nothing")
        self.assertRaises(ValueError, make_tls, path)
