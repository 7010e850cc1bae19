"""What becomes of an address."""

from collections.abc import Mapping, Sequence
from typing import Any

from zope.interface import implementer

from mailframe.delivery.addresses import Addresses
from mailframe.delivery.destination import (
    Broken,
    Command,
    Destination,
    Elsewhere,
    File,
    Mailbox,
)
from mailframe.delivery.domains import Domains
from mailframe.delivery.local_users import LocalUsers
from mailframe.delivery.lookups.static import StaticTable
from mailframe.delivery.own_addresses import OwnAddresses
from mailframe.delivery.srs import SRS
from mailframe.errors import (
    LimitExceeded,
    MailLoop,
    NoSuchUser,
    NotPermitted,
    RelayDenied,
    TemporaryFailure,
)
from mailframe.interfaces.lookup import ILookup
from mailframe.limits import AddressLimits
from mailframe.model.address import Address
from tests.delivery.world import DeliveryTestCase, Directory

Table = Mapping[str, Sequence[str]]

LOCAL = ("example.org", "bücher.example")
VIRTUAL = ("virtual.example",)
RELAY = ("relay.example",)


@implementer(ILookup)
class BrokenTable:
    """Cannot be asked."""

    async def lookup(self, key: str) -> list[str] | None:
        """Fail."""
        raise TemporaryFailure("no table today")


def addresses(
    aliases: Table | None = None,
    virtual: Sequence[Table] = (),
    *,
    separators: str = "+",
    directory: Any = None,
    **more: Any,
) -> Addresses:
    """Return addresses of the test's users and tables."""
    return Addresses(
        LocalUsers(directory or Directory(), (*LOCAL, *VIRTUAL), separators=separators),
        Domains(LOCAL, VIRTUAL, RELAY),
        aliases=None if aliases is None else StaticTable(aliases),
        virtual=[StaticTable(table) for table in virtual],
        **more,
    )


class AddressesTestCase(DeliveryTestCase):
    """Asks."""

    def resolve(self, asked: Addresses, text: str, relay: bool = False) -> Any:
        """Return the destinations of ``local@domain``."""
        address = Address(*text.rsplit("@", 1)) if "@" in text else Address(text, "")
        return self.run_now(asked.resolve(address, relay))

    def places(self, asked: Addresses, text: str, relay: bool = False) -> list[str]:
        """Return where mail goes, as short texts."""
        return [_short(one) for one in self.resolve(asked, text, relay)]

    def refuses(self, asked: Addresses, text: str, kind: type) -> Exception:
        """Demand a refusal of this very kind."""
        return self.refused(asked.resolve(Address(*text.rsplit("@", 1)), False), kind)


def _short(destination: Destination) -> str:
    place = destination.place
    if isinstance(place, Mailbox):
        return place.user.partition("@")[0] + (f"+{place.detail}" * bool(place.detail))
    if isinstance(place, Elsewhere):
        return str(place.address)
    if isinstance(place, Broken):
        return f"!{place.address}"
    return f"|{place.line}" if isinstance(place, Command) else place.path


class KindsTests(AddressesTestCase):
    """Domains of several kinds."""

    def test_local_and_virtual(self) -> None:
        """Aliases(5) are for local domains only, virtual tables for both."""
        asked = addresses({"list": ["bob"]}, [{"info@virtual.example": ["carol"]}])
        self.assertEqual(self.places(asked, "list@example.org"), ["bob"])
        self.refuses(asked, "list@virtual.example", NoSuchUser)
        self.assertEqual(self.places(asked, "info@virtual.example"), ["carol"])

    def test_relay(self) -> None:
        """All of a relay domain, or those of its table."""
        self.assertEqual(
            self.places(addresses(), "x@relay.example"), ["x@relay.example"]
        )
        table = StaticTable({"x@relay.example": ["any"]})
        asked = addresses(relay_recipients=table)
        self.assertEqual(
            self.places(asked, "x+tag@relay.example"), ["x+tag@relay.example"]
        )
        self.refuses(asked, "y@relay.example", NoSuchUser)
        everybody = StaticTable({"@relay.example": ["any"]})
        asked = addresses(relay_recipients=everybody)
        self.assertEqual(self.places(asked, "y@relay.example"), ["y@relay.example"])

    def test_other(self) -> None:
        """Other hosts' domains are for those who may relay."""
        self.refuses(addresses(), "x@elsewhere.example", RelayDenied)
        (found,) = self.resolve(addresses(), "x@Elsewhere.example", relay=True)
        self.assertEqual(
            found, Destination(Elsewhere(Address("x", "elsewhere.example")))
        )

    def test_idn(self) -> None:
        """A-labels and U-labels are one domain."""
        for domain in ("bücher.example", "xn--bcher-kva.example", "BÜCHER.example"):
            self.assertEqual(self.places(addresses(), f"alice@{domain}"), ["alice"])
        found = self.resolve(addresses(), "x@xn--caf-dma.example", relay=True)
        self.assertEqual(found[0].place.address.domain, "café.example")

    def test_own_address_literals(self) -> None:
        """Address literals of this host are the default domain (RFC 5321 4.1.3)."""
        own = OwnAddresses(["192.0.2.2"])
        asked = addresses({"list": ["bob", "carol@[192.0.2.2]"]}, own=own)
        self.assertEqual(self.places(asked, "alice@[192.0.2.2]"), ["alice"])
        self.assertEqual(self.places(asked, "list@[192.0.2.2]"), ["bob", "carol"])
        self.refuses(asked, "mallory@[192.0.2.2]", NoSuchUser)
        self.refuses(asked, "alice@[192.0.2.3]", RelayDenied)
        # Only who has connected to it knows by it whose it is.
        reached = asked.resolve(Address("alice", "[192.0.2.3]"), False, "192.0.2.3")
        self.assertEqual(_short(self.run_now(reached)[0]), "alice")

    def test_two_kinds(self) -> None:
        """A domain is of one kind."""
        with self.assertRaises(ValueError):
            Domains(["a.example"], ["A.example"])
        domains = Domains(LOCAL, VIRTUAL, RELAY)
        self.assertEqual(domains.ours(), (*LOCAL, *VIRTUAL))
        self.assertIsNone(domains.kind("nowhere.example"))


