"""The policy delegation client, against a service of the test."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from mailframe.errors import BadSyntax, TemporaryFailure, TooLarge
from mailframe.interfaces.check import (
    AddRecipient,
    Decision,
    IDataCheck,
    IInquiryCheck,
    Redirect,
)
from mailframe.model.address import Address
from mailframe.model.client_certificate import ClientCertificate
from mailframe.model.envelope import ReversePath
from mailframe.policy import delegation_codec as codec
from mailframe.policy.delegation import STATES, USUAL_STATES, PolicyService
from tests.policy.fake_endpoint import FakeEndpoint
from tests.policy.world import DictResolver, PolicyTestCase, origin, rcpt

NEUTRAL = Decision.NEUTRAL
DUNNO = b"action=DUNNO\n\n"
_WORDS = {"CONNECT": "connect", "RCPT": "rcpt", "DATA": "data"}


class CodecTests(PolicyTestCase):
    """Questions and answers as octets."""

    def test_question(self) -> None:
        """A line each; nothing a peer said ends one."""
        found = codec.question({"a": "1", "helo_name": "x\naction=OK\n\n", "c": "é"})
        self.assertEqual(found, "a=1\nhelo_name=x action=OK  \nc=é\n\n".encode())

    def test_answers(self) -> None:
        """However they come."""
        octets = b"action=DUNNO\n\nother=1\naction=reject no\r\n\r\n"
        for size in (1, 3, 100):
            reader = codec.AnswerReader()
            found = []
            for start in range(0, len(octets), size):
                found += reader.receive(octets[start : start + size])
            self.assertEqual(found, ["DUNNO", "reject no"])

    def test_bad_answers(self) -> None:
        """No action, and no end."""
        with self.assertRaises(BadSyntax):
            codec.AnswerReader().receive(b"what=ever\n\n")
        with self.assertRaises(TooLarge):
            codec.AnswerReader().receive(b"x" * 70_000)

    def test_actions(self) -> None:
        """Each becomes a verdict, or none."""
        for action, decision, code, enhanced, text in (
            ("OK", Decision.ACCEPT, 0, "", ""),
            ("reject", Decision.REFUSE, 0, "", ""),
            ("REJECT 5.7.9 no way", Decision.REFUSE, 0, "5.7.9", "no way"),
            ("DEFER_IF_PERMIT greylisted", Decision.DEFER, 0, "", "greylisted"),
            ("defer", Decision.DEFER, 0, "", ""),
            ("450 4.7.1 later", Decision.DEFER, 450, "4.7.1", "later"),
            ("554 no", Decision.REFUSE, 554, "", "no"),
            ("DISCARD", Decision.DISCARD, 0, "", ""),
            ("HOLD odd", Decision.QUARANTINE, 0, "", "odd"),
        ):
            found = codec.verdict(action)
            assert found is not None
            self.assertIs(found.decision, decision)
            self.assertEqual(
                (found.code, found.enhanced, found.text), (code, enhanced, text)
            )
        for action in ("DUNNO", "", "warn look", "DEFER_IF_REJECT x"):
            self.assertIsNone(codec.verdict(action))
        found = codec.verdict("PREPEND X-Policy: seen")
        assert found is not None
        self.assertEqual(found.header, b"X-Policy: seen\r\n")
        for action, edit in (
            ("BCC x@y.example", AddRecipient(Address("x", "y.example"))),
            ("redirect <x@y.example>", Redirect(Address("x", "y.example"))),
        ):
            found = codec.verdict(action)
            assert found is not None
            self.assertEqual((found.decision, found.envelope), (NEUTRAL, (edit,)))
        for action in ("FILTER smtp:x", "REDIRECT x", "PREPEND", "nonsense"):
            with self.assertRaises(BadSyntax):
                codec.verdict(action)

    @settings(max_examples=100, deadline=None)
    @given(st.binary(max_size=60))
    def test_anything(self, octets: bytes) -> None:
        """Any octets are answers, or refused."""
        try:
            for action in codec.AnswerReader().receive(octets + b"\n\n"):
                codec.verdict(action)
        except BadSyntax:
            pass


class Service:
    """Answers with what it is told, and keeps the questions."""

    def __init__(self, *answers: bytes | None) -> None:
        """Give these answers in turn, then no opinion."""
        self.answers = list(answers)
        self.questions: list[dict[str, str]] = []
        self.endpoint = FakeEndpoint(lambda: self._answer)

    def _answer(self, octets: bytes) -> bytes | None:
        lines = octets.decode().split("\n")
        assert lines[-2:] == ["", ""]
        self.questions.append(dict(line.split("=", 1) for line in lines[:-2]))
        return self.answers.pop(0) if self.answers else DUNNO


class PolicyServiceTests(PolicyTestCase):
    """One service."""

    def test_question(self) -> None:
        """What Postfix tells, we tell."""
        service = Service()
        check = PolicyService(service.endpoint, context="mx")
        memory = self.message(
            check,
            user="u@example.org",
            login_method="PLAIN",
            tls="TLSv1.3 AES",
            tls_bits=256,
            certificate=ClientCertificate("c=d", "é", "AB:CD", "EF:01"),
            protocol="UTF8SMTPSA",
            client_port=50_000,
            server_address="192.0.2.2",
            server_port=25,
        )
        self.says(check.rcpt(memory, rcpt()), None)
        (found,) = service.questions
        for name, value in (
            ("request", "smtpd_access_policy"),
            ("protocol_state", "RCPT"),
            ("protocol_name", "ESMTP"),
            ("helo_name", "client.example"),
            ("sender", "sender@b.example"),
            ("recipient", "alice@example.org"),
            ("client_address", "192.0.2.1"),
            ("client_port", "50000"),
            ("sasl_method", "PLAIN"),
            ("sasl_username", "u@example.org"),
            ("recipient_count", "0"),
            ("encryption_cipher", "AES"),
            ("encryption_keysize", "256"),
            ("ccert_subject", "c+3Dd"),
            ("ccert_issuer", "+C3+A9"),
            ("ccert_fingerprint", "AB:CD"),
            ("ccert_pubkey_fingerprint", "EF:01"),
            ("etrn_domain", ""),
            ("server_port", "25"),
            ("server_address", "192.0.2.2"),
            ("encryption_protocol", "TLSv1.3"),
            ("policy_context", "mx"),
        ):
            self.assertEqual(found[name], value)

    def test_names(self) -> None:
        """What the client is called, where that is asked."""
        service = Service()
        resolver = DictResolver(
            {
                ("1.2.0.192.in-addr.arpa", "PTR"): ["client.example"],
                ("client.example", "A"): ["192.0.2.1"],
            }
        )
        check = PolicyService(service.endpoint, resolver=resolver)
        self.says(check.rcpt(self.message(check), rcpt()), None)
        (found,) = service.questions
        self.assertEqual(found["client_name"], "client.example")
        self.assertEqual(found["reverse_client_name"], "client.example")

    def test_instances(self) -> None:
        """All questions of one message have one instance; its end, a count."""
        service = Service(DUNNO, b"action=REJECT\n\n")
        check = PolicyService(service.endpoint, states=("rcpt", "end"))
        memory = self.message(check)
        self.says(check.rcpt(memory, rcpt()), None)
        memory["recipients"].append(rcpt().address)
        self.says(check.rcpt(memory, rcpt()), Decision.REFUSE)
        for octets in (b"12345", b"67"):
            check.content(memory, octets)
        self.says(check.end(memory), None)
        self.says(check.rcpt(self.message(check), rcpt()), None)
        instances = [one["instance"] for one in service.questions]
        self.assertEqual(len(set(instances[:3])), 1)
        self.assertNotEqual(instances[0], instances[3])
        end = service.questions[2]
        self.assertEqual(end["protocol_state"], "END-OF-MESSAGE")
        self.assertEqual(end["recipient_count"], "1")
        self.assertEqual(end["recipient"], "alice@example.org")
        self.assertEqual(end["size"], "7")
        self.says(PolicyService(service.endpoint).end(memory), None)
        self.assertEqual(len(service.questions), 4)

    def test_powers(self) -> None:
        """It can be asked before the content, and about questions."""
        check = PolicyService(Service().endpoint)
        verifyObject(IDataCheck, check)
        verifyObject(IInquiryCheck, check)

    def test_states(self) -> None:
        """Where it is asked it is told what Postfix tells there; elsewhere nothing."""
        for states, expected in (
            (STATES, STATES),
            (USUAL_STATES, ("rcpt", "rcpt")),
            (("connect", "data"), ("connect", "data")),
            ((), ()),
        ):
            service = Service()
            self._whole_session(PolicyService(service.endpoint, states=states))
            names = [one["protocol_state"] for one in service.questions]
            if states is STATES:
                self._check_session(service.questions)
            else:
                self.assertEqual([_WORDS.get(one) for one in names], list(expected))

    def _whole_session(self, check: PolicyService) -> None:
        where = origin(helo="", protocol="SMTP", client_port=50_000)
        self.says(check.connect(where), None)
        self.says(check.helo(replace(where, helo="c.example")), None)
        where = replace(where, helo="c.example", protocol="ESMTPS", tls="TLSv1.3 AES")
        self.says(check.helo(where), None)
        self.says(check.vrfy(where, "bob"), None)
        self.says(check.etrn(where, "b.example"), None)
        memory: dict[str, Any] = {"id": "ID1", "recipients": []}
        path = ReversePath(Address("x", "b.example"), size=100)
        self.says(check.mail(memory, where, path), None)
        for name in ("alice@example.org", "bob@example.org"):
            self.says(check.rcpt(memory, rcpt(name)), None)
            memory["recipients"].append(rcpt(name).address)
        self.says(check.data(memory), None)
        check.content(memory, b"12345")
        self.says(check.end(memory), None)

    def _check_session(self, questions: list[dict[str, str]]) -> None:
        names = (
            *("protocol_state", "protocol_name", "helo_name", "sender", "recipient"),
            *("recipient_count", "size", "etrn_domain", "queue_id"),
        )
        c, x = "c.example", "x@b.example"
        alice, bob = "alice@example.org", "bob@example.org"
        self.assertEqual(
            [tuple(one[name] for name in names) for one in questions],
            [
                ("CONNECT", "SMTP", "", "", "", "0", "0", "", ""),
                ("HELO", "SMTP", c, "", "", "0", "0", "", ""),
                ("EHLO", "ESMTP", c, "", "", "0", "0", "", ""),
                ("VRFY", "ESMTP", c, "", "bob", "0", "0", "", ""),
                ("ETRN", "ESMTP", c, "", "", "0", "0", "b.example", ""),
                ("MAIL", "ESMTP", c, x, "", "0", "100", "", "ID1"),
                ("RCPT", "ESMTP", c, x, alice, "0", "100", "", "ID1"),
                ("RCPT", "ESMTP", c, x, bob, "0", "100", "", "ID1"),
                ("DATA", "ESMTP", c, x, "", "2", "100", "", "ID1"),
                ("END-OF-MESSAGE", "ESMTP", c, x, "", "2", "5", "", "ID1"),
            ],
        )
        # Only what is about one message has an instance.
        instances = [one["instance"] for one in questions]
        self.assertEqual(instances, [""] * 5 + [instances[5]] * 5)
        self.assertTrue(all(one["client_port"] == "50000" for one in questions))

    def test_same_connection(self) -> None:
        """Questions of one message go where those before went, if that is free."""
        service = Service(*[b""] * 2)
        check = PolicyService(service.endpoint)
        first, second = self.message(check), self.message(check)
        both = [
            Deferred.fromCoroutine(check.rcpt(one, rcpt())) for one in (first, second)
        ]
        for transport, asking in zip(service.endpoint.transports, both, strict=True):
            transport._protocol.dataReceived(DUNNO)
            self.assertIsNone(self.successResultOf(asking))
        for memory in (first, second, first, second):
            self.says(check.rcpt(memory, rcpt()), None)
        said = [
            [
                line.partition(b"=")[2]
                for line in transport.value().splitlines()
                if line.startswith(b"instance=")
            ]
            for transport in service.endpoint.transports
        ]
        self.assertEqual([len(one) for one in said], [3, 3])
        self.assertEqual([len(set(one)) for one in said], [1, 1])
        service.endpoint.transports[0].hang_up()
        self.says(check.rcpt(first, rcpt()), None)
        self.assertEqual(len(service.endpoint.transports), 2)

    def test_connections(self) -> None:
        """One is used again, and a fresh one is made when it was closed."""
        service = Service()
        check = PolicyService(service.endpoint)
        memory = self.message(check)
        for _ in range(3):
            self.says(check.rcpt(memory, rcpt()), None)
        self.assertEqual(len(service.endpoint.transports), 1)
        service.endpoint.transports[0].hang_up()
        self.says(check.rcpt(memory, rcpt()), None)
        self.assertEqual(len(service.endpoint.transports), 2)
        check.close()
        self.assertTrue(service.endpoint.transports[1].gone)

    def test_closed_while_asked(self) -> None:
        """A connection that was kept is given one more try on a fresh one."""
        service = Service(DUNNO, None)
        check = PolicyService(service.endpoint)
        memory = self.message(check)
        for _ in range(2):
            self.says(check.rcpt(memory, rcpt()), None)
        self.assertEqual(len(service.endpoint.transports), 2)

    def test_away(self) -> None:
        """No service, or one that hangs up on every question."""
        check = PolicyService(Service(None).endpoint)
        memory = self.message(check)
        self.fails(check.rcpt(memory, rcpt()), TemporaryFailure)
        service = Service()
        service.endpoint.closed = True
        check = PolicyService(service.endpoint)
        self.fails(check.rcpt(self.message(check), rcpt()), TemporaryFailure)

    def test_nonsense(self) -> None:
        """Two answers, no action, an action nobody knows."""
        for answer in (b"what\n\n", b"action=FILTER x\n\n"):
            check = PolicyService(Service(answer).endpoint)
            self.fails(check.rcpt(self.message(check), rcpt()), BadSyntax)
        service = Service(DUNNO + b"action=OK\n\n")
        check = PolicyService(service.endpoint)
        memory = self.message(check)
        self.fails(check.rcpt(memory, rcpt()), TemporaryFailure)
        self.assertTrue(service.endpoint.transports[0].gone)

    def test_bound(self) -> None:
        """No more connections than allowed; who gives up is forgotten."""
        service = Service(b"", b"")
        check = PolicyService(service.endpoint, connections=2)
        memory = self.message(check)
        asking = [Deferred.fromCoroutine(check.rcpt(memory, rcpt())) for _ in range(3)]
        self.assertEqual(len(service.endpoint.transports), 2)
        asking[0].addErrback(lambda failure: None)
        asking[0].cancel()
        self.assertTrue(service.endpoint.transports[0].gone)
        self.assertIsNone(self.successResultOf(asking[2]))
        service.endpoint.transports[1]._protocol.dataReceived(DUNNO)
        self.assertIsNone(self.successResultOf(asking[1]))

    def test_origin(self) -> None:
        """A client without an address, and the null sender, can be told of."""
        service = Service()
        check = PolicyService(service.endpoint)
        memory = self.message(check, None, client_address=None)
        self.says(check.rcpt(memory, rcpt()), None)
        self.assertEqual(service.questions[0]["sender"], "")
        self.assertIsNotNone(origin())
