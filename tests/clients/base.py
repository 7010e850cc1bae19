"""What every test with a real client needs: one host for its class."""

from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.host import Host

PASSWORD = {"alice": "alice-secret", "bob": "bob-secret"}


class ClientTestCase(SynchronousTestCase):
    """Tests that share one running host."""

    host: ClassVar[Host]

    @classmethod
    def setUpClass(cls) -> None:
        """Start the host."""
        cls.host = Host()

    @classmethod
    def tearDownClass(cls) -> None:
        """Stop it; a traceback in its log fails the class."""
        cls.host.close()
