"""Address literals of this host."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.delivery.own_addresses import OwnAddresses


class OwnAddressesTests(SynchronousTestCase):
    """RFC 5321 section 4.1.3."""

    def test_any_spelling(self) -> None:
        """One address is one address, however it is written."""
        own = OwnAddresses(["192.0.2.1", "2001:DB8:0::1"])
        for literal in (
            "[192.0.2.1]",
            "[IPv6:::ffff:192.0.2.1]",
            "[ipv6:::ffff:c000:201]",
            "[IPv6:2001:db8::1]",
            "[ipv6:2001:0db8:0000:0000:0000:0000:0000:0001]",
        ):
            self.assertTrue(own.has(literal), literal)

    def test_others(self) -> None:
        """Neither other addresses nor what is no literal."""
        own = OwnAddresses(["192.0.2.1"])
        for domain in (
            "[192.0.2.2]",
            "[IPv6:2001:db8::1]",
            "192.0.2.1",
            "[192.0.2.1",
            "[x400:192.0.2.1]",
            "[]",
            "[IPv6:]",
            "",
            "example.org",
        ):
            self.assertFalse(own.has(domain), domain)

    def test_reached(self) -> None:
        """What a client has connected to counts for that client."""
        own = OwnAddresses()
        self.assertTrue(own.has("[192.0.2.1]", "::ffff:192.0.2.1"))
        self.assertTrue(own.has("[IPv6:fe80::1]", "fe80::1%eth0"))
        self.assertFalse(own.has("[192.0.2.1]", "192.0.2.2"))
        self.assertFalse(own.has("[192.0.2.1]", None))

    def test_learned(self) -> None:
        """Addresses that are listened on; every interface is no address."""
        own = OwnAddresses()
        for text in ("192.0.2.1", "fe80::1%eth0", "0.0.0.0", "::", "/run/lmtp", ""):
            own.learn(text)
        self.assertTrue(own.has("[192.0.2.1]"))
        self.assertTrue(own.has("[IPv6:fe80::1]"))
        self.assertFalse(own.has("[0.0.0.0]"))
        self.assertFalse(own.has("[IPv6:::]"))

    def test_no_address(self) -> None:
        """An operator's mistake is told."""
        with self.assertRaises(ValueError):
            OwnAddresses(["mx.example.org"])
