"""What clients are called."""

from mailframe.policy.client_name import NAMELESS, UNKNOWN, ClientName, client_name
from tests.policy.world import DictResolver, PolicyTestCase, origin

FOUR = "1.2.0.192.in-addr.arpa"
SIX = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"


class ClientNameTests(PolicyTestCase):
    """A name counts when it leads back."""

    def name(self, address: str | None, **names: object) -> ClientName:
        """Return the names of a client, where DNS says this."""
        records = {
            (FOUR, "PTR"): names.get("four", ["mx.example"]),
            (SIX, "PTR"): ["six.example"],
            ("mx.example", "A"): names.get("back", ["192.0.2.9", "192.0.2.1"]),
            ("six.example", "AAAA"): ["2001:db8::1"],
        }
        resolver = DictResolver(records)  # type: ignore[arg-type]
        where = origin(client_address=address)
        found: ClientName = self.run_now(client_name(resolver, where))
        return found

    def test_verified(self) -> None:
        """There and back, for both families."""
        expected = ClientName("mx.example", "mx.example")
        self.assertEqual(self.name("192.0.2.1"), expected)
        self.assertEqual(self.name("::ffff:192.0.2.1"), expected)
        six = ClientName("six.example", "six.example")
        self.assertEqual(self.name("2001:db8::1"), six)

    def test_not_verified(self) -> None:
        """A name that leads elsewhere, or nowhere, or cannot be looked up now."""
        for back in (["192.0.2.9"], [], None):
            found = self.name("192.0.2.1", back=back)
            self.assertEqual(found, ClientName(UNKNOWN, "mx.example"))
        found = self.name("192.0.2.1", four=["bad name\n", "gone.example"])
        self.assertEqual(found, ClientName(UNKNOWN, "gone.example"))

    def test_nameless(self) -> None:
        """No name, none that is one, none now; no address; nobody to ask."""
        for four in ([], ["a b", "x", "", "a=b.example"], None):
            self.assertEqual(self.name("192.0.2.1", four=four), NAMELESS)
        for address in ("198.51.100.1", None, "nonsense"):
            self.assertEqual(self.name(address), NAMELESS)
        self.assertEqual(self.run_now(client_name(None, origin())), NAMELESS)

    def test_said_by_a_proxy(self) -> None:
        """Nobody is asked then (XCLIENT)."""
        for said, expected in (
            ({"client_name": "a.example"}, ClientName("a.example", UNKNOWN)),
            ({"reverse_name": "b.example"}, ClientName(UNKNOWN, "b.example")),
        ):
            found = self.run_now(client_name(DictResolver({}), origin(**said)))
            self.assertEqual(found, expected)
