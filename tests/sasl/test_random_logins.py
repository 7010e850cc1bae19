"""Random logins: whatever a client sends, a session answers or ends."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz import login_million


class RandomTests(SynchronousTestCase):
    """A short piece of what ``tests.fuzz.login_million`` does for long."""

    @settings(max_examples=150, deadline=None)
    @given(st.integers(0, 2**32))
    def test_sessions(self, seed: int) -> None:
        """POP3 sessions, and SASL in all protocols."""
        self.assertGreater(login_million.try_session(random.Random(seed)), 0)

    def test_recorded(self) -> None:
        """The dialogues that are bent are good ones as long as they are straight."""
        lines = login_million.RECORDED.lines
        self.assertEqual(lines["PLAIN"][0], b"AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==")
        self.assertEqual(
            [len(lines[name]) for name in ("LOGIN", "SCRAM-SHA-1")], [2, 3]
        )
