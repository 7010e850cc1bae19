"""Tests of :mod:`mailframe.sasl.exchange`."""

from base64 import b64encode

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax, LineTooLong
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.sasl.exchange import Cancelled, Exchange
from mailframe.sasl.mechanism import Success

PLAIN = b64encode(b"\0tim\0tanstaaftanstaaf")


class ExchangeTests(SynchronousTestCase):
    """Lines of base64 become credentials, whatever protocol carries them."""

    def credentials(self, answer: object) -> tuple[bytes, bytes]:
        """Return what a finished dialogue gave."""
        assert isinstance(answer, Success), answer
        return answer.credentials.username, answer.credentials.password

    def test_initial_response(self) -> None:
        """With an initial response PLAIN is done at once.

        Source: RFC 4616 section 4, RFC 4959 section 3.
        """
        answer = Exchange("PLAIN").begin(PLAIN)
        self.assertEqual(self.credentials(answer), (b"tim", b"tanstaaftanstaaf"))

    def test_empty_challenge(self) -> None:
        """Without one the client is asked with an empty challenge."""
        exchange = Exchange("plain")
        self.assertEqual(exchange.begin(), b"")
        self.assertEqual(
            self.credentials(exchange.feed(PLAIN)), (b"tim", b"tanstaaftanstaaf")
        )

    def test_login_dialogue(self) -> None:
        """LOGIN asks for the name, then for the password."""
        exchange = Exchange("LOGIN")
        self.assertEqual(exchange.begin(), b"VXNlcm5hbWU6")
        self.assertEqual(exchange.feed(b64encode(b"tim")), b"UGFzc3dvcmQ6")
        self.assertEqual(
            self.credentials(exchange.feed(b64encode(b"pw"))), (b"tim", b"pw")
        )

    def test_login_initial_response(self) -> None:
        """LOGIN takes an initial response as the name."""
        exchange = Exchange("LOGIN")
        self.assertEqual(exchange.begin(b64encode(b"tim")), b"UGFzc3dvcmQ6")
        self.assertEqual(
            self.credentials(exchange.feed(b64encode(b"pw"))), (b"tim", b"pw")
        )

    def test_empty_initial_response(self) -> None:
        """A lone ``=`` is an empty response, and no place else is it base64.

        Source: RFC 4959 section 3.
        """
        exchange = Exchange("LOGIN")
        self.assertEqual(exchange.begin(b"="), b"UGFzc3dvcmQ6")
        self.assertRaises(BadSyntax, exchange.feed, b"=")
        self.assertRaises(BadSyntax, Exchange("PLAIN").begin, b"=")

    def test_cancel(self) -> None:
        """A lone ``*`` ends the dialogue; as an initial response it is not base64."""
        exchange = Exchange("PLAIN")
        exchange.begin()
        self.assertRaises(Cancelled, exchange.feed, b"*")
        with self.assertRaises(BadSyntax) as caught:
            Exchange("PLAIN").begin(b"*")
        self.assertNotIsInstance(caught.exception, Cancelled)

    def test_line_bound(self) -> None:
        """A line may have as many octets as it was said, and not one more."""
        exchange = Exchange("LOGIN", max_line=8)
        self.assertEqual(exchange.begin(b"QUFBQUFB"), b"UGFzc3dvcmQ6")
        self.assertRaises(LineTooLong, exchange.feed, b"QUFBQUFBQUFB")

    def test_unknown_mechanism(self) -> None:
        """A mechanism nobody offered cannot begin."""
        self.assertRaises(BadSyntax, Exchange, "X-NONE")

    def test_error_tells_nothing(self) -> None:
        """An error repeats nothing of what the client sent, nor does its cause."""
        with self.assertRaises(BadSyntax) as caught:
            Exchange("PLAIN").begin(b"c2VjcmV0!")
        self.assertNotIn("c2VjcmV0", repr(caught.exception))
        self.assertIsNone(caught.exception.__context__)

    def test_base64_is_strict(self) -> None:
        """Lengths and pads must fit, and there is nothing but the alphabet.

        Source: RFC 9051 section 9.
        """
        for line in (
            b"A", b"AA", b"AAA", b"AAAAA", b"AA=", b"A===", b"AAA==", b"====",
            b"AAAA=", b"AAAA==", b"AAAA====", b"AA==AAAA", b"AA=A", b"=AAA",
            b"AA A", b"AAA\n", b"AAAA\n", b"AAA\r", b"AA-_", b"AAA*", b"AAA\xff",
        ):  # fmt: skip
            exchange = Exchange("LOGIN")
            exchange.begin()
            self.assertRaises(BadSyntax, exchange.feed, line)

    @settings(max_examples=50, deadline=None)
    @given(st.binary())
    def test_base64_round_trip(self, octets: bytes) -> None:
        """What was encoded arrives."""
        exchange = Exchange("LOGIN")
        exchange.begin(b64encode(b"tim"))
        try:
            answer = exchange.feed(b64encode(octets))
        except UnauthorizedLogin:
            return
        self.assertEqual(self.credentials(answer), (b"tim", octets))

    @settings(max_examples=100, deadline=None)
    @given(st.sampled_from(["PLAIN", "LOGIN"]), st.lists(st.binary(), max_size=3))
    def test_any_octets(self, name: str, responses: list[bytes]) -> None:
        """Whatever the responses are, nothing but the promised errors comes out."""
        exchange = Exchange(name)
        answer = exchange.begin()
        for response in responses:
            if isinstance(answer, Success):
                break
            try:
                answer = exchange.feed(b64encode(response))
            except (BadSyntax, UnauthorizedLogin):
                break
