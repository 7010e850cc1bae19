"""BDAT, and the parameters of MAIL and RCPT."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import NoSuchUser, TemporaryFailure
from mailframe.model.address import Address
from mailframe.model.envelope import DeliverBy, ForwardPath
from mailframe.model.secret import Secret
from mailframe.sasl.client import Login
from mailframe.smtp.client_event import Done
from tests.smtp.client_world import (
    BINARY,
    BOB,
    CAT,
    EIGHT_BIT,
    ESMTP,
    Play,
    delivery,
    plays,
)


class ChunkingTests(SynchronousTestCase):
    """BDAT (RFC 3030)."""

    KEYWORDS = ("PIPELINING", "CHUNKING", "BINARYMIME", "8BITMIME")

    def test_early(self) -> None:
        """A small message goes with its recipients, in one round trip."""
        for play in plays():
            play.up(*self.KEYWORDS)
            said = play.begin(delivery(size=7), b".he", b"llo")
            self.assertEqual(
                said,
                "MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.com>\r\n"
                "BDAT 3\r\n.heBDAT 5 LAST\r\nllo\r\n",
            )
            play.server("250 ok", "250 ok", "250 3 octets", "250 ok")
            self.assertEqual(play.verdicts, (None,))
            self.assertTrue(play.begin(delivery(size=7)).startswith("MAIL"))

    def test_early_for_nobody(self) -> None:
        """Without a recipient the chunks are refused, and RSET follows."""
        play = Play().up(*self.KEYWORDS)
        play.begin(delivery(size=4), b"hi\r\n")
        play.server("250 ok", "550 5.1.1 no", "503 5.5.1 no recipients")
        self.assertIsInstance(play.verdicts[0], NoSuchUser)
        self.assertTrue(play.begin(delivery(size=4)).startswith("RSET\r\nMAIL"))

    def test_large(self) -> None:
        """A large text goes by DATA: nothing is sent for nothing."""
        play = Play().up(*self.KEYWORDS)
        self.assertTrue(play.begin(delivery(size=100_000)).endswith("DATA\r\n"))

    def test_binary(self) -> None:
        """Binary content goes unchanged, after the recipients when it is large."""
        play = Play().up(*self.KEYWORDS)
        said = play.begin(delivery(size=100_000, body=BINARY), b"a\rb\n", b"\0")
        self.assertIn("BODY=BINARYMIME", said)
        self.assertTrue(said.endswith("RCPT TO:<bob@example.com>\r\n"))
        said = play.server("250 ok", "250 ok")
        self.assertEqual(said, "BDAT 4\r\na\rb\nBDAT 1 LAST\r\n\0")
        play.server("250 ok", "250 ok")
        self.assertEqual(play.verdicts, (None,))

    def test_refused_chunk(self) -> None:
        """After a refused chunk no more is sent (RFC 3030 2)."""
        play = Play().up(*self.KEYWORDS)
        play.client.begin(delivery(size=100_000, body=BINARY))
        play.client.receive(b"250 ok\r\n250 ok\r\n")
        play.client.next_event()
        play.client.write(b"one")
        play.client.write(b"two")
        self.assertTrue(play.client.wants_content)
        play.client.receive(b"452 4.3.1 full\r\n")
        event = play.client.next_event()
        assert isinstance(event, Done)
        self.assertIsInstance(event.verdicts[0], TemporaryFailure)
        self.assertFalse(play.client.wants_content)
        self.assertFalse(play.client.broken)


class ParameterTests(SynchronousTestCase):
    """MAIL and RCPT say what the server understands, and nothing else."""

    def test_dsn(self) -> None:
        """RET, ENVID, NOTIFY and ORCPT are carried (RFC 3461 4)."""
        path = ForwardPath(BOB, frozenset({"DELAY", "SUCCESS"}), ("rfc822", "a+="))
        never = ForwardPath(CAT, frozenset(), ("utf-8", "jürgen@c"))
        what = delivery(path, never, ret="HDRS", envid="x y+")
        said = Play().up(*ESMTP).begin(what)
        self.assertEqual(
            said.splitlines()[:3],
            [
                "MAIL FROM:<ann@example.org> RET=HDRS ENVID=x+20y+2B",
                "RCPT TO:<bob@example.com> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2B+3D",
                "RCPT TO:<cat@example.com> NOTIFY=NEVER ORCPT=utf-8;j\\x{FC}rgen@c",
            ],
        )
        plain = Play().up("PIPELINING").begin(what)
        self.assertEqual(plain.splitlines()[1], "RCPT TO:<bob@example.com>")

    def test_body(self) -> None:
        """BODY and SMTPUTF8 are said where they are understood."""
        umlaut = Address("jürgen", "example.com")
        play = Play().up("PIPELINING", "SMTPUTF8", "8BITMIME")
        said = play.begin(delivery(umlaut, smtputf8=True, body=EIGHT_BIT))
        self.assertEqual(
            said.splitlines()[:2],
            [
                "MAIL FROM:<ann@example.org> BODY=8BITMIME SMTPUTF8",
                "RCPT TO:<jürgen@example.com>",
            ],
        )

    def test_others(self) -> None:
        """Priority and the rest go to servers that have them."""
        what = delivery(
            sender=None, priority=3, by=60, deliver_by=DeliverBy(0.0, True, True)
        )
        play = Play().up("PIPELINING", "MT-PRIORITY", "DELIVERBY")
        said = play.begin(what)
        self.assertIn("MAIL FROM:<> MT-PRIORITY=3 BY=60;RT\r\n", said)
        self.assertIn("MAIL FROM:<>\r\n", Play().up("PIPELINING").begin(what))

    def test_usual_priority(self) -> None:
        """It is said though it be 0 (RFC 6710 section 4.2)."""
        said = Play().up("PIPELINING", "MT-PRIORITY").begin(delivery())
        self.assertIn("MAIL FROM:<ann@example.org> MT-PRIORITY=0\r\n", said)

    def test_auth(self) -> None:
        """AUTH= goes to a server that knows us."""
        play = Play(login=Login(b"ann", Secret(b"secret")), trusted=True)
        play.server("220 hi")
        play.server("250-PIPELINING", "250-PIPELINING", "250 AUTH PLAIN")
        play.server("235 ok")
        self.assertIn("AUTH=<>\r\n", play.begin(delivery(auth="")))
        other = Play().up("PIPELINING")
        self.assertNotIn("AUTH", other.begin(delivery(auth="a@b")))

    def test_quoted(self) -> None:
        """A local part is quoted where it must be."""
        said = Play().up("PIPELINING").begin(delivery(Address("a b", "example.com")))
        self.assertIn('RCPT TO:<"a b"@example.com>\r\n', said)

    def test_no_injection(self) -> None:
        """No control gets into a command."""
        for local in ("a\r\nRSET", "a\nb", "a\u2028b", "a\0"):
            with self.assertRaises(ValueError):
                Play().up("PIPELINING").begin(delivery(Address(local, "example.com")))
