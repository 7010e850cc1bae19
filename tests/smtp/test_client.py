"""The SMTP client: sessions, transactions, verdicts, fed whole and by the octet."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import (
    MailError,
    MessageTooLarge,
    NoSuchUser,
    NotPermitted,
    NotSupported,
    OverQuota,
    RemoteReply,
    TemporaryFailure,
)
from mailframe.model.address import Address
from mailframe.model.secret import Secret
from mailframe.sasl.client import Login
from mailframe.smtp.client import SMTPClient
from mailframe.smtp.client_event import Done, Ready, StartTLS
from mailframe.smtp.client_limits import ClientLimits
from mailframe.smtp.data import DataReader
from tests.smtp.client_world import (
    BINARY,
    BOB,
    CAT,
    ESMTP,
    Play,
    delivery,
    plays,
)


class SessionTests(SynchronousTestCase):
    """From the greeting to the first message."""

    def test_ehlo(self) -> None:
        """EHLO follows the greeting, and shows what is offered."""
        for play in plays():
            said = play.server("220-mx.example.com ESMTP", "220 hello")
            self.assertEqual(said, "EHLO mail.example.org\r\n")
            play.server("250-mx.example.com", "250-SIZE 1000", "250 pipelining")
            self.assertEqual(play.events, [Ready()])
            self.assertEqual(play.client.offer.size, 1000)
            self.assertIn("PIPELINING", play.client.offer)

    def test_helo(self) -> None:
        """A server that has no EHLO is greeted with HELO (RFC 5321 3.2)."""
        for code in ("500", "502", "550"):
            play = Play()
            play.server("220 old")
            said = play.server(f"{code} what?")
            self.assertEqual(said, "HELO mail.example.org\r\n")
            play.server("250 hello")
            self.assertEqual(play.events, [Ready()])
            self.assertNotIn("PIPELINING", play.client.offer)

    def test_no_service(self) -> None:
        """A host that takes no mail is a failure of that host, for now."""
        for lines in (["554 5.7.1 go away"], ["220 hi", "421 busy"], ["nonsense"]):
            play = Play()
            for line in lines:
                play.server(line)
            self.assertIsInstance(play.error, TemporaryFailure)
            self.assertTrue(play.client.broken)
        play = Play()
        play.server("554-one", "554 two")
        self.assertEqual(play.error.reply, RemoteReply(554, None, "one\ntwo"))

    def test_lmtp(self) -> None:
        """LMTP begins with LHLO and has no HELO (RFC 2033 4.1)."""
        play = Play(lmtp=True)
        self.assertEqual(play.server("220 hi"), "LHLO mail.example.org\r\n")
        play.server("500 what?")
        self.assertIsInstance(play.error, TemporaryFailure)

    def test_starttls(self) -> None:
        """TLS is started where it is offered; EHLO is said anew (RFC 3207 4.2)."""
        play = Play(step=1)
        play.server("220 hi")
        self.assertEqual(play.server("250-hi", "250 STARTTLS"), "STARTTLS\r\n")
        # What comes without protection behind the 220 is never looked at.
        play.server("220 go ahead", "250-evil", "250 AUTH PLAIN")
        self.assertEqual(play.events, [StartTLS()])
        play.client.tls_started()
        self.assertEqual(play.said(), "EHLO mail.example.org\r\n")
        self.assertNotIn("STARTTLS", play.client.offer)
        play.server("250-hi", "250-STARTTLS", "250 SIZE")
        self.assertEqual(play.events, [StartTLS(), Ready()])
        self.assertNotIn("AUTH", play.client.offer)

    def test_no_starttls(self) -> None:
        """Without TLS one goes on, but where it is a must."""
        for refusal in ("454 not now", "502 what?"):
            play = Play()
            play.server("220 hi")
            play.server("250-hi", "250 STARTTLS")
            play.server(refusal)
            self.assertEqual(play.events, [Ready()])
            must = Play(starttls="must")
            must.server("220 hi")
            must.server("250-hi", "250 STARTTLS")
            must.server(refusal)
            self.assertIsInstance(must.error, TemporaryFailure)
        must = Play(starttls="must")
        must.server("220 hi")
        must.server("250-hi", "250 SIZE")
        self.assertEqual(must.error.status, "4.7.4")
        none = Play(starttls="none")
        none.server("220 hi")
        none.server("250-hi", "250 STARTTLS")
        self.assertEqual(none.events, [Ready()])

    def test_plain(self) -> None:
        """AUTH PLAIN with the initial response (RFC 4954 4)."""
        login = Login(b"ann", Secret(b"secret"))
        play = Play(login=login, trusted=True)
        play.server("220 hi")
        said = play.server("250-hi", "250 AUTH LOGIN PLAIN")
        self.assertEqual(said, "AUTH PLAIN AGFubgBzZWNyZXQ=\r\n")
        play.server("235 2.7.0 welcome")
        self.assertEqual(play.events, [Ready()])
        self.assertTrue(play.client.authenticated)

    def test_login(self) -> None:
        """AUTH LOGIN answers two challenges, and cancels a third."""
        play = Play(login=Login(b"ann", Secret(b"secret")), trusted=True)
        play.server("220 hi")
        self.assertEqual(play.server("250-hi", "250 AUTH LOGIN"), "AUTH LOGIN\r\n")
        self.assertEqual(play.server("334 VXNlcm5hbWU6"), "YW5u\r\n")
        self.assertEqual(play.server("334 UGFzc3dvcmQ6"), "c2VjcmV0\r\n")
        self.assertEqual(play.server("334 more"), "*\r\n")
        play.server("501 5.7.0 cancelled")
        self.assertEqual(play.error.status, "4.7.8")

    def test_no_login(self) -> None:
        """No password goes over an open network, to no unknown mechanism."""
        login = Login(b"ann", Secret(b"secret"))
        for trusted, keyword in ((False, "AUTH PLAIN"), (True, "AUTH GSSAPI")):
            play = Play(login=login, trusted=trusted)
            play.server("220 hi")
            self.assertEqual(play.server("250-hi", f"250 {keyword}"), "")
            self.assertIsInstance(play.error, TemporaryFailure)
        play = Play(login=login, trusted=True)
        play.server("220 hi")
        play.server("250-hi", "250 AUTH PLAIN")
        play.server("535 5.7.8 wrong")
        self.assertIsInstance(play.error, TemporaryFailure)
        self.assertNotIn("secret", repr(login))


class TransactionTests(SynchronousTestCase):
    """One message after the other."""

    def test_one_at_a_time(self) -> None:
        """Without PIPELINING each command waits for the answer before."""
        for play in plays():
            play.up("SIZE")
            said = play.begin(delivery(BOB, CAT, size=4), b"hi\r\n")
            self.assertEqual(said, "MAIL FROM:<ann@example.org> SIZE=4\r\n")
            self.assertEqual(play.server("250 ok"), "RCPT TO:<bob@example.com>\r\n")
            self.assertEqual(play.server("250 ok"), "RCPT TO:<cat@example.com>\r\n")
            self.assertEqual(play.server("251 ok"), "DATA\r\n")
            self.assertEqual(play.server("354 go"), "hi\r\n.\r\n")
            play.server("250 ok")
            self.assertEqual(play.verdicts, (None, None))

    def test_pipelined(self) -> None:
        """With PIPELINING all goes at once; answers come in any portions."""
        for play in plays():
            play.up(*ESMTP)
            said = play.begin(delivery(BOB, CAT, size=4), b".\r", b"\n.hi")
            self.assertEqual(
                said,
                "MAIL FROM:<ann@example.org> SIZE=4\r\nRCPT TO:<bob@example.com>\r\n"
                "RCPT TO:<cat@example.com>\r\nDATA\r\n",
            )
            said = play.server("250 ok", "550 5.1.1 no", "250 ok", "354 go")
            self.assertEqual(said, "..\r\n..hi\r\n.\r\n")
            play.server("250 2.0.0 queued")
            refused, accepted = play.verdicts
            self.assertIsNone(accepted)
            self.assertIsInstance(refused, NoSuchUser)
            assert refused is not None
            self.assertEqual(refused.reply, RemoteReply(550, "5.1.1", "no"))
            self.assertEqual(refused.status, "5.1.1")

    def test_several(self) -> None:
        """One connection, several messages, no RSET between; QUIT at the end."""
        play = Play().up("PIPELINING")
        for _ in range(3):
            said = play.begin(delivery(), b"hi\r\n")
            self.assertTrue(said.startswith("MAIL FROM:<ann@example.org>\r\n"))
            play.server("250 ok", "250 ok", "354 go")
            play.server("250 ok")
            self.assertEqual(play.verdicts, (None,))
        self.assertEqual(play.client.messages, 3)
        play.client.quit()
        self.assertEqual(play.said(), "QUIT\r\n")

    def test_mail_refused(self) -> None:
        """A refused sender is the verdict on everybody."""
        for keywords in ((), ("PIPELINING",)):
            play = Play().up("SIZE", *keywords)
            play.begin(delivery(BOB, CAT), b"hi\r\n")
            said = play.server("550 5.7.1 not you")
            if keywords:
                said = play.server("503 no", "503 no", "554 no")
            self.assertEqual(said, "")
            for verdict in play.verdicts:
                self.assertIsInstance(verdict, NotPermitted)

    def test_nobody_taken(self) -> None:
        """Without a recipient nothing is sent, and RSET precedes the next MAIL."""
        play = Play().up("SIZE")
        play.begin(delivery(), b"hi\r\n")
        play.server("250 ok")
        self.assertEqual(play.server("450 later"), "")
        self.assertIsInstance(play.verdicts[0], TemporaryFailure)
        self.assertEqual(play.begin(delivery(), b"hi\r\n"), "RSET\r\n")
        self.assertEqual(play.server("250 ok"), "MAIL FROM:<ann@example.org>\r\n")

    def test_nobody_taken_but_354(self) -> None:
        """A server that wants data for nobody gets a dot (RFC 2920 3.1)."""
        play = Play().up("PIPELINING")
        play.begin(delivery(), b"hi\r\n")
        self.assertEqual(play.server("250 ok", "550 no", "354 go"), ".\r\n")
        play.server("554 no recipients")
        self.assertIsInstance(play.verdicts[0], MailError)
        self.assertNotIsInstance(play.verdicts[0], TemporaryFailure)
        said = play.begin(delivery(), b"hi\r\n")
        self.assertTrue(said.startswith("MAIL"))

    def test_data_refused(self) -> None:
        """A refusal of DATA is the verdict on whoever was taken."""
        play = Play().up("PIPELINING")
        play.begin(delivery(BOB, CAT), b"hi\r\n")
        play.server("250 ok", "250 ok", "550 5.1.1 no", "451 later")
        first, second = play.verdicts
        self.assertIsInstance(first, TemporaryFailure)
        self.assertIsInstance(second, NoSuchUser)
        self.assertTrue(play.begin(delivery(), b"").startswith("RSET\r\nMAIL"))

    def test_success_out_of_place(self) -> None:
        """A 250 to DATA is no acceptance of anything."""
        play = Play().up("PIPELINING")
        play.begin(delivery(), b"hi\r\n")
        play.server("250 ok", "250 ok", "250 ok")
        self.assertIsInstance(play.verdicts[0], TemporaryFailure)
        self.assertTrue(play.client.broken)

    def test_kinds(self) -> None:
        """What a refusal at the end says becomes its kind, and 4yz a temporary one."""
        for reply, kind in (
            ("550 5.2.2 full", OverQuota),
            ("452 4.2.2 full", TemporaryFailure),
            ("552 5.3.4 big", MessageTooLarge),
            ("552 full", OverQuota),
            ("554 5.7.1 spam", NotPermitted),
            ("550 no", MailError),
            ("354 what", TemporaryFailure),
        ):
            play = Play().up("PIPELINING")
            play.begin(delivery(), b"hi\r\n")
            play.server("250 ok", "250 ok", "354 go")
            play.server(reply)
            self.assertIs(type(play.verdicts[0]), kind, reply)

    def test_too_many(self) -> None:
        """A 552 to RCPT is a 452 (RFC 5321 4.5.3.1.10)."""
        play = Play().up("PIPELINING")
        play.begin(delivery(BOB, CAT), b"hi\r\n")
        play.server("250 ok", "250 ok", "552 too many", "354 go")
        play.server("250 ok")
        assert play.verdicts[1] is not None
        self.assertIsInstance(play.verdicts[1], TemporaryFailure)
        assert play.verdicts[1].reply is not None
        self.assertEqual(play.verdicts[1].reply.code, 452)

    def test_lmtp(self) -> None:
        """LMTP has a verdict for each recipient that was taken (RFC 2033 4.2)."""
        for play in plays(lmtp=True):
            play.up("PIPELINING")
            dan = Address("dan", "example.com")
            play.begin(delivery(BOB, CAT, dan), b"hi\r\n")
            play.server("250 ok", "250 ok", "550 no", "250 ok", "354 go")
            play.server("250 ok", "452 4.2.2 full")
            self.assertIsNone(play.verdicts[0])
            self.assertNotIsInstance(play.verdicts[1], TemporaryFailure)
            self.assertIsInstance(play.verdicts[2], TemporaryFailure)

    def test_lmtp_broken_between(self) -> None:
        """A verdict that came stands, though the others never do."""
        play = Play(lmtp=True).up("PIPELINING")
        play.begin(delivery(BOB, CAT), b"hi\r\n")
        play.server("250 ok", "250 ok", "250 ok", "354 go")
        play.server("250 ok")
        gone = TemporaryFailure("gone")
        play.client.give_up(gone)
        event = play.client.next_event()
        self.assertEqual(event, Done((None, gone), sent=True))

    def test_closing(self) -> None:
        """After a 421 nothing is sent; what was refused for good stays refused."""
        play = Play().up("PIPELINING")
        play.begin(delivery(BOB, CAT), b"hi\r\n")
        play.server("250 ok", "550 5.1.1 no", "421 4.3.2 bye")
        self.assertIsInstance(play.verdicts[0], NoSuchUser)
        self.assertIsInstance(play.verdicts[1], TemporaryFailure)
        self.assertTrue(play.client.broken)

    def test_closing_while_idle(self) -> None:
        """A goodbye between messages only ends the connection."""
        play = Play().up("PIPELINING")
        play.server("421 4.4.2 idle for too long")
        self.assertEqual(play.events, [])
        self.assertTrue(play.client.broken)

    def test_refused_in_the_middle(self) -> None:
        """A refusal in the middle of the data ends it, and the connection."""
        play = Play().up("PIPELINING")
        play.client.begin(delivery())
        play.client.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
        play.client.next_event()
        play.client.write(b"hello")
        play.client.receive(b"552 5.3.4 too much\r\n")
        self.assertIsInstance(play.client.next_event(), Done)
        self.assertFalse(play.client.wants_content)
        play.client.write(b"more")
        play.client.finish()
        self.assertTrue(play.said().endswith("hello"))

    def test_unasked(self) -> None:
        """A reply too many makes the session useless."""
        play = Play().up("PIPELINING")
        play.server("250 hello?")
        self.assertTrue(play.client.broken)
        with self.assertRaises(ValueError):
            play.client.begin(delivery())

    def test_impossible(self) -> None:
        """What the server cannot take is refused without asking it."""
        umlaut = Address("jürgen", "example.com")
        for what, status, kind in (
            (delivery(size=1001), "5.3.4", MessageTooLarge),
            (delivery(umlaut, smtputf8=True), "5.6.7", NotSupported),
            (delivery(body=BINARY), "5.6.3", NotSupported),
            (delivery(require_tls=True), "5.7.30", NotSupported),
        ):
            play = Play().up(*ESMTP, "REQUIRETLS")
            self.assertEqual(play.begin(what, b"hi\r\n"), "")
            verdict = play.verdicts[0]
            self.assertIs(type(verdict), kind)
            assert verdict is not None
            self.assertEqual(verdict.status, status)
            self.assertTrue(play.begin(delivery(), b"").startswith("MAIL"))

    def test_timeouts(self) -> None:
        """Each wait has its own length (RFC 5321 4.5.3.2)."""
        play = Play()
        self.assertEqual(play.client.timeout, 300)
        play.up("SIZE")
        self.assertIsNone(play.client.timeout)
        play.begin(delivery(), b"hi\r\n")
        self.assertEqual(play.client.timeout, 300)
        play.server("250 ok")
        play.server("250 ok")
        self.assertEqual(play.client.timeout, 120)
        play.client.receive(b"354 go\r\n")
        play.client.next_event()
        self.assertEqual(play.client.timeout, 180)
        play.client.finish()
        self.assertEqual(play.client.timeout, 600)

    def test_limits(self) -> None:
        """A server's LIMITS are kept (RFC 9422)."""
        play = Play().up("LIMITS RCPTMAX=20 MAILMAX=1")
        self.assertEqual(play.client.max_recipients, 20)
        self.assertFalse(play.client.worn)
        play.begin(delivery(), b"")
        self.assertTrue(play.client.worn)
        few = Play(limits=ClientLimits(recipients=5)).up("LIMITS RCPTMAX=20")
        self.assertEqual(few.client.max_recipients, 5)


