"""What extensions tell the receiver."""

from itertools import count

from twisted.internet.defer import fail
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
OK = b"250 2.0.0 OK\r\n"


@implementer(IDoorkeeper)
class Watchful(AbleReceiver):
    """Writes down who comes, and does not like 192.0.2.66."""

    def __init__(self) -> None:
        super().__init__()
        self.came: list[Origin] = []
        self.gone: list[Origin] = []

    async def connected(self, origin: Origin) -> None:
        self.came.append(origin)
        if origin.client_address == "192.0.2.66":
            raise NotPermitted("bad")

    async def greeted(self, origin: Origin) -> None:
        self.came.append(origin)

    def left(self, origin: Origin) -> None:
        self.gone.append(origin)


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

    def test_held(self) -> None:
        """What was asked for is kept for reports (RFC 4865 section 5.1.2)."""
        for asked, kept in (
            (b"HOLDFOR=60", "for;60"),
            (b"holduntil=2023-11-14t22:13:21z", "until;2023-11-14T22:13:21Z"),
            (b"HOLDUNTIL=2023-11-15T00:13:21.5+02:00", "until;2023-11-14T22:13:21Z"),
            (b"SIZE=1", ""),
        ):
            world = World("submission", options=SMTPOptions(hold_seconds=100))
            world.converse().feed(HELLO + LOGIN + b"MAIL FROM:<> %b\r\n" % asked)
            self.assertEqual(world.last.reverse_path.asked_hold, kept)

    def test_clock_goes_on(self) -> None:
        """Two parameters with one time agree, though read one after the other."""
        for words in (b"BY=60;R HOLDFOR=60", b"HOLDFOR=60 BY=60;N"):
            world = World("submission", options=SMTPOptions(hold_seconds=100))
            ticks = count()
            world.now = lambda: NOW + next(ticks) / 1000  # noqa: B023
            heard = world.converse().say(HELLO + LOGIN + b"MAIL FROM:<> %b\r\n" % words)
            self.assertTrue(heard.endswith(b"250 2.1.0 Sender OK\r\n"))


