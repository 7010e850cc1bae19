"""The relay against Exim and OpenSMTPD, found through BIND's MX records."""

from mailframe.errors import MailError, NoSuchUser, TemporaryFailure
from mailframe.interfaces.delivery import Hop
from mailframe.memory_content import MemoryContent
from mailframe.model.envelope import BodyType
from mailframe.net.dns import Resolver
from mailframe.net.relay import Verdicts
from mailframe.net.routing import MXRouter
from mailframe.net.tls_policy import TLSLevels
from mailframe.queue.attempt import Attempts
from mailframe.queue.contract import Parcel, Recipient, State
from tests.host import free_ports
from tests.net.authority import Certificate
from tests.net.bind import shared
from tests.net.mtas import Exim, OpenSMTPD
from tests.net.relay_world import AUTHORITY, GOOD, MESSAGE, RelayCase, envelope, reactor

DOTS = b"Subject: dots\r\n\r\n" + b".\r\n..\r\n.x\r\n" * 40_000
"""A line that begins with a dot at every border of what is sent at once."""


class EximTests(RelayCase):
    """Exim takes, refuses and puts off."""

    timeout = 110

    def exim(self) -> tuple[Exim, Hop]:
        """Start one."""
        (port,) = free_ports(1)
        exim = Exim(GOOD, "127.0.0.1", port)
        self.addCleanup(exim.close)
        return exim, Hop("127.0.0.1", port, tls="verify")

    async def test_session(self) -> None:
        """Each recipient has its verdict; contents arrive as they were."""
        exim, hop = self.exim()
        relay = self.relay()
        names = ("bob", "nobody", "later", "cat")
        verdicts = await relay.deliver(hop, envelope(*names), MemoryContent(MESSAGE))
        kinds = [None if error is None else type(error) for error in verdicts]
        self.assertEqual(kinds, [None, NoSuchUser, TemporaryFailure, None])
        assert isinstance(verdicts, Verdicts)
        self.assertIn("verified", verdicts.tls or "")
        unwanted = MemoryContent(b"Subject: unwanted\r\n\r\n")
        (refused,) = await relay.deliver(hop, envelope("bob"), unwanted)
        assert isinstance(refused, MailError)
        self.assertEqual(refused.status, "5.7.1")
        for content in (DOTS, "Subject: x\r\n\r\nKöln\r\n".encode()):
            taken = await relay.deliver(
                hop,
                envelope("bob", body=BodyType.EIGHT_BIT_MIME),
                MemoryContent(content),
            )
            self.assertEqual(taken, (None,))
        await relay.close()
        bodies = exim.messages()
        self.assertIn(DOTS.partition(b"\r\n\r\n")[2].decode().replace("\r", ""), bodies)
        self.assertIn("Köln\n", bodies)
        log = exim.log()
        self.assertEqual(log.count("<= "), 3, log)
        self.assertNotIn("unexpected disconnection", log)
        self.assertNotIn("synchronization", log)


class OpenSMTPDTests(RelayCase):
    """OpenSMTPD, which has no PIPELINING."""

    timeout = 110

    async def test_session(self) -> None:
        """Each recipient has its verdict; contents arrive as they were."""
        (port,) = free_ports(1)
        smtpd = OpenSMTPD("127.0.0.1", port)
        self.addCleanup(smtpd.close)
        relay = self.relay()
        hop = Hop("127.0.0.1", port)
        verdicts = await relay.deliver(
            hop, envelope("bob", "nobody", "cat"), MemoryContent(MESSAGE)
        )
        self.assertIsInstance(verdicts[1], MailError)
        self.assertNotIsInstance(verdicts[1], TemporaryFailure)
        self.assertEqual((verdicts[0], verdicts[2]), (None, None))
        taken = await relay.deliver(hop, envelope("bob"), MemoryContent(DOTS))
        self.assertEqual(taken, (None,))
        await relay.close()
        dots = DOTS.partition(b"\r\n\r\n")[2].decode().replace("\r", "")
        self.assertTrue(any(one.endswith(dots) for one in smtpd.messages()))


class OrderTests(RelayCase):
    """A domain with a host that is down, one without TLS, one with it twice."""

    timeout = 110

    async def test_order(self) -> None:
        """Hosts in order, and their addresses, until one does what it has to."""
        (port,) = free_ports(1)
        bare = OpenSMTPD("127.0.0.12", port)
        self.addCleanup(bare.close)
        certificates = {
            "127.0.0.13": Certificate("elsewhere.example", issuer=AUTHORITY),
            "127.0.0.14": Certificate("mx3.example.test", issuer=AUTHORITY),
        }
        for address, certificate in certificates.items():
            exim = Exim(certificate, address, port)
            self.addCleanup(exim.close)
        resolver = Resolver(reactor, [("127.0.0.1", shared().resolver)])
        for level, host in (("may", "mx2"), ("verify", "mx3")):
            router = MXRouter(
                resolver,
                our_names=(),
                our_networks=(),
                shuffle=lambda hosts: hosts.sort(key=str),
                levels=TLSLevels(default=level),
                port=port,
            )
            parcel = Parcel(
                "0" * 13,
                "example.test",
                envelope("bob"),
                (Recipient(0, envelope("bob").forward_paths[0]),),
                arrived=0.0,
                attempts=0,
                due=0.0,
                size=len(MESSAGE),
            )
            result = await Attempts(router, self.relay()).make(
                parcel, MemoryContent(MESSAGE)
            )
            (outcome,) = result.outcomes
            self.assertIs(outcome.state, State.DELIVERED, outcome)
            self.assertEqual(outcome.remote, f"{host}.example.test")
