"""How domains have their mail delivered."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.delivery.destination import Broken, Command, Elsewhere, File
from mailframe.delivery.outgoing import path_for_agent
from mailframe.delivery.transports import Transports
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath
from tests.delivery.test_addresses import AddressesTestCase, addresses


class TransportsTests(SynchronousTestCase):
    """The table."""

    def test_places(self) -> None:
        """A server, a file for each user, a program."""
        table = Transports(
            {
                "a.example": "lmtp:/run/lmtp",
                "b.example": "mbox:/var/mail/%d/%n%%",
                "c.example": "pipe:/usr/bin/x -y 'a b'",
            }
        )
        self.assertEqual(
            table.place("ann@a.example", ""),
            Elsewhere(Address("ann", "a.example"), "lmtp:/run/lmtp"),
        )
        self.assertEqual(
            table.place("ann@b.example", ""),
            File("/var/mail/b.example/ann%", "ann@b.example"),
        )
        self.assertEqual(
            table.place("ann@c.example", ""),
            Command("/usr/bin/x -y 'a b'", "ann@c.example"),
        )
        self.assertIsNone(table.place("ann@d.example", ""))
        self.assertEqual(table.server("a.example"), "lmtp:/run/lmtp")
        self.assertEqual(table.server("b.example"), "")

    def test_names_of_files(self) -> None:
        """A local part cannot lead out of its directory."""
        table = Transports({"b.example": "mbox:/var/mail/%n"})
        for local in ("..", ".", "../../etc/passwd", "a/b", "a\0b", "a\nb", "b.lock"):
            place = table.place(f"{local}@b.example", "")
            self.assertIsInstance(place, Broken, local)

    def test_idn(self) -> None:
        """A domain in A-labels is the same in U-labels."""
        table = Transports({"xn--bcher-kva.example": "smtp:mx:25"})
        self.assertEqual(table.server("bücher.example"), "smtp:mx:25")

    def test_wrong(self) -> None:
        """What is no transport is told of."""
        for text in (
            "",
            "mbox:var/mail",
            "mbox:/%x",
            "pipe:cat",
            "pipe:/bin/cat 'x",
            "maildir:/x",
            "/x",
        ):
            with self.assertRaises(ValueError):
                Transports({"a.example": text})


class ResolvedTests(AddressesTestCase):
    """Through the addresses of a host."""

    def test_users(self) -> None:
        """Users of such a domain have no account here; aliases work as ever."""
        asked = addresses(
            {"list": ["alice", "bob"]},
            transports=Transports({"example.org": "lmtp:127.0.0.1:24"}),
        )
        for address in ("alice@example.org", "list@example.org"):
            found = self.resolve(asked, address)
            place = found[0].place
            self.assertEqual(
                place, Elsewhere(Address("alice", "example.org"), "lmtp:127.0.0.1:24")
            )

    def test_programs(self) -> None:
        """A program of a whole domain gets each user's mail, and knows whose it is."""
        asked = addresses(
            {"list": ["alice", "bob"]},
            transports=Transports({"example.org": "pipe:/usr/bin/x"}),
        )
        places = [one.place for one in self.resolve(asked, "list@example.org")]
        self.assertEqual(
            places,
            [
                Command("/usr/bin/x", "alice@example.org"),
                Command("/usr/bin/x", "bob@example.org"),
            ],
        )
        given = ForwardPath(Address("list", "example.org"))
        path = path_for_agent(given, Command("/usr/bin/x", "alice@example.org"))
        self.assertEqual(str(path.address), "alice@example.org")
        self.assertEqual(path.orcpt, ("rfc822", "list@example.org"))
        self.assertEqual(path_for_agent(given, Command("/usr/bin/x")), given)

    def test_named_in_tables(self) -> None:
        """An operator's table may name a server; an included file may not."""
        asked = addresses({"far": ["lmtp:[::1]:24"]})
        (one,) = self.resolve(asked, "far@example.org")
        self.assertEqual(
            one.place, Elsewhere(Address("far", "example.org"), "lmtp:[::1]:24")
        )
