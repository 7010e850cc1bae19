"""Tests of :mod:`mailframe.outbound_senders`."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.model.address import Address
from mailframe.model.envelope import Envelope, ForwardPath, Origin, ReversePath
from mailframe.outbound_senders import Senders


class SendersTests(SynchronousTestCase):
    """Who wrote what."""

    def test_forged(self) -> None:
        """Our address, from elsewhere, without a login; nothing else."""
        senders = Senders(["example.org", "köln.example"], ["192.0.2.0/24"])
        for sender, service, client, user, forged in (
            ("example.org", "smtp", "198.51.100.1", None, True),
            ("EXAMPLE.org", "smtp", "2001:db8::1", None, True),
            ("xn--kln-sna.example", "smtp", "198.51.100.1", None, True),
            ("example.org", "smtp", "192.0.2.7", None, False),
            ("example.org", "smtp", "127.0.0.1", None, False),
            ("example.org", "smtp", "::1", None, False),
            ("example.org", "submission", "198.51.100.1", "ann@example.org", False),
            ("example.org", "local", None, None, False),
            ("example.net", "smtp", "198.51.100.1", None, False),
            (None, "smtp", "198.51.100.1", None, False),
        ):
            address = None if sender is None else Address("ann", sender)
            envelope = Envelope(
                ReversePath(address),
                (ForwardPath(Address("bob", "example.com")),),
                Origin(service, "ESMTP", "x", client, "mail.example.org", user),
            )
            self.assertEqual(senders.is_forged(envelope), forged, (sender, client))
