"""Random and mutated input: nothing but replies comes of it."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax
from mailframe.smtp import client_commands, grammar
from mailframe.smtp.extensions import dsn
from mailframe.testing.transcript import FakeConnection
from tests.fuzz import smtp_million
from tests.smtp.world import World

_PRINTABLE = st.text(
    st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")), max_size=60
)


class RandomInputTests(SynchronousTestCase):
    """A short piece of what ``tests.fuzz.smtp_million`` does for long."""

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 2**32))
    def test_sessions(self, seed: int) -> None:
        """A session answers all it is sent, and reports no bug."""
        self.assertGreater(smtp_million.try_session(random.Random(seed)), 0)

    @settings(max_examples=100, deadline=None)
    @given(st.integers(0, 2**32))
    def test_grammar(self, seed: int) -> None:
        """The grammar raises BadSyntax or nothing."""
        self.assertEqual(smtp_million.try_grammar(random.Random(seed)), 1)

    @settings(max_examples=100, deadline=None)
    @given(st.text(max_size=40))
    def test_any_text(self, text: str) -> None:
        """The same for text of all sorts."""
        for function in smtp_million.GRAMMAR:
            try:
                function(text)
            except BadSyntax as error:
                self.assertTrue(error.expected)

    def test_a_bug_is_seen(self) -> None:
        """The long run stops at a bug of ours."""
        world = World()
        server = world.server()
        server.connected(FakeConnection())
        server.receive(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<bug@b.example>\r\n")
        self.assertRaises(AssertionError, smtp_million.drive, server, world)

    @settings(max_examples=100, deadline=None)
    @given(_PRINTABLE)
    def test_xtext(self, text: str) -> None:
        """What our client says in xtext, our server reads (RFC 3461 section 4)."""
        self.assertEqual(grammar.xtext(client_commands.xtext(text)), text)

    @settings(max_examples=100, deadline=None)
    @given(_PRINTABLE.filter(bool))
    def test_utf8_xtext(self, text: str) -> None:
        """The same for an address beyond ASCII (RFC 6533 section 3)."""
        said = f"utf-8;{client_commands.utf8_xtext(text)}"
        session = World().server()._session
        if len(said) <= dsn.MAX_ORCPT:
            self.assertEqual(dsn.orcpt(session, said), ("utf-8", text))
