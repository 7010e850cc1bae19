"""DANE: which records there are, and which certificates they name."""

from hashlib import sha256, sha512
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mailframe.interfaces.delivery import Hop
from mailframe.memory_content import MemoryContent
from mailframe.model.address import Address
from mailframe.net.dane import TLSARecord, is_named, lookup, parse
from mailframe.net.dns import LookupFailed, Resolver
from mailframe.net.relay_connection import TLSFailed
from mailframe.net.routing import MXHop
from mailframe.net.tls_policy import Evidence
from tests.host import free_ports
from tests.net.authority import Certificate
from tests.net.bind import Bind, shared
from tests.net.relay_world import MESSAGE, RelayCase, envelope, reactor

ROOT = Certificate("Root", authority=True)
LEAF = Certificate("mx.signed.test", issuer=ROOT)
CHAIN = [LEAF.certificate, ROOT.certificate]


class RecordTests(SynchronousTestCase):
    """Records against certificates (RFC 7672 3.1)."""

    def test_parse(self) -> None:
        """The wire format, and what is shorter."""
        record = parse(b"\3\1\1" + b"x" * 32)
        self.assertEqual(record, TLSARecord(3, 1, 1, b"x" * 32))
        self.assertEqual(str(parse(b"\3\1\1\xab")), "3 1 1 ab")
        self.assertIsNone(parse(b"\3\1\1"))

    def test_usable(self) -> None:
        """Usages 0 and 1, and digests of a wrong size, are of no use."""
        for record, usable in (
            (TLSARecord(3, 1, 1, b"x" * 32), True),
            (TLSARecord(2, 0, 2, b"x" * 64), True),
            (TLSARecord(3, 0, 0, b"x"), True),
            (TLSARecord(0, 1, 1, b"x" * 32), False),
            (TLSARecord(1, 1, 1, b"x" * 32), False),
            (TLSARecord(3, 2, 1, b"x" * 32), False),
            (TLSARecord(3, 1, 3, b"x" * 32), False),
            (TLSARecord(3, 1, 1, b"x" * 31), False),
            (TLSARecord(3, 0, 0, b""), False),
        ):
            self.assertIs(record.usable, usable, record)

    def test_end_entity(self) -> None:
        """DANE-EE names the server's own certificate, whatever its name."""
        for record in (
            TLSARecord(3, 1, 1, LEAF.spki),
            TLSARecord(3, 0, 0, LEAF.der),
            TLSARecord(3, 0, 1, sha256(LEAF.der).digest()),
            TLSARecord(3, 0, 2, sha512(LEAF.der).digest()),
        ):
            self.assertEqual(is_named([record], CHAIN), (True, False))
        wrong = TLSARecord(3, 1, 1, ROOT.spki)
        self.assertEqual(is_named([wrong], CHAIN), (False, False))
        right = TLSARecord(3, 1, 1, LEAF.spki)
        self.assertEqual(is_named([wrong, right], CHAIN), (True, False))

    def test_trust_anchor(self) -> None:
        """DANE-TA names one above it; then the name has to be looked at."""
        for record in (TLSARecord(2, 1, 1, ROOT.spki), TLSARecord(2, 0, 0, ROOT.der)):
            self.assertEqual(is_named([record], CHAIN), (True, True))
        # An anchor that signed nothing proves nothing.
        forged = Certificate("mx.signed.test")
        chain = [forged.certificate, ROOT.certificate]
        record = TLSARecord(2, 1, 1, ROOT.spki)
        self.assertEqual(is_named([record], chain), (False, False))
        # The anchor in the record itself need not be sent.
        record = TLSARecord(2, 0, 0, ROOT.der)
        self.assertEqual(is_named([record], CHAIN[:1]), (True, True))
        record = TLSARecord(2, 0, 0, b"no certificate")
        self.assertEqual(is_named([record], CHAIN), (False, False))

    def test_expired(self) -> None:
        """Dates count with DANE-TA, not with DANE-EE (RFC 7672 3.1.1)."""
        old = Certificate("mx.signed.test", issuer=ROOT, days=-1)
        chain = [old.certificate, ROOT.certificate]
        anchor = TLSARecord(2, 1, 1, ROOT.spki)
        self.assertEqual(is_named([anchor], chain), (False, False))
        own = TLSARecord(3, 1, 1, old.spki)
        self.assertEqual(is_named([own], chain), (True, False))

    def test_evidence(self) -> None:
        """A log line says what was shown."""
        self.assertEqual(str(Evidence("TLSv1.3", "X")), "TLSv1.3 X verified")
        self.assertIn("not verified", str(Evidence("TLSv1.3", "X", "no")))


