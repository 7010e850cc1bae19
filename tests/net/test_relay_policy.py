"""The relay where more than one host is concerned: addresses, REQUIRETLS, reports."""

from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.protocols.tls import TLSMemoryBIOFactory

from mailframe.errors import MessageTooLarge, NoSuchUser, TemporaryFailure
from mailframe.interfaces.delivery import Hop
from mailframe.memory_content import MemoryContent
from mailframe.model.envelope import BodyType
from mailframe.model.secret import Secret
from mailframe.net.mta_sts import Policy
from mailframe.net.relay import Verdicts
from mailframe.net.routing import MXHop
from mailframe.net.smtp import SMTPFactory
from mailframe.sasl.client import Login
from mailframe.smtp.client_limits import ClientLimits
from tests.net.relay_world import (
    GOOD,
    MESSAGE,
    OTHER,
    STRANGE,
    RelayCase,
    ScriptFactory,
    drop,
    envelope,
    reactor,
)

POLICY = Policy("1", "enforce", ("127.0.0.1",), 9, 0.0)
TESTING = Policy("1", "testing", ("127.0.0.1",), 9, 0.0)
ELSEWHERE = Policy("1", "testing", ("mx.example.net",), 9, 0.0)


class Reports:
    """Writes down what is reported."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.said: list[tuple[Any, ...]] = []

    def succeeded(self, domain: str, policy: Any) -> None:
        """Write down."""
        self.said.append((domain, policy.kind, None))

    def failed(self, domain: str, failure: Any, policy: Any) -> None:
        """Write down."""
        self.said.append((domain, policy.kind, failure.problem))


def mx(port: int, *addresses: str, **more: Any) -> MXHop:
    """Return a host of example.com."""
    options = {"domain": "example.com", **more}
    return MXHop("127.0.0.1", port, addresses=addresses or ("127.0.0.1",), **options)


def starttls(server: Any) -> None:
    """Start TLS, and offer REQUIRETLS over it."""
    server.sendLine(b"220 go")
    server.transport.startTLS(GOOD.server())
    server.answers["EHLO"] = b"250-mx\r\n250 REQUIRETLS"


class AddressTests(RelayCase):
    """A host with several addresses, and one without any."""

    async def test_next_address(self) -> None:
        """An address that does not answer as it should makes room for the next."""
        port, said = self.script()
        hop = mx(port, "127.0.0.9", "::1", "127.0.0.1")
        verdicts = await self.relay().deliver(
            hop, envelope("bob"), MemoryContent(MESSAGE)
        )
        self.assertEqual(verdicts, (None,))
        self.assertEqual(said.count("(connected)"), 1)

    async def test_ipv6(self) -> None:
        """A host may have an IPv6 address alone, also as a literal."""
        said: list[str] = []
        port = self.listen(ScriptFactory({}, said), "::1")
        for hop in (mx(port, "::1"), Hop("::1", port)):
            verdicts = await self.relay().deliver(
                hop, envelope("bob"), MemoryContent(MESSAGE)
            )
            self.assertEqual(verdicts, (None,))
        self.assertEqual(said.count("(connected)"), 2)

    async def test_unknown_host(self) -> None:
        """A host by name needs somebody who knows it."""
        with self.assertRaises(TemporaryFailure):
            await self.relay().deliver(
                Hop("mx.example.com"), envelope("bob"), MemoryContent(MESSAGE)
            )

    async def test_lost_between_transactions(self) -> None:
        """Who had a verdict keeps it; the others come again."""

        def last(server: Any) -> None:
            server.sendLine(b"250 ok")
            self.ports.pop().stopListening()

        port, _ = self.script(dot=last)
        relay = self.relay(limits=ClientLimits(recipients=1, messages=1))
        first, second = await self.deliver(relay, port, "bob", "cat")
        self.assertIsNone(first)
        self.assertIsInstance(second, TemporaryFailure)

    async def test_reports_success(self) -> None:
        """It is known of a hop whether it understands DSN."""
        relay = self.relay()
        port, _ = self.script(EHLO=b"250-mx\r\n250 DSN")
        hop = Hop("127.0.0.1", port)
        self.assertFalse(relay.reports(hop))
        verdicts = await self.deliver(relay, port)
        assert isinstance(verdicts, Verdicts)
        self.assertTrue(verdicts.dsn)
        self.assertTrue(relay.reports(hop))

    async def test_binary(self) -> None:
        """Binary content becomes base64 for a server that takes none."""
        relay = self.relay()
        message = b"Content-Type: image/png\r\nMIME-Version: 1.0\r\n\r\n\0\xff\n\r"
        await self.deliver(
            relay, self.serve(), message=message, body=BodyType.BINARY_MIME
        )
        got = self.receiver.transactions[-1].content
        if b"base64" in got:
            self.assertTrue(got.endswith(b"\r\n\r\nAP8KDQ==\r\n"))
        else:
            self.assertEqual(got, message)
        text = b"Subject: text\r\n\r\nhello\r\n"
        port, said = self.script()
        await self.deliver(relay, port, message=text, body=BodyType.BINARY_MIME)
        self.assertNotIn("BODY", said[2])

    async def test_too_large(self) -> None:
        """A server that said how much it takes is not sent more."""
        port, said = self.script(EHLO=b"250-mx\r\n250 SIZE 5")
        (verdict,) = await self.deliver(self.relay(), port)
        self.assertIsInstance(verdict, MessageTooLarge)
        self.assertEqual(len(said), 2)

    async def test_connection_survives_refusal(self) -> None:
        """A refused message leaves the connection for the next."""
        relay = self.relay()
        port, said = self.script(rcpt=b"550 5.1.1 no")
        for _ in range(2):
            (verdict,) = await self.deliver(relay, port)
            self.assertIsInstance(verdict, NoSuchUser)
        self.assertEqual(said.count("(connected)"), 1)
        self.assertEqual(said.count("RSET"), 1)


class RequireTLSTests(RelayCase):
    """REQUIRETLS (RFC 8689 4.2.1)."""

    async def sent(self, hop: Hop) -> None:
        """Deliver a message that must travel over TLS."""
        content = MemoryContent(MESSAGE)
        envelope_ = envelope("bob", require_tls=True)
        verdicts = await self.relay().deliver(hop, envelope_, content)
        self.assertEqual(verdicts, (None,))

    async def test_sent(self) -> None:
        """The way is known, the certificate right, the extension offered."""
        for options in ({"secure": True}, {"sts": POLICY}):
            port, said = self.script(EHLO=b"250-mx\r\n250 STARTTLS", STARTTLS=starttls)
            await self.sent(mx(port, **options))
            self.assertIn("MAIL FROM:<ann@example.org> REQUIRETLS", said)

    async def test_not_sent(self) -> None:
        """An MX nobody vouches for is no way; nor is one without the extension."""
        port, said = self.script(EHLO=b"250-mx\r\n250 STARTTLS", STARTTLS=starttls)
        for options in ({}, {"sts": ELSEWHERE}):
            with self.assertRaises(TemporaryFailure) as raised:
                await self.sent(mx(port, **options))
            self.assertEqual(raised.exception.status, "5.7.30")
        self.assertEqual(said, [])


class ReportTests(RelayCase):
    """What goes into TLS reports (RFC 8460 4.3)."""

    async def said(self, certificate: Any, **hop: Any) -> tuple[Any, ...]:
        """Deliver; return what was reported."""
        reports = Reports()
        port = self.serve(certificate)
        try:
            await self.relay(reports=reports).deliver(
                mx(port, **hop), envelope("bob"), MemoryContent(MESSAGE)
            )
        except TemporaryFailure:
            pass
        (said,) = reports.said
        return said

    async def test_reports(self) -> None:
        """Each session once, by what its policy wants."""
        cases: list[tuple[Any, dict[str, Any], str, str | None]] = [
            (GOOD, {}, "no-policy-found", None),
            (STRANGE, {}, "no-policy-found", None),
            (None, {}, "no-policy-found", "starttls-not-supported"),
            (GOOD, {"sts": POLICY, "tls": "verify"}, "sts", None),
            (
                OTHER,
                {"sts": POLICY, "tls": "verify"},
                "sts",
                "certificate-host-mismatch",
            ),
            (None, {"sts": POLICY, "tls": "verify"}, "sts", "starttls-not-supported"),
            (STRANGE, {"sts": TESTING}, "sts", "certificate-not-trusted"),
            (GOOD, {"sts": ELSEWHERE}, "sts", "validation-failure"),
        ]
        for certificate, hop, kind, problem in cases:
            said = await self.said(certificate, **hop)
            self.assertEqual(said, ("example.com", kind, problem))

    async def test_login_needs_tls(self) -> None:
        """A password is not sent without TLS because TLS is broken."""

        def refuse(server: Any) -> None:
            server.sendLine(b"220 go")
            server.setRawMode()
            server.rawDataReceived = lambda octets: drop(server)

        port, said = self.script(EHLO=b"250-mx\r\n250 STARTTLS", STARTTLS=refuse)
        logins = {"127.0.0.1": Login(b"ann", Secret(b"secret"))}
        with self.assertRaises(TemporaryFailure):
            await self.deliver(self.relay(logins=logins), port)
        self.assertEqual(said.count("(connected)"), 1)

    async def test_implicit(self) -> None:
        """On port 465 TLS comes before the greeting."""
        factory = SMTPFactory(self.receiver, reactor=reactor)
        self.factories.append(factory)
        tls: Any = TLSMemoryBIOFactory
        port = self.listen(tls(GOOD.server(), False, factory))

        def connect(address: str, number: int, protocol: Any) -> Any:
            endpoint: Any = TCP4ClientEndpoint(reactor, address, port)
            join: Any = connectProtocol
            return join(endpoint, protocol)

        relay = self.relay(connect=connect)
        verdicts = await self.deliver(relay, 465, tls="verify")
        self.assertEqual(verdicts, (None,))
        self.assertEqual(self.receiver.transactions[-1].origin.protocol, "ESMTPS")