class PriorityTests(SynchronousTestCase):
    """MT-PRIORITY (RFC 6710): who may go before others."""

    def _asked(self, world: World, asked: bytes, before: bytes = HELLO) -> bytes:
        return world.converse().say(before + b"MAIL FROM:<> MT-PRIORITY=%b\r\n" % asked)

    def test_strangers(self) -> None:
        """Who has not logged in may step back, not forward, and is told (4.1)."""
        for asked, given in ((b"9", 0), (b"1", 0), (b"-9", -9), (b"0", 0)):
            world = World()
            heard = self._asked(world, asked)
            path = world.last.reverse_path
            self.assertEqual((path.priority, path.asked_priority), (given, int(asked)))
            changed = b"250 2.3.6 0 is the new priority of the message\r\n"
            self.assertEqual(heard.endswith(changed), given != int(asked))

    def test_nothing_asked(self) -> None:
        """By default a message has priority 0."""
        world = World()
        world.converse().feed(HELLO + b"MAIL FROM:<>\r\n")
        path = world.last.reverse_path
        self.assertEqual((path.priority, path.asked_priority), (0, None))

    def test_whom_the_operator_lets(self) -> None:
        """It is asked with user and address; neither a login nor a host will do."""
        asked: list[tuple[str | None, str | None]] = []

        def may_raise(user: str | None, client_address: str | None) -> bool:
            asked.append((user, client_address))
            return user is None

        options = SMTPOptions(may_raise_priority=may_raise)
        for world, before, given in (
            (World(options=options), HELLO, 4),
            (World("submission", options=options), HELLO + LOGIN, 0),
        ):
            self._asked(world, b"4", before)
            self.assertEqual(world.last.reverse_path.priority, given)
        self.assertEqual(
            asked, [(None, "192.0.2.1"), ("alice@example.org", "192.0.2.1")]
        )

    def test_lmtp(self) -> None:
        """An MTA in front of mailboxes has asked already (section 6)."""
        world = World("lmtp")
        self._asked(world, b"9", b"LHLO client.example\r\n")
        self.assertEqual(world.last.reverse_path.priority, 9)


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
        # The one before has left; what was remembered of it was its own.
        (gone,) = receiver.gone
        self.assertEqual(gone.client_address, "192.0.2.1")
        self.assertIs(gone.visit, receiver.came[0].visit)
        self.assertIsNot(gone.visit, receiver.came[1].visit)
        self.assertIs(receiver.came[1].visit, receiver.came[2].visit)

    def test_logged_in(self) -> None:
        """Who has logged in does not become another client."""
        world = World("submission", options=SMTPOptions(may_xclient=lambda _: True))
        conversation = world.converse()
        conversation.say(HELLO + LOGIN)
        heard = conversation.say(b"XCLIENT ADDR=192.0.2.77\r\n")
        self.assertEqual(heard, b"503 5.5.1 Authenticated already\r\n")

    def test_names(self) -> None:
        """What the client is called is told on, until it is another client."""
        world, _ = self._watched()
        conversation = world.converse()
        for said, name, reverse in (
            (b"NAME=a.example ADDR=192.0.2.9", "a.example", "a.example"),
            (b"PORT=77", "a.example", "a.example"),
            (b"REVERSE_NAME=b.example", "a.example", "b.example"),
            (b"NAME=[TEMPUNAVAIL]", "", ""),
            (b"NAME=[UNAVAILABLE] REVERSE_NAME=c", "", "c"),
            (b"ADDR=192.0.2.10", "", ""),
        ):
            conversation.feed(b"XCLIENT %b\r\n" % said + HELLO + b"MAIL FROM:<>\r\n")
            origin = world.last.origin
            self.assertEqual((origin.client_name, origin.reverse_name), (name, reverse))
            conversation.feed(b"RSET\r\n")

    def test_ports(self) -> None:
        """A port counts with its address; that of the proxy is nobody's."""
        world, _ = self._watched()
        conversation = world.converse()
        for said, client, server in (
            (b"PROTO=ESMTP", 50_000, 143),
            (b"ADDR=192.0.2.9 PORT=77", 77, 143),
            (b"ADDR=192.0.2.9 DESTADDR=192.0.2.3 DESTPORT=25", None, 25),
            (b"PORT=0", 0, 25),
        ):
            conversation.feed(b"XCLIENT %b\r\n" % said + HELLO + b"MAIL FROM:<>\r\n")
            origin = world.last.origin
            self.assertEqual((origin.client_port, origin.server_port), (client, server))
            conversation.feed(b"RSET\r\n")

    def _proxied(self) -> World:
        return World(
            "submission",
            options=SMTPOptions(may_xclient=frozenset({"192.0.2.1"}).__contains__),
            vouched=True,
        )

    def test_login(self) -> None:
        """Whom the proxy has let in is logged in, until it says otherwise."""
        world = self._proxied()
        conversation = world.converse()
        mail = HELLO + b"MAIL FROM:<alice@example.org>\r\nRSET\r\n"
        heard = conversation.say(HELLO)
        self.assertIn(b"DESTPORT LOGIN\r\n", heard)
        heard = conversation.say(
            b"XCLIENT ADDR=192.0.2.7 LOGIN=Alice@Example.org\r\n"
            b"XCLIENT ADDR=192.0.2.7 LOGIN=mallory\r\n" + mail
        )
        refused = b"535 5.7.8 Authentication credentials invalid\r\n"
        self.assertTrue(heard.startswith(refused + refused))
        self.assertTrue(heard.endswith(b"530 5.7.0 Authentication required\r\n" + OK))
        heard = conversation.say(b"XCLIENT ADDR=192.0.2.7 LOGIN=alice\r\n" + mail)
        self.assertTrue(heard.startswith(b"220 mx.example.org ESMTP\r\n"))
        origin = world.last.origin
        self.assertEqual(
            (origin.user, origin.protocol, origin.client_address),
            ("alice@example.org", "ESMTPA", "192.0.2.7"),
        )
        self.assertIsNotNone(origin.account)
        heard = conversation.say(LOGIN)
        self.assertEqual(heard, b"503 5.5.1 Authenticated already\r\n")
        for again in (b"LOGIN=alice", b"LOGIN=[unavailable]", b"ADDR=192.0.2.8"):
            conversation.say(b"XCLIENT LOGIN=alice\r\n")
            logouts = world.logouts
            heard = conversation.say(b"XCLIENT %b\r\n" % again + mail)
            self.assertEqual(world.logouts, logouts + 1)
            known = again == b"LOGIN=alice"
            self.assertEqual(b"530 5.7.0" not in heard, known, again)
        conversation.say(b"XCLIENT LOGIN=alice\r\n")
        conversation.lose()
        self.assertEqual(world.logouts, 6)

    def test_login_later(self) -> None:
        """Where it cannot be told who exists nothing has changed."""
        world = self._proxied()
        conversation = world.converse()
        conversation.say(HELLO + b"XCLIENT LOGIN=alice\r\n" + HELLO)
        heard = conversation.say(
            b"XCLIENT LOGIN=later\r\nMAIL FROM:<alice@example.org>\r\n"
        )
        self.assertEqual(
            heard,
            b"451 4.3.0 Temporary failure, try again later\r\n250 2.1.0 Sender OK\r\n",
        )

    def test_logout_fails(self) -> None:
        """A logout that fails is a bug to report, and the session goes on."""
        for left in (lambda: fail(ZeroDivisionError()), lambda: 1 // 0):
            world = self._proxied()
            world.at_logout = left
            conversation = world.converse()
            conversation.say(b"XCLIENT LOGIN=alice\r\n")
            heard = conversation.say(b"XCLIENT ADDR=192.0.2.7\r\n")
            self.assertTrue(heard.startswith(b"220 "))
            self.assertIsInstance(world.reported[0], ZeroDivisionError)

    def test_login_of_others(self) -> None:
        """Nobody else is believed, and where no users log in it is not taken."""
        world = self._proxied()
        connection = FakeConnection()
        connection.client_address = "192.0.2.2"
        heard = world.converse(connection).say(b"XCLIENT LOGIN=alice\r\n")
        self.assertEqual(heard, b"550 5.7.0 Not for this client\r\n")
        world, _ = self._watched()
        heard = world.converse().say(b"XCLIENT LOGIN=alice\r\n")
        self.assertTrue(heard.startswith(b"501 5.5.4 "))

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