class DetailTests(AddressesTestCase):
    """Subaddresses."""

    def test_detail(self) -> None:
        """The detail finds the user, and is kept."""
        self.assertEqual(self.places(addresses(), "bob+x@example.org"), ["bob+x"])
        self.assertEqual(self.places(addresses(), "bob+x+y@example.org"), ["bob+x+y"])

    def test_separators(self) -> None:
        """Any of them; none at all; not at the beginning."""
        asked = addresses(separators="+-")
        self.assertEqual(self.places(asked, "bob-x+y@example.org"), ["bob+x+y"])
        self.refuses(addresses(separators=""), "bob+x@example.org", NoSuchUser)
        self.refuses(addresses(), "+bob@example.org", NoSuchUser)

    def test_exact_goes_first(self) -> None:
        """An entry with the detail goes before one without."""
        asked = addresses({"bob+lists": ["carol"], "bob": ["alice"]})
        self.assertEqual(self.places(asked, "bob+lists@example.org"), ["carol"])
        self.assertEqual(self.places(asked, "bob+x@example.org"), ["alice"])

    def test_postmaster(self) -> None:
        """There always is one, with and without a detail or a domain."""
        for text in ("postmaster", "Postmaster@virtual.example", "postmaster+x"):
            self.assertEqual(
                self.places(addresses(), text)[0].partition("+")[0].lower(),
                "postmaster",
            )
        asked = addresses({"postmaster": ["alice"]})
        self.assertEqual(self.places(asked, "PostMaster@example.org"), ["alice"])


