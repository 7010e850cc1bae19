"""The milter client, against a milter of the test."""

from typing import Any

from twisted.internet.defer import Deferred

from mailframe.errors import BadSyntax, TemporaryFailure
from mailframe.interfaces.check import (
    AddField,
    AddRecipient,
    ChangeField,
    ChangeSender,
    Decision,
    DropRecipient,
)
from mailframe.model.address import Address
from mailframe.model.envelope import ReversePath
from mailframe.policy.milter import Milter
from mailframe.policy.milter_codec import Step, raw_packet
from mailframe.storage.content import MemoryIntake, whole
from tests.policy.fake_milter import (
    ALL,
    CONTINUE,
    MESSAGE,
    FakeMilter,
    at_stage,
    reply,
)
from tests.policy.world import DictResolver, PolicyTestCase, origin, rcpt


class MilterTests(PolicyTestCase):
    """One message past one milter."""

    def begin(self, fake: FakeMilter, **more: Any) -> Any:
        """Say MAIL; return check and memory."""
        check = Milter(fake.endpoint, MemoryIntake())
        return check, self.message(check, **more)

    def run_through(
        self, fake: FakeMilter, content: bytes = MESSAGE, piece: int = 9
    ) -> Any:
        """Send a whole message through; return the verdict."""
        check, memory = self.begin(fake)
        self.says(check.rcpt(memory, rcpt()), None)
        for start in range(0, len(content), piece):
            waiting = check.content(memory, content[start : start + piece])
            self.assertIsNone(waiting)
        verdict = self.run_now(check.end(memory))
        check.over(memory)
        return verdict

    def test_conversation(self) -> None:
        """Everything in its order, with and without replies."""
        for steps in (Step(0), ALL):
            for piece in (1, 5, 1000):
                fake = FakeMilter(steps)
                verdict = self.run_through(fake, piece=piece)
                self.assertIs(verdict.decision, Decision.NEUTRAL)
                self.assertEqual(fake.commands().replace(b"B", b""), b"OCHMRTLLLNEQ")
                self.assertEqual(b"".join(fake.data(b"B")), b"body\r\nmore\r\n")
                self.assertEqual(
                    fake.data(b"L"),
                    [b"Subject\0hi\0", b"X-Folded\0 a\n\tb\0", b"Empty\0\0"],
                )
                self.assertEqual(fake.data(b"H"), [b"client.example\0"])
                self.assertEqual(fake.data(b"M"), [b"<sender@b.example>\0"])
                self.assertEqual(fake.data(b"R"), [b"<alice@example.org>\0"])
                self.assertTrue(fake.endpoint.transports[0].gone)

    def test_macros(self) -> None:
        """Name, client, user and TLS are told."""
        fake = FakeMilter()
        check, memory = self.begin(
            fake,
            user="alice@example.org",
            login_method="PLAIN",
            tls="TLSv1.3 AES",
            tls_bits=256,
            client_port=50_000,
        )
        self.says(check.rcpt(memory, rcpt()), None)
        told = b" ".join(fake.data(b"D"))
        for text in (
            b"j\0mx.example.org\0",
            b"{client_addr}\x00192.0.2.1\0",
            b"{client_port}\x0050000\0",
            b"{auth_type}\0PLAIN\0{auth_authen}\0alice@example.org\0",
            b"{tls_version}\0TLSv1.3\0{cipher}\0AES\0{cipher_bits}\x00256\0",
            b"{mail_addr}\0sender@b.example\0{mail_host}\0b.example\0",
            b"{rcpt_addr}\0alice@example.org\0{rcpt_host}\0example.org\0",
        ):
            self.assertIn(text, told)

    def test_name_of_the_client(self) -> None:
        """It is told where DNS is asked; else the address, in brackets."""
        known = DictResolver(
            {
                ("1.2.0.192.in-addr.arpa", "PTR"): ["client.example"],
                ("client.example", "A"): ["192.0.2.1"],
            }
        )
        for resolver, name, macro in (
            (known, b"client.example", b"_\0client.example [192.0.2.1]\0"),
            (None, b"[192.0.2.1]", b"_\0[192.0.2.1]\0"),
        ):
            fake = FakeMilter()
            check = Milter(fake.endpoint, MemoryIntake(), resolver=resolver)
            self.says(check.mail({}, origin(), ReversePath(None)), None)
            self.assertTrue(fake.data(b"C")[0].startswith(name + b"\x004"))
            self.assertIn(macro, fake.data(b"D")[0])

    def test_local(self) -> None:
        """Who has no address is on this machine, as in Postfix."""
        fake = FakeMilter()
        self.begin(fake, client_address=None)
        self.assertEqual(fake.data(b"C"), [b"localhost\x004\0\x00127.0.0.1\0"])
        self.assertIn(b"_\0localhost [127.0.0.1]\0", fake.data(b"D")[0])

    def test_name_of_the_message(self) -> None:
        """What the log calls it goes along as ``i``."""
        fake = FakeMilter()
        check = Milter(fake.endpoint, MemoryIntake())
        memory: dict[str, object] = {"id": "ID1"}
        self.says(check.mail(memory, origin(), ReversePath(None)), None)
        self.says(check.rcpt(memory, rcpt()), None)
        check.content(memory, MESSAGE)
        self.run_now(check.end(memory))
        commands = [one[:1] for one in fake.data(b"D") if b"i\0ID1\0" in one]
        self.assertEqual(commands, [b"M", b"R", b"T", b"N", b"E"])

    def test_macros_wanted(self) -> None:
        """It is told what it asks for, where it asks for it, as far as it is known."""
        fake = FakeMilter(
            actions=0x100,
            macros=b"\0\0\0\0j\0\0\0\0\x02{auth_authen} {nonsense} j\0",
        )
        self.begin(fake)
        self.assertEqual(
            fake.data(b"D"), [b"Cj\0mx.example.org\0", b"Mj\0mx.example.org\0"]
        )

    def test_unwanted(self) -> None:
        """What the milter does not want to know it is not told."""
        fake = FakeMilter(
            Step.NO_HELO | Step.NO_MAIL | Step.NO_RCPT | Step.NO_BODY | Step.NO_DATA
        )
        self.run_through(fake)
        self.assertEqual(fake.commands(), b"OCLLLNEQ")

    def test_large_body(self) -> None:
        """Pieces have at most 65535 octets; a milter may have enough of them."""
        content = b"A: b\r\n\r\n" + b"x" * 200_000
        fake = FakeMilter(ALL)
        self.run_through(fake, content, piece=200_001)
        self.assertLessEqual(max(map(len, fake.data(b"B"))), 65_535)
        self.assertEqual(b"".join(fake.data(b"B")), b"x" * 200_000)
        fake = FakeMilter(B=raw_packet(b"s"))
        self.run_through(fake, content, piece=1000)
        self.assertEqual(len(fake.data(b"B")), 1)

    def test_empty(self) -> None:
        """A message of nothing, of a header alone, of a body alone."""
        for content, expected in ((b"", b""), (b"A: b\r\n", b"L"), (b"\r\nx", b"")):
            fake = FakeMilter(ALL)
            self.run_through(fake, content)
            found = fake.commands().replace(b"B", b"")
            self.assertEqual(found, b"OCHMRT" + expected + b"NEQ")

    def test_refusals(self) -> None:
        """Each stage can refuse, defer, discard, and choose a reply."""
        for answer, decision, code, enhanced, text in (
            (raw_packet(b"r"), Decision.REFUSE, 0, "", ""),
            (raw_packet(b"t"), Decision.DEFER, 0, "", ""),
            (raw_packet(b"f"), Decision.DEFER, 0, "", ""),
            (raw_packet(b"d"), Decision.DISCARD, 0, "", ""),
            (reply(b"553 5.1.3 odd"), Decision.REFUSE, 553, "5.1.3", "odd"),
            (reply(b"450 wait"), Decision.DEFER, 450, "", "wait"),
        ):
            # There is no message to be discarded at connect and HELO.
            stages = "MRTLNBE" if decision is Decision.DISCARD else "CHMRTLNBE"
            for stage in stages:
                found = self._refused(stage, answer)
                self.assertIs(found.decision, decision, stage)
                self.assertEqual(
                    (found.code, found.enhanced, found.text), (code, enhanced, text)
                )

    def test_discarded_client(self) -> None:
        """A client is not to be discarded; what says so is no reply there."""
        for stage in "CH":
            fake = at_stage(stage, raw_packet(b"d"))
            check = Milter(fake.endpoint, MemoryIntake())
            self.fails(check.mail({}, origin(), ReversePath(None)), BadSyntax)
            self.assertTrue(fake.endpoint.transports[0].gone)

    def _refused(self, stage: str, answer: bytes) -> Any:
        """Return the verdict of a message that is refused at a stage."""
        fake = at_stage(stage, answer)
        check = Milter(fake.endpoint, MemoryIntake())
        memory: dict[str, object] = {}
        path = ReversePath(Address("x", "b.example"))
        if stage in "CHM":
            return self.run_now(check.mail(memory, origin(), path))
        self.says(check.mail(memory, origin(), path), None)
        found = self.run_now(check.rcpt(memory, rcpt()))
        if stage == "R":
            return found
        self.assertIsNone(check.content(memory, MESSAGE))
        found = self.run_now(check.end(memory))
        check.over(memory)
        return found

    def test_accepted_early(self) -> None:
        """A milter that has seen enough is not told more."""
        fake = FakeMilter(M=raw_packet(b"a"))
        self.assertIsNone(self.run_through(fake))
        self.assertEqual(fake.commands(), b"OCHMAQ")
        fake = FakeMilter(N=raw_packet(b"a"))
        self.assertIsNone(self.run_through(fake))
        self.assertEqual(fake.commands(), b"OCHMRTLLLNAQ")

    def test_accepted_recipient(self) -> None:
        """To accept one recipient is not to accept the message."""
        fake = FakeMilter(R=raw_packet(b"a"))
        self.run_through(fake)
        self.assertIn(b"E", fake.commands())

    def test_refused_recipient(self) -> None:
        """To refuse one recipient is not to refuse the next."""
        fake = FakeMilter(R=raw_packet(b"r"))
        check, memory = self.begin(fake)
        for _ in range(2):
            self.says(check.rcpt(memory, rcpt()), Decision.REFUSE)
        self.assertEqual(len(fake.data(b"R")), 2)

    def test_changes(self) -> None:
        """Fields added, put in, changed and taken out; another body."""
        fake = FakeMilter(
            E=raw_packet(b"p")
            + raw_packet(b"h", b"X-End\0a\n\tb\0")
            + raw_packet(b"i", b"\0\0\0\x01X-Top\0c\0")
            + raw_packet(b"i", b"\0\0\0\0X-Zero\0d\0")
            + raw_packet(b"m", b"\0\0\0\x02Subject\0e\0")
            + raw_packet(b"m", b"\0\0\0\x01X-Old\0\0")
            + raw_packet(b"b", b"new ")
            + raw_packet(b"b", b"body\r\n")
            + raw_packet(b"a")
        )
        verdict = self.run_through(fake)
        self.assertIs(verdict.decision, Decision.NEUTRAL)
        self.assertEqual(
            verdict.edits,
            (
                AddField(b"X-End", b"a\n\tb"),
                AddField(b"X-Top", b"c", 0),
                AddField(b"X-Zero", b"d", 0),
                ChangeField(b"Subject", 2, b"e"),
                ChangeField(b"X-Old", 1, None),
            ),
        )
        self.assertEqual(self.run_now(whole(verdict.body)), b"new body\r\n")

    def test_quarantine(self) -> None:
        """Suspect, with the milter's reason."""
        fake = FakeMilter(E=raw_packet(b"q", b"virus\0") + CONTINUE)
        verdict = self.run_through(fake)
        self.assertIs(verdict.decision, Decision.QUARANTINE)
        self.assertEqual(verdict.text, "virus")

    def test_changes_then_refusal(self) -> None:
        """What was changed does not matter any more."""
        fake = FakeMilter(E=raw_packet(b"b", b"x") + raw_packet(b"r"))
        self.assertIs(self.run_through(fake).decision, Decision.REFUSE)

    def test_envelope_is_not_touched(self) -> None:
        """A milter that changes recipients, which nobody allowed it, is broken."""
        for kind in (b"+", b"-", b"e"):
            fake = FakeMilter(E=raw_packet(kind, b"<x@y.example>\0") + CONTINUE)
            check, memory = self.begin(fake)
            self.fails(check.end(memory), BadSyntax)

    def test_envelope(self) -> None:
        """Recipients come and go, the sender becomes another, where agreed."""
        fake = FakeMilter(
            actions=0xCC,
            E=raw_packet(b"+", b"<new@y.example>\0")
            + raw_packet(b"2", b"par@y.example\0NOTIFY=NEVER\0")
            + raw_packet(b"-", b'<"a b"@example.org>\0')
            + raw_packet(b"e", b"<x@y.example>\0RET=HDRS\0")
            + raw_packet(b"e", b"<>\0")
            + CONTINUE,
        )
        self.assertEqual(
            self.run_through(fake).envelope,
            (
                AddRecipient(Address("new", "y.example")),
                AddRecipient(Address("par", "y.example")),
                DropRecipient(Address("a b", "example.org")),
                ChangeSender(Address("x", "y.example")),
                ChangeSender(None),
            ),
        )

    def test_rspamd(self) -> None:
        """It agrees to whatever is offered, and answers at the end alone."""
        fake = FakeMilter(
            Step(0xFF080),
            actions=0x1FF,
            C=b"",
            H=b"",
            M=b"",
            R=b"",
            E=raw_packet(b"-", b"<alice@example.org>\0")
            + raw_packet(b"+", b"<bob@example.org>\0")
            + CONTINUE,
        )
        self.assertEqual(
            self.run_through(fake).envelope,
            (
                DropRecipient(Address("alice", "example.org")),
                AddRecipient(Address("bob", "example.org")),
            ),
        )
        self.assertEqual(fake.commands().replace(b"B", b""), b"OCHMRTLLLNEQ")

    def test_envelope_nonsense(self) -> None:
        """What is no address is not taken."""
        for kind in (b"+", b"2", b"-", b"e"):
            for data in (b"nobody\0", b"<a@b.example\r\nX: y>\0", b"a@b.example", b""):
                fake = FakeMilter(actions=0xCC, E=raw_packet(kind, data) + CONTINUE)
                check, memory = self.begin(fake)
                self.fails(check.end(memory), BadSyntax)

    def test_away(self) -> None:
        """A milter that is not there, or goes, is trouble at that stage."""
        fake = FakeMilter()
        fake.endpoint.closed = True
        check = Milter(fake.endpoint, MemoryIntake())
        memory: dict[str, object] = {}
        self.fails(check.mail(memory, origin(), ReversePath(None)), TemporaryFailure)
        self.fails(check.rcpt(memory, rcpt()), TemporaryFailure)
        self.assertRaises(TemporaryFailure, check.content, memory, b"x")
        check.over(memory)
        for stage in "RNE":
            fake = at_stage(stage, None)
            check, memory = self.begin(fake)
            if stage == "R":
                self.fails(check.rcpt(memory, rcpt()), TemporaryFailure)
            elif stage == "N":
                with self.assertRaises(TemporaryFailure):
                    check.content(memory, MESSAGE)
            else:
                self.fails(check.end(memory), TemporaryFailure)
            check.over(memory)

    def test_nonsense(self) -> None:
        """What is no packet ends the connection; what is no reply is refused."""
        fake = FakeMilter(R=b"\xff\xff\xff\xffGET /")
        check, memory = self.begin(fake)
        self.fails(check.rcpt(memory, rcpt()), TemporaryFailure)
        fake = FakeMilter(R=raw_packet(b"?"))
        check, memory = self.begin(fake)
        self.fails(check.rcpt(memory, rcpt()), BadSyntax)
        fake = FakeMilter(R=CONTINUE * 2000)
        check, memory = self.begin(fake)
        self.assertTrue(fake.endpoint.transports or check)
        self.says(check.rcpt(memory, rcpt()), None)
        self.assertTrue(fake.endpoint.transports[0].gone)

    def test_old_version(self) -> None:
        """Version 2 knows no DATA."""
        fake = FakeMilter(version=2)
        self.run_through(fake)
        self.assertNotIn(b"T", fake.commands())

    def test_slow_milter(self) -> None:
        """While it does not read or answer, the sender waits."""
        fake = FakeMilter(ALL)
        check, memory = self.begin(fake)
        transport: Any = fake.endpoint.transports[0]
        transport.producer.pauseProducing()
        waiting = check.content(memory, MESSAGE)
        self.assertIsInstance(waiting, Deferred)
        self.assertNoResult(waiting)
        transport.producer.resumeProducing()
        self.successResultOf(waiting)
        fake = FakeMilter(N=b"")
        check, memory = self.begin(fake)
        waiting = check.content(memory, MESSAGE)
        self.assertNoResult(waiting)
        transport = fake.endpoint.transports[0]
        transport._protocol.dataReceived(CONTINUE)
        self.successResultOf(waiting)
        # Cancelled, it lets go.
        waiting = Deferred.fromCoroutine(check.end(memory))
        check.over(memory)

    def test_header_bound(self) -> None:
        """A header without an end is not held for ever."""
        check, memory = self.begin(FakeMilter())
        with self.assertRaises(TemporaryFailure):
            for _ in range(30):
                check.content(memory, b"X: " + b"y" * 40_000 + b"\r\n")