class RelayTests(RelayCase):
    """Delivery to hosts of a signed zone."""

    def zone(self, port: int, *records: tuple[str, TLSARecord]) -> Resolver:
        """Serve these records of a port; return who tells of them."""
        lines = [f"_{port}._tcp.{name} TLSA {record}\n" for name, record in records]
        bind = Bind("".join(lines))
        self.addCleanup(bind.close)
        return Resolver(reactor, [("127.0.0.1", bind.resolver)])

    async def sent(
        self, resolver: Resolver, port: int, secure: bool = True, **options: Any
    ) -> str:
        """Deliver to ``mx.signed.test``; return how it arrived."""
        hop = MXHop(
            "mx.signed.test",
            port,
            domain="signed.test",
            addresses=("127.0.0.1",),
            secure=secure,
            name="mx.signed.test",
        )
        relay = self.relay(resolver=resolver)
        await relay.deliver(hop, envelope("bob", **options), MemoryContent(MESSAGE))
        protocol: str = self.receiver.transactions[-1].origin.protocol
        return protocol

    async def test_lookup(self) -> None:
        """Records count when they are signed; absence is no DANE."""
        resolver = Resolver(reactor, [("127.0.0.1", shared().resolver)])
        found = await lookup(resolver, ["mx.signed.test"], 25)
        self.assertEqual(found, (TLSARecord(3, 1, 1, bytes(32)),))
        self.assertIsNone(await lookup(resolver, ["plain.signed.test"], 25))
        self.assertIsNone(await lookup(resolver, ["mx1.example.test"], 25))
        again = await lookup(resolver, ["plain.signed.test", "mx.signed.test"], 25)
        self.assertEqual(again, found)
        with self.assertRaises(LookupFailed):
            await lookup(resolver, ["mx.broken.test"], 25)
        distrusted = Resolver(
            reactor, [("127.0.0.1", shared().resolver)], trusted=False
        )
        self.assertIsNone(await lookup(distrusted, ["mx.signed.test"], 25))

    async def test_match(self) -> None:
        """A certificate of nobody's is right when the zone says so."""
        strange = Certificate("anything")
        port = self.serve(strange)
        resolver = self.zone(port, ("mx", TLSARecord(3, 1, 1, strange.spki)))
        self.assertEqual(await self.sent(resolver, port), "ESMTPS")

    async def test_anchor(self) -> None:
        """With DANE-TA the name has to be right as well."""
        records = [("mx", TLSARecord(2, 1, 1, ROOT.spki))]
        port = self.serve(Certificate("signed.test", issuer=ROOT))
        self.assertEqual(await self.sent(self.zone(port, *records), port), "ESMTPS")
        other = self.serve(Certificate("other.test", issuer=ROOT))
        with self.assertRaises(TLSFailed) as raised:
            await self.sent(self.zone(other, *records), other)
        self.assertEqual(raised.exception.problem, "certificate-host-mismatch")

    async def test_mismatch(self) -> None:
        """Nothing is sent to a server that is not the one the zone names."""
        port = self.serve(LEAF)
        resolver = self.zone(port, ("mx", TLSARecord(3, 1, 1, ROOT.spki)))
        with self.assertRaises(TLSFailed):
            await self.sent(resolver, port)
        # Unless the sender wants it sent at any rate (RFC 8689 3).
        hop = MXHop(
            "mx.signed.test",
            port,
            domain="signed.test",
            addresses=("127.0.0.1",),
            secure=True,
            name="mx.signed.test",
        )
        relay = self.relay(resolver=resolver)
        content = MemoryContent(b"TLS-Required: No\r\n" + MESSAGE)
        verdicts = await relay.deliver(hop, envelope("bob"), content)
        self.assertEqual(verdicts, (None,))

    async def test_unusable(self) -> None:
        """Records of no use still make TLS a must (RFC 7672 2.2)."""
        plain, port = self.serve(None), self.serve(LEAF)
        for number, good in ((plain, False), (port, True)):
            resolver = self.zone(number, ("mx", TLSARecord(1, 1, 1, ROOT.spki)))
            if good:
                self.assertEqual(await self.sent(resolver, number), "ESMTPS")
            else:
                with self.assertRaises(Exception) as raised:
                    await self.sent(resolver, number)
                self.assertEqual(raised.exception.status, "4.7.4")

    async def test_insecure_way(self) -> None:
        """Records are not asked for when the way to them is not signed."""
        port = self.serve(LEAF)
        resolver = self.zone(port, ("mx", TLSARecord(3, 1, 1, ROOT.spki)))
        self.assertEqual(await self.sent(resolver, port, secure=False), "ESMTPS")

    async def test_smarthost(self) -> None:
        """A smarthost by name is found, and DANE holds for it too."""
        (port,) = free_ports(1)
        resolver = self.zone(port, ("mx", TLSARecord(3, 1, 1, bytes(32))))
        from mailframe.net.smtp import SMTPFactory

        factory = SMTPFactory(self.receiver, reactor=reactor, tls_context=LEAF.server())
        self.factories.append(factory)
        self.listen(factory, "127.0.0.41", port)
        relay = self.relay(resolver=resolver)
        hop = Hop("mx.signed.test", port)
        with self.assertRaises(TLSFailed):
            await relay.deliver(hop, envelope("bob"), MemoryContent(MESSAGE))
        plain = self.relay(resolver=resolver, use_dane=False)
        await plain.deliver(
            hop, envelope("bob", address=Address("a", "b")), MemoryContent(MESSAGE)
        )
        self.assertEqual(len(self.receiver.transactions), 1)
