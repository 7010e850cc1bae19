"""Senders rewritten, and back."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock

from mailframe.delivery.srs import SRS, read_secrets
from mailframe.errors import NoSuchUser
from mailframe.model.address import Address
from tests.delivery.world import DeliveryTestCase

SECRET = b"sixteen octets!!"
DAY = 86_400


class SRSTests(DeliveryTestCase):
    """One host, or two."""

    def setUp(self) -> None:
        """A host with a clock."""
        self.clock = Clock()
        self.clock.advance(1000 * DAY)
        self.srs = SRS("example.org", [SECRET], self.clock.seconds)

    def test_there_and_back(self) -> None:
        """A report reaches the sender, whatever a host did to the case."""
        sender = Address("bob+tag", "Elsewhere.example".lower())
        ours = self.srs.forward(sender)
        self.assertEqual(ours.domain, "example.org")
        self.assertRegex(
            ours.local, r"^SRS0=[A-Z2-7]{8}=[A-Z2-7]{2}=elsewhere\.example=bob\+tag$"
        )
        self.assertEqual(self.srs.reverse(ours.local), sender)
        self.assertEqual(self.srs.reverse(ours.local.lower()), sender)

    def test_wide_domain(self) -> None:
        """A U-label goes out as an A-label."""
        ours = self.srs.forward(Address("x", "bücher.example"))
        self.assertIn("=xn--bcher-kva.example=", ours.local)

    def test_second_host(self) -> None:
        """SRS0 of another host becomes SRS1, and SRS1 does not grow."""
        other = SRS("two.example", [b"another sixteen octets"], self.clock.seconds)
        third = SRS("three.example", [b"third of sixteen octets"], self.clock.seconds)
        first = self.srs.forward(Address("bob", "b.example"))
        second = other.forward(first)
        self.assertTrue(second.local.startswith("SRS1="))
        again = third.forward(second)
        self.assertIn("=example.org=", again.local)
        self.assertNotIn("two.example", again.local)
        self.assertEqual(len(again.local), len(second.local))
        # A report goes from the last host straight to the first.
        self.assertEqual(third.reverse(again.local), first)
        self.assertEqual(other.reverse(second.local), first)

    def test_other_separators(self) -> None:
        """Some hosts write ``SRS0+`` or ``SRS0-``."""
        ours = self.srs.forward(Address("SRS0+abcd=ef=b.example=bob", "two.example"))
        self.assertEqual(
            self.srs.reverse(ours.local),
            Address("SRS0+abcd=ef=b.example=bob", "two.example"),
        )

    def test_expiry(self) -> None:
        """Three weeks, also where the count of days begins anew."""
        for start in (1000, 1020, 1023):
            self.clock.advance(start * DAY - self.clock.seconds())
            local = self.srs.forward(Address("bob", "b.example")).local
            self.clock.advance(21 * DAY)
            self.assertIsNotNone(self.srs.reverse(local))
            self.clock.advance(DAY)
            self.assertRaises(NoSuchUser, self.srs.reverse, local)

    def test_forgery(self) -> None:
        """Nothing that was not signed here is taken back."""
        local = self.srs.forward(Address("bob", "b.example")).local
        for forged in (
            local.replace("bob", "eve"),
            local.replace("b.example", "c.example"),
            local[:5] + ("A" if local[5] != "A" else "B") + local[6:],
            "SRS0=AAAAAAAA=AA=b.example=bob",
            "SRS0=",
            "srs1=x=y",
        ):
            self.assertRaises(NoSuchUser, self.srs.reverse, forged)
        self.assertIsNone(self.srs.reverse("bob"))
        self.assertIsNone(self.srs.reverse("srs0"))

    def test_new_secret(self) -> None:
        """Addresses signed with the old secret are still good."""
        local = self.srs.forward(Address("bob", "b.example")).local
        newer = SRS(
            "example.org", [b"a newer secret, long", SECRET], self.clock.seconds
        )
        self.assertIsNotNone(newer.reverse(local))
        self.assertRaises(
            NoSuchUser, self.srs.reverse, newer.forward(Address("x", "y.z")).local
        )

    def test_bad_settings(self) -> None:
        """Short secrets and strange times are refused."""
        for secrets, days in (([], 21), ([b"short"], 21), ([SECRET], 0)):
            with self.assertRaises(ValueError):
                SRS("example.org", secrets, self.clock.seconds, days)

    def test_secret_file(self) -> None:
        """One secret a line; a mistake is told of without the secret."""
        self.assertEqual(read_secrets(b"61 \n\n6263\n"), [b"a", b"bc"])
        with self.assertRaises(ValueError) as caught:
            read_secrets(b"61\nsecret\n")
        self.assertEqual(str(caught.exception), "line 2: not hexadecimal")

    @settings(max_examples=100, deadline=None)
    @given(
        st.text(min_size=1, max_size=40), st.sampled_from(["b.example", "[192.0.2.1]"])
    )
    def test_any_local_part(self, local: str, domain: str) -> None:
        """Every sender comes back as it was, but for nested SRS."""
        srs = SRS("example.org", [SECRET], lambda: 0.0)
        sender = Address(local, domain)
        self.assertEqual(srs.reverse(srs.forward(sender).local), sender)
