"""What every test with a real client needs: a host."""

from twisted.trial.unittest import SynchronousTestCase

from tests.host import Host

PASSWORD = {"alice": "alice-secret", "bob": "bob-secret"}


class ClientTestCase(SynchronousTestCase):
    """Tests that each have a running host; a traceback in its log fails them."""

    def setUp(self) -> None:
        """Start it."""
        self.host = Host()
        self.addCleanup(self.host.close)
