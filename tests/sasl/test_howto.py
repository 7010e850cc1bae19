"""The code of ``docs/howto/sasl.rst`` is whole and does what the text says."""

import re
from pathlib import Path
from textwrap import dedent
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mailframe.interfaces.credentials import IScramKeySource
from mailframe.model.secret import Secret
from mailframe.sasl.client import Carrier, ClientExchange, Login, best
from mailframe.sasl.mechanism import Success
from mailframe.sasl.mechanisms import offered
from tests.sasl.world import Dialogue, connection, let_in, portal

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "sasl.rst"

_BLOCK = re.compile(
    r"^``scram_checker.py``:\n\n\.\. code-block:: python\n\n((?:(?: {3}.*)?\n)+)",
    re.MULTILINE,
)


class HowtoTests(SynchronousTestCase):
    """The checker of the page serves SCRAM."""

    def test_checker(self) -> None:
        """The right password gets in, a wrong one and nobody's do not."""
        found = _BLOCK.search(PAGE.read_text("utf-8"))
        assert found is not None
        names: dict[str, Any] = {}
        exec(dedent(found[1]), names)
        checker = names["ScramChecker"]({b"ann": b"open sesame"}, b"key")
        verifyObject(IScramKeySource, checker)
        door = portal(checker)
        self.assertEqual(
            offered(door, connection()), ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")
        )
        for name, password, right in (
            (b"ann", b"open sesame", True),
            (b"ann", b"guess", False),
            (b"bob", b"open sesame", False),
        ):
            chosen = best(
                ("SCRAM-SHA-256",),
                Login(name, Secret(password)),
                Carrier(True, b"n" * 18),
            )
            assert chosen is not None
            client = ClientExchange(chosen)
            server = Dialogue("SCRAM-SHA-256", door, connection())
            answer = server.begin(client.begin())
            while isinstance(answer, bytes):
                answer = server.feed(client.feed(answer))
            assert isinstance(answer, Success)
            self.assertEqual(let_in(door, answer), right)