class TablesTests(AddressesTestCase):
    """Aliases and virtual addresses."""

    def test_nested(self) -> None:
        """Aliases of aliases, each place once."""
        asked = addresses(
            {"all": ["staff", "bob"], "staff": ["alice", "Bob", "x@elsewhere.example"]}
        )
        self.assertEqual(
            self.places(asked, "ALL@example.org"),
            ["alice", "!Bob@example.org", "x@elsewhere.example", "bob"],
        )

    def test_self(self) -> None:
        """An alias may name its own user."""
        asked = addresses({"alice": ["alice", "bob"]})
        self.assertEqual(self.places(asked, "alice@example.org"), ["alice", "bob"])

    def test_circle(self) -> None:
        """A circle ends where it began; there must be a user."""
        asked = addresses({"a": ["b"], "b": ["c"], "c": ["a"]})
        self.refuses(asked, "a@example.org", NoSuchUser)
        asked = addresses({"a": ["b"], "b": ["a", "carol"]})
        self.assertEqual(
            self.places(asked, "a@example.org"), ["!a@example.org", "carol"]
        )

    def test_depth(self) -> None:
        """Aliases of aliases of aliases end somewhere."""
        chain = {f"a{n}": [f"a{n + 1}"] for n in range(30)}
        self.refuses(addresses(chain), "a0@example.org", MailLoop)
        deep = {**chain, "a10": ["bob"]}
        self.assertEqual(self.places(addresses(deep), "a0@example.org"), ["bob"])

    def test_bounds(self) -> None:
        """Neither the result nor the search may be too large."""
        limits = AddressLimits(destinations=3)
        many = {"a": [f"x{n}@elsewhere.example" for n in range(4)]}
        self.refuses(addresses(many, limits=limits), "a@example.org", LimitExceeded)
        # Each level doubles the work: two aliases of two aliases...
        tree = {f"a{n}": [f"a{n + 1}", f"b{n + 1}"] for n in range(19)}
        tree |= {f"b{n}": [f"a{n + 1}", f"b{n + 1}"] for n in range(19)}
        self.refuses(addresses(tree), "a0@example.org", LimitExceeded)

    def test_direct(self) -> None:
        """A backslash passes the tables by."""
        asked = addresses({"alice": ["\\alice", "\\bob"], "bob": ["carol"]})
        self.assertEqual(self.places(asked, "alice@example.org"), ["alice", "bob"])

    def test_owner(self) -> None:
        """Reports about a list go to its owner; inner lists have their own."""
        asked = addresses(
            {
                "list": ["alice", "inner", "x@elsewhere.example"],
                "owner-list": ["bob"],
                "inner": ["carol"],
                "owner-inner": ["bob"],
            }
        )
        found = self.resolve(asked, "list@example.org")
        self.assertEqual(
            [(_short(one), str(one.sender)) for one in found],
            [
                ("alice", "owner-list@example.org"),
                ("carol", "owner-inner@example.org"),
                ("x@elsewhere.example", "owner-list@example.org"),
            ],
        )
        (found,) = self.resolve(asked, "owner-list@example.org")
        self.assertIsNone(found.sender)

    def test_virtual_order(self) -> None:
        """Exact, user, alias, and ``@domain`` for what is left."""
        asked = addresses(
            {"sales": ["carol"]},
            [
                {"info@virtual.example": ["alice"], "@virtual.example": ["bob"]},
                {"@example.org": ["carol"], "info@virtual.example": ["carol"]},
            ],
        )
        for text, expected in (
            ("info@virtual.example", "alice"),
            ("any+thing@virtual.example", "bob"),
            ("bob@example.org", "bob"),
            ("sales@example.org", "carol"),
            ("other@example.org", "carol"),
        ):
            self.assertEqual(self.places(asked, text), [expected])

    def test_domain_for_domain(self) -> None:
        """``@old @new`` keeps the name."""
        asked = addresses(None, [{"@virtual.example": ["@example.org"]}])
        self.assertEqual(self.places(asked, "bob+x@virtual.example"), ["bob+x"])
        self.refuses(asked, "nobody@virtual.example", NoSuchUser)

    def test_commands_and_files(self) -> None:
        """Off, unless allowed."""
        table = {
            "count": ["|/bin/count all"],
            "log": ["/var/log/x"],
            "a": ["|x", "bob"],
        }
        self.refuses(addresses(table), "count@example.org", NotPermitted)
        self.refuses(addresses(table), "log@example.org", NotPermitted)
        self.assertEqual(
            self.places(addresses(table), "a@example.org"), ["!None", "bob"]
        )
        allowed = addresses(table, allow_commands=True, allow_files=True)
        (found,) = self.resolve(allowed, "count@example.org")
        self.assertEqual(found.place, Command("/bin/count all"))
        (found,) = self.resolve(allowed, "log@example.org")
        self.assertEqual(found.place, File("/var/log/x"))

    def test_bad_values(self) -> None:
        """What is no address is told of, not delivered to."""
        for value in ("", "@", "x@", ":include:/etc/passwd", ":fail:"):
            self.refuses(addresses({"a": [value]}), "a@example.org", NoSuchUser)
        self.refuses(addresses({"a": []}), "a@example.org", NoSuchUser)

    def test_trouble(self) -> None:
        """A table that cannot be asked is no table without the entry."""
        asked = addresses()
        asked._virtual = (BrokenTable(),)
        self.refuses(asked, "alice@example.org", TemporaryFailure)
        directory = Directory()
        directory.broken = True
        asked = addresses({"a": ["alice"]}, directory=directory)
        self.refuses(asked, "a@example.org", TemporaryFailure)

    def test_long_key(self) -> None:
        """Nobody asks a table for what is longer than any address."""
        asked = addresses({"x" * 600: ["bob"]})
        self.refuses(asked, "x" * 600 + "@example.org", NoSuchUser)


class ReportTests(AddressesTestCase):
    """Addresses of ours that stand for senders elsewhere."""

    def setUp(self) -> None:
        """With SRS."""
        self.srs = SRS("example.org", [b"sixteen octets!!"], lambda: 0.0)
        self.asked = addresses(srs=self.srs)

    def test_back(self) -> None:
        """A report goes back to the sender, without being allowed to relay."""
        local = self.srs.forward(Address("x", "elsewhere.example")).local
        (found,) = self.resolve(self.asked, f"{local}@example.org")
        self.assertEqual(_short(found), "x@elsewhere.example")
        self.assertFalse(found.forwarded)

    def test_forged(self) -> None:
        """Nobody else finds a way through us."""
        forged = "SRS0=AAAAAAAA=AA=elsewhere.example=x"
        self.refuses(self.asked, f"{forged}@example.org", NoSuchUser)
        self.refuses(self.asked, f"{forged}@virtual.example", NoSuchUser)


class BelongsTests(AddressesTestCase):
    """Whose an address is."""

    def test_whose(self) -> None:
        """Who gets all mail of an address, and nobody else does."""
        asked = addresses({"sales": ["alice"], "both": ["alice", "bob"]})
        for local, user, expected in (
            ("alice", "alice", True),
            ("alice+x", "alice", True),
            ("info", "alice", True),
            ("sales", "alice", True),
            ("sales", "bob", False),
            ("both", "alice", False),
            ("nobody", "alice", False),
        ):
            found = self.run_now(
                asked.belongs(Address(local, "example.org"), f"{user}@example.org")
            )
            self.assertIs(found, expected, (local, user))
        found = asked.belongs(Address("x", "elsewhere.example"), "alice@example.org")
        self.assertFalse(self.run_now(found))
