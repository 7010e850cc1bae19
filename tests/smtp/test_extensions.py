"""What extensions tell the receiver."""

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mailframe.errors import NotPermitted
from mailframe.interfaces.delivery import IDoorkeeper
from mailframe.model.envelope import BodyType, DeliverBy, Origin
from mailframe.smtp.options import SMTPOptions, nobody
from mailframe.testing.transcript import FAKE_TLS, FakeConnection
from tests.smtp.world import AbleReceiver, World

HELLO = b"EHLO client.example\r\n"
LOGIN = b"AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==\r\n"
NOW = 1_700_000_000.0


@implementer(IDoorkeeper)
class Watchful(AbleReceiver):
    """Writes down who comes, and does not like 192.0.2.66."""

    def __init__(self) -> None:
        super().__init__()
        self.came: list[Origin] = []

    async def connected(self, origin: Origin) -> None:
        self.came.append(origin)
        if origin.client_address == "192.0.2.66":
            raise NotPermitted("bad")

    async def greeted(self, origin: Origin) -> None:
        self.came.append(origin)


class EnvelopeTests(SynchronousTestCase):
    """Parameters become the envelope."""

    def test_mail(self) -> None:
        """Every parameter of MAIL has its field."""
        world = World(
            "submission", options=SMTPOptions(hold_seconds=100, require_tls=True)
        )
        conversation = world.converse(FakeConnection(tls=FAKE_TLS, trusted=True))
        conversation.feed(HELLO + LOGIN)
        conversation.feed(
            b"MAIL FROM:<alice@example.org> BODY=binarymime RET=hdrs ENVID=a+2Bb"
            b" REQUIRETLS MT-PRIORITY=4 HOLDFOR=60 BY=120;rt AUTH=e+3Dmc2@c.example\r\n"
        )
        path = world.last.reverse_path
        self.assertEqual(path.body, BodyType.BINARY_MIME)
        self.assertEqual((path.ret, path.envid), ("HDRS", "a+b"))
        self.assertTrue(path.require_tls)
        self.assertEqual((path.priority, path.hold_until), (4, NOW + 60))
        self.assertEqual(path.deliver_by, DeliverBy(NOW + 120, True, True))
        self.assertEqual(path.auth, "e=mc2@c.example")

    def test_hold_until(self) -> None:
        """A date with a zone is a time."""
        world = World("submission", options=SMTPOptions(hold_seconds=100))
        conversation = world.converse()
        conversation.feed(HELLO + LOGIN)
        conversation.feed(b"MAIL FROM:<> HOLDUNTIL=2023-11-15T00:13:21+02:00\r\n")
        self.assertEqual(world.last.reverse_path.hold_until, NOW + 1)

    def test_rcpt(self) -> None:
        """Parameters of RCPT are those of one recipient."""
        world = World()
        conversation = world.converse()
        conversation.feed(
            HELLO + b"MAIL FROM:<> SMTPUTF8\r\n"
            b"RCPT TO:<a@b.example> NOTIFY=SUCCESS,delay ORCPT=RFC822;a+2Bb@c\r\n"
            b"RCPT TO:<b@b.example> NOTIFY=NEVER ORCPT=utf-8;\\x{E4}\\x{5C}@b\r\n"
            + "RCPT TO:<c@b.example> ORCPT=utf-8;ü@b\r\n".encode()
        )
        one, two, three = world.last.forward_paths
        self.assertEqual(one.notify, {"SUCCESS", "DELAY"})
        self.assertEqual(one.orcpt, ("rfc822", "a+b@c"))
        self.assertEqual((two.notify, two.orcpt), (frozenset(), ("utf-8", "ä\\@b")))
        self.assertEqual((three.notify, three.orcpt), (None, ("utf-8", "ü@b")))

    def test_priority_of_strangers(self) -> None:
        """Who has not logged in may step back, not forward (RFC 6710)."""
        for asked, given in ((b"9", 0), (b"-9", -9), (b"0", 0)):
            world = World()
            world.converse().feed(HELLO + b"MAIL FROM:<> MT-PRIORITY=%b\r\n" % asked)
            self.assertEqual(world.last.reverse_path.priority, given)


