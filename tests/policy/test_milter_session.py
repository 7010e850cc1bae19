"""The milter client, client by client: one connection each, as the protocol has it."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from zope.interface.verify import verifyObject

from mailframe.errors import (
    BadSyntax,
    NoSuchUser,
    PolicyRefusal,
    RelayDenied,
    TemporaryFailure,
)
from mailframe.interfaces.check import (
    Decision,
    IDataCheck,
    IRejectionCheck,
    IVisitCheck,
)
from mailframe.model.address import Address
from mailframe.model.client_certificate import ClientCertificate
from mailframe.model.envelope import Origin, ReversePath
from mailframe.policy.milter import Milter
from mailframe.policy.milter_codec import Step, raw_packet
from mailframe.storage.content import MemoryIntake
from tests.policy.fake_milter import (
    ALL,
    CONTINUE,
    MESSAGE,
    NONE,
    FakeMilter,
    at_stage,
    reply,
)
from tests.policy.world import PolicyTestCase, origin, rcpt

SENDER = ReversePath(Address("x", "b.example"))


class MilterSessionTests(PolicyTestCase):
    """One client past one milter."""

    def arrive(self, fake: FakeMilter, **more: Any) -> tuple[Milter, Origin]:
        """Connect and say HELO; return check and origin."""
        check = Milter(fake.endpoint, MemoryIntake())
        where = origin(visit={}, **more)
        self.says(check.connect(where), None)
        self.says(check.helo(where), None)
        return check, where

    def send(self, check: Milter, where: Origin, name: str = "") -> Any:
        """Send a message; return the verdict."""
        memory: dict[str, object] = {"id": name}
        self.says(check.mail(memory, where, SENDER), None)
        self.says(check.rcpt(memory, rcpt()), None)
        self.assertIsNone(check.content(memory, MESSAGE))
        found = self.run_now(check.end(memory))
        check.over(memory)
        return found

    def test_powers(self) -> None:
        """It remembers clients, hears of recipients that are none, and of DATA."""
        check = Milter(FakeMilter().endpoint, MemoryIntake())
        verifyObject(IVisitCheck, check)
        verifyObject(IRejectionCheck, check)
        verifyObject(IDataCheck, check)

    def test_messages(self) -> None:
        """Client and HELO are told once, for all the messages."""
        fake = FakeMilter(ALL)
        check, where = self.arrive(fake)
        for name in ("ID1", "ID2"):
            self.assertIs(self.send(check, where, name).decision, Decision.NEUTRAL)
        self.assertEqual(fake.commands(), b"OCH" + 2 * b"MRTLLLNBE")
        check.left(where)
        check.left(where)
        self.assertEqual(fake.commands()[-2:], b"EQ")
        self.assertEqual((len(fake.endpoint.transports), where.visit), (1, {}))
        told = [one for one in fake.data(b"D") if one[:1] in b"CHM"]
        self.assertEqual([b"i\0ID" in one for one in told], [False, True, True])
        self.assertIn(b"i\0ID1\0", told[1])
        self.assertIn(b"i\0ID2\0", told[2])

    def test_data(self) -> None:
        """What it says to DATA is the answer to that, and stands; it is told once."""
        for answer, decision, code in (
            (CONTINUE, None, 0),
            (raw_packet(b"a"), None, 0),
            (raw_packet(b"d"), Decision.DISCARD, 0),
            (reply(b"554 5.7.9 no"), Decision.REFUSE, 554),
        ):
            fake = at_stage("T", answer)
            check, where = self.arrive(fake)
            memory: dict[str, object] = {}
            self.says(check.mail(memory, where, SENDER), None)
            self.says(check.rcpt(memory, rcpt()), None)
            for _ in range(2):
                found = self.says(check.data(memory), decision)
                self.assertEqual(code, found.code if found else 0)
            self.assertIsNone(check.content(memory, MESSAGE))
            if decision is not None:
                self.says(check.end(memory), decision)
            self.assertEqual(fake.commands()[:6], b"OCHMRT")
            self.assertEqual(fake.commands().count(b"T"), 1)

    def test_aborted(self) -> None:
        """A message that does not come to its end is taken back."""
        fake = FakeMilter()
        check, where = self.arrive(fake)
        memory: dict[str, object] = {}
        self.says(check.mail(memory, where, SENDER), None)
        check.over(memory)
        check.over(memory)
        self.send(check, where)
        self.assertEqual(fake.commands(), b"OCHMAMRTLLLNBE")

    def test_refused(self) -> None:
        """At connect and HELO, once and for all; the connection is not kept."""
        for answer, decision, code in (
            (raw_packet(b"r"), Decision.REFUSE, 0),
            (raw_packet(b"t"), Decision.DEFER, 0),
            (raw_packet(b"4"), Decision.DEFER, 0),
            (reply(b"554 5.7.9 no"), Decision.REFUSE, 554),
        ):
            fake = at_stage("C", answer)
            check = Milter(fake.endpoint, MemoryIntake())
            where = origin(visit={})
            self.assertEqual(self.says(check.connect(where), decision).code, code)
            for _ in range(2):
                self.says(check.helo(where), decision)
            self.says(check.mail({}, where, SENDER), decision)
            self.assertEqual(fake.commands(), b"OCQ")
            fake = at_stage("H", answer)
            check = Milter(fake.endpoint, MemoryIntake())
            where = origin(visit={})
            self.says(check.connect(where), None)
            for _ in range(2):
                self.assertEqual(self.says(check.helo(where), decision).code, code)
            self.says(check.mail({}, where, SENDER), decision)
            self.assertEqual(fake.commands(), b"OCHQ")

    def test_accepted(self) -> None:
        """A client that the milter trusts costs it nothing more."""
        for stage, commands in (("C", b"OCQ"), ("H", b"OCHQ")):
            fake = at_stage(stage, raw_packet(b"a"))
            check, where = self.arrive(fake)
            for _ in range(2):
                self.assertIsNone(self.send(check, where))
            check.left(where)
            self.assertEqual(fake.commands(), commands)

    def test_new_greeting(self) -> None:
        """After STARTTLS, or under another name, HELO is told again."""
        fake = FakeMilter()
        check, where = self.arrive(fake)
        again = origin(
            visit=where.visit,
            tls="TLSv1.3 AES",
            tls_bits=256,
            certificate=ClientCertificate("client", "root", "AB:CD", "EF:01"),
        )
        self.says(check.helo(again), None)
        self.send(check, again)
        self.assertEqual(fake.commands(), b"OCHHMRTLLLNBE")
        told = [one for one in fake.data(b"D") if one[:1] == b"H"]
        self.assertEqual(
            told,
            [
                b"H{tls_version}\0TLSv1.3\0{cipher}\0AES\0{cipher_bits}\x00256\0"
                b"{cert_subject}\0client\0{cert_issuer}\0root\0"
            ],
        )

    def test_greeting_in_a_message(self) -> None:
        """A HELO that may be refused does not end the message; it is told after."""
        fake = FakeMilter()
        check, where = self.arrive(fake)
        memory: dict[str, object] = {}
        self.says(check.mail(memory, where, SENDER), None)
        again = origin(visit=where.visit, helo="other.example")
        self.says(check.helo(again), None)
        self.says(check.rcpt(memory, rcpt()), None)
        check.over(memory)
        self.says(check.mail({}, again, SENDER), None)
        self.assertEqual(fake.commands(), b"OCHMRAHM")
        self.assertEqual(fake.data(b"H")[-1], b"other.example\0")

    def test_skipped(self) -> None:
        """Who was let in without it is told of at MAIL, and then remembered."""
        fake = FakeMilter()
        check = Milter(fake.endpoint, MemoryIntake())
        where = origin(visit={})
        self.says(check.helo(where), None)
        for _ in range(2):
            self.send(check, where)
        check.left(where)
        self.assertEqual(fake.commands(), b"OCH" + 2 * b"MRTLLLNBE" + b"Q")

    def test_away(self) -> None:
        """A milter that went away is connected to anew, for the next message."""
        fake = FakeMilter()
        check, where = self.arrive(fake)
        fake.endpoint.transports[0].hang_up()
        self.says(check.helo(where), None)
        self.send(check, where)
        self.assertEqual(fake.commands(), b"OCHOCHMRTLLLNBE")
        fake.endpoint.transports[1].hang_up()
        fake.endpoint.closed = True
        self.fails(check.mail({}, where, SENDER), TemporaryFailure)
        self.fails(check.connect(where), TemporaryFailure)

    def test_out_of_step(self) -> None:
        """Whose answer comes next must be known: after a timeout it is not."""
        for stage in "OCHMR":
            fake = at_stage(stage, b"")
            check = Milter(fake.endpoint, MemoryIntake())
            where = origin(visit={})
            asking = Deferred.fromCoroutine(self._until(check, where, stage))
            self.assertNoResult(asking)
            asking.cancel()
            self.failureResultOf(asking, CancelledError)
            self.assertTrue(fake.endpoint.transports[0].gone, stage)
            self.says(check.helo(where), None)
        fake = FakeMilter(M=raw_packet(b"?"))
        check, where = self.arrive(fake)
        self.fails(check.mail({}, where, SENDER), BadSyntax)
        self.assertTrue(fake.endpoint.transports[0].gone)

    async def _until(self, check: Milter, where: Origin, stage: str) -> None:
        memory: dict[str, object] = {}
        await check.connect(where)
        await check.helo(where)
        await check.mail(memory, where, SENDER)
        await check.rcpt(memory, rcpt())

    def test_full(self) -> None:
        """A milter that reads nothing is not waited for at the end."""
        fake = FakeMilter()
        check, where = self.arrive(fake)
        transport: Any = fake.endpoint.transports[0]
        transport.producer.pauseProducing()
        check.left(where)
        self.assertTrue(transport.gone)
        self.assertEqual(fake.commands(), b"OCH")


class RejectedRecipientTests(PolicyTestCase):
    """Recipients that are refused (``SMFIP_RCPT_REJ``)."""

    def tell(self, steps: Step, answer: bytes = CONTINUE) -> tuple[FakeMilter, Any]:
        """Refuse some recipients before a good one."""
        fake = FakeMilter(steps, R=answer)
        check = Milter(fake.endpoint, MemoryIntake())
        memory = self.message(check)
        for who, why in (
            ("nobody@example.org", NoSuchUser("nobody")),
            ("x@elsewhere.example", RelayDenied("no")),
            ("later@example.org", TemporaryFailure("secret")),
            ("spam@example.org", PolicyRefusal("Listed by bl", 554, "5.7.9", "dnsbl")),
        ):
            self.assertIsNone(self.run_now(check.rejected(memory, rcpt(who), why)))
        self.run_now(check.rcpt(memory, rcpt()))
        return fake, (check, memory)

    def test_unasked(self) -> None:
        """Who did not ask for it hears nothing of them."""
        fake, _ = self.tell(NONE)
        self.assertEqual(fake.data(b"R"), [b"<alice@example.org>\0"])

    def test_told(self) -> None:
        """Address, and in the macros "error", enhanced code and text."""
        fake, _ = self.tell(Step.REJECTED_RECIPIENTS)
        self.assertEqual(
            fake.data(b"R"),
            [
                b"<nobody@example.org>\0",
                b"<x@elsewhere.example>\0",
                b"<later@example.org>\0",
                b"<spam@example.org>\0",
                b"<alice@example.org>\0",
            ],
        )
        told = [one for one in fake.data(b"D") if one[:1] == b"R"]
        for one, host, text in zip(
            told,
            (b"5.1.1", b"5.7.1", b"4.3.0", b"5.7.9"),
            (b"No such", b"", b"", b"Listed by bl\0"),
            strict=False,
        ):
            self.assertTrue(one.startswith(b"R{rcpt_addr}\0" + text), one)
            self.assertIn(b"\0{rcpt_host}\0%b\0{rcpt_mailer}\0error\0" % host, one)
            self.assertNotIn(b"secret", one)
        self.assertEqual(
            told[-1], b"R{rcpt_addr}\0alice@example.org\0{rcpt_host}\0example.org\0"
        )

    def test_answer(self) -> None:
        """What the milter says to it changes nothing; the message goes on."""
        for answer in (raw_packet(b"d"), raw_packet(b"r"), raw_packet(b"a")):
            fake = FakeMilter(Step.REJECTED_RECIPIENTS, R=answer)
            check = Milter(fake.endpoint, MemoryIntake())
            memory = self.message(check)
            refusal = NoSuchUser("nobody")
            self.run_now(check.rejected(memory, rcpt("no@example.org"), refusal))
            self.assertIsNone(check.content(memory, MESSAGE))
            self.assertIs(self.run_now(check.end(memory)).decision, Decision.NEUTRAL)

    def test_forgotten(self) -> None:
        """What was said of one is not left standing for the next."""
        fake = FakeMilter(
            Step.REJECTED_RECIPIENTS,
            actions=0x100,
            macros=b"\0\0\0\x03{rcpt_mailer}\0",
        )
        check = Milter(fake.endpoint, MemoryIntake())
        memory = self.message(check)
        refusal = NoSuchUser("nobody")
        self.run_now(check.rejected(memory, rcpt("no@example.org"), refusal))
        self.says(check.rcpt(memory, rcpt()), None)
        told = [one for one in fake.data(b"D") if one[:1] == b"R"]
        self.assertEqual(told, [b"R{rcpt_mailer}\0error\0", b"R"])

    def test_settled(self) -> None:
        """A milter that has seen enough is not told of them either."""
        fake = FakeMilter(Step.REJECTED_RECIPIENTS, M=raw_packet(b"a"))
        check = Milter(fake.endpoint, MemoryIntake())
        memory = self.message(check)
        refusal = NoSuchUser("nobody")
        self.run_now(check.rejected(memory, rcpt("no@example.org"), refusal))
        self.assertEqual(fake.data(b"R"), [])