class DataTests(SynchronousTestCase):
    """Content survives DATA, however it is cut."""

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(st.sampled_from([b".", b"\r\n", b"\n", b"\r", b"a", b".."])),
        st.integers(1, 5),
    )
    def test_stuffing(self, words: list[bytes], step: int) -> None:
        """A reader finds the end where it is, and every line as it was."""
        content = b"".join(words)
        pieces = [
            content[start : start + step] for start in range(0, len(content), step)
        ]
        play = Play().up("PIPELINING")
        play.begin(delivery(), *pieces)
        wire = play.server("250 ok", "250 ok", "354 go").encode()
        reader = DataReader(1000, 100_000)
        read, end = reader.read(wire, 0)
        self.assertTrue(reader.done)
        self.assertEqual(end, len(wire))
        self.assertFalse(reader.bare)
        lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        if lines[-1] == b"":
            lines.pop()
        self.assertEqual(b"".join(line + b"\r\n" for line in lines), read)


class HostileTests(SynchronousTestCase):
    """A server may say anything."""

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(
            st.sampled_from(
                [b"220 a\r\n", b"250 a\r\n", b"250-a\r\n", b"354 a\r\n", b"421 a\r\n"]
                + [b"550 5.1.1 a\r\n", b"451 \r\n", b"334 \r\n", b"x\r\n", b"\xff\r\n"]
                + [b"250-PIPELINING\r\n", b"250 CHUNKING\r\n", b"250 STARTTLS\r\n"]
                + [b"250-AUTH PLAIN\r\n", b"299\r\n", b"\0", b"250", b" ok\r\n"]
            )
            | st.binary(max_size=20),
            max_size=40,
        ),
        st.booleans(),
    )
    def test_anything(self, said: list[bytes], lmtp: bool) -> None:
        """Whatever it says, there is an end with a verdict on everybody."""
        play = Play(lmtp=lmtp)
        begun = done = 0
        for octets in said:
            play.client.receive(octets)
            play._run()
            for event in play.events:
                if isinstance(event, StartTLS):
                    play.client.tls_started()
                done += isinstance(event, Done)
            play.events.clear()
            message = delivery(BOB, CAT, size=4)
            if play.client.takes(message):
                begun += 1
                play.begin(message, b"hi\r\n")
        play.client.give_up(TemporaryFailure("gone"))
        while (event := play.client.next_event()) is not None:
            done += isinstance(event, Done)
            if isinstance(event, Done):
                self.assertEqual(len(event.verdicts), 2)
        self.assertEqual(begun, done)

    def test_long_replies(self) -> None:
        """A line, and the lines of a reply, are bounded."""
        for octets in (b"220 " + b"x" * 5000 + b"\r\n", b"220-x\r\n" * 300):
            client = SMTPClient("mail.example.org")
            client.receive(octets)
            client.next_event()
            self.assertTrue(client.broken)