class TrustedTests(SynchronousTestCase):
    """XCLIENT and XFORWARD, from whom the operator trusts."""

    def _watched(self) -> tuple[World, Watchful]:
        trusted = frozenset({"192.0.2.1"})
        world = World(
            options=SMTPOptions(
                may_xclient=trusted.__contains__, may_xforward=trusted.__contains__
            )
        )
        world.receiver = receiver = Watchful()
        return world, receiver

    def test_nobody(self) -> None:
        """Nobody is trusted unless it is said."""
        self.assertFalse(nobody(None) or nobody("127.0.0.1"))

    def test_xclient(self) -> None:
        """The doorkeeper is asked about the client that is meant."""
        world, receiver = self._watched()
        conversation = world.converse()
        conversation.feed(b"XCLIENT ADDR=192.0.2.77 HELO=z\r\n" + HELLO)
        conversation.feed(b"MAIL FROM:<>\r\n")
        self.assertEqual(
            [(one.client_address, one.helo) for one in receiver.came],
            [
                ("192.0.2.1", ""),
                ("192.0.2.77", ""),
                ("192.0.2.77", "client.example"),
            ],
        )
        self.assertEqual(world.last.origin.client_address, "192.0.2.77")
        self.assertIn(b"220 mx.example.org ESMTP", conversation.heard())

    def test_logged_in(self) -> None:
        """Who has logged in does not become another client."""
        world = World("submission", options=SMTPOptions(may_xclient=lambda _: True))
        conversation = world.converse()
        conversation.say(HELLO + LOGIN)
        heard = conversation.say(b"XCLIENT ADDR=192.0.2.77\r\n")
        self.assertEqual(heard, b"503 5.5.1 Authenticated already\r\n")

    def test_destination(self) -> None:
        """The address that client connected to is what counts as ours."""
        world, _ = self._watched()
        conversation = world.converse()
        conversation.feed(HELLO + b"MAIL FROM:<>\r\nRSET\r\n")
        self.assertEqual(world.last.origin.server_address, "192.0.2.2")
        conversation.feed(b"XCLIENT DESTADDR=IPV6:2001:DB8::2 DESTPORT=25\r\n" + HELLO)
        conversation.feed(b"MAIL FROM:<>\r\n")
        self.assertEqual(world.last.origin.server_address, "2001:db8::2")
        self.assertEqual(world.last.origin.client_address, "192.0.2.1")

    def test_refused(self) -> None:
        """A client that is not welcome is not welcome behind a proxy either."""
        world, _ = self._watched()
        conversation = world.converse()
        conversation.feed(b"XCLIENT ADDR=192.0.2.66\r\n" + HELLO)
        heard = conversation.heard()
        self.assertTrue(heard.startswith(b"554 "))
        self.assertIn(b"503 5.5.1 You are not welcome", heard)

    def test_others(self) -> None:
        """Who is not trusted changes nothing."""
        world, receiver = self._watched()
        connection = FakeConnection()
        connection.client_address = "192.0.2.2"
        conversation = world.converse(connection)
        conversation.feed(b"XCLIENT ADDR=192.0.2.77\r\nXFORWARD ADDR=192.0.2.77\r\n")
        self.assertEqual(conversation.heard(), b"550 5.7.0 Not for this client\r\n" * 2)
        self.assertEqual((len(receiver.came), receiver.noted), (1, []))

    def test_xforward(self) -> None:
        """What is said is written down, and decides nothing."""
        world, receiver = self._watched()
        conversation = world.converse()
        conversation.feed(HELLO + b"XFORWARD addr=192.0.2.77 helo=a+20b\r\n")
        conversation.feed(b"MAIL FROM:<>\r\n")
        self.assertEqual(receiver.noted, [{"ADDR": "192.0.2.77", "HELO": "a b"}])
        self.assertEqual(world.last.origin.client_address, "192.0.2.1")
