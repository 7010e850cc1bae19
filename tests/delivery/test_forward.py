"""Where a directory says that a user's mail goes instead."""

from zope.interface import implementer

from mailframe.errors import MailLoop, NoSuchUser
from mailframe.interfaces.auth import IUserDirectory, UserEntry
from mailframe.limits import AddressLimits
from mailframe.model.address import Address
from tests.delivery.test_addresses import AddressesTestCase, addresses

FORWARDS = {
    "away": "carol@example.net, bob@example.org",
    "copy": "copy@example.org dave@example.net",
    "ping": "pong@example.org",
    "pong": "ping@example.org",
    "bad": "|/bin/sh@x /etc/passwd@x nobody-at-all :include:/x@y gone@example.org",
    "half": "nobody@example.org\ncarol@example.net",
    "chain": "away@example.org",
    "bob": "",
}


@implementer(IUserDirectory)
class Forwarding:
    """Knows users who are elsewhere."""

    async def find(self, address: str) -> UserEntry | None:
        """Return a user."""
        name = address.partition("@")[0]
        if name not in FORWARDS:
            return None
        return UserEntry(f"{name}@example.org", extra={"forward": FORWARDS[name]})


class ForwardTests(AddressesTestCase):
    """Users whose mail goes elsewhere."""

    def test_forward(self) -> None:
        """It goes to each of the addresses, and those users' mail goes on."""
        asked = addresses(directory=Forwarding())
        both = ["carol@example.net", "bob"]
        self.assertEqual(self.places(asked, "away@example.org"), both)
        self.assertEqual(self.places(asked, "chain@example.org"), both)
        found = self.resolve(asked, "away@example.org")
        self.assertTrue(all(one.forwarded for one in found))

    def test_copy(self) -> None:
        """The own address keeps a copy, with its detail left out."""
        asked = addresses(directory=Forwarding())
        both = ["copy", "dave@example.net"]
        self.assertEqual(self.places(asked, "copy+x@example.org"), both)

    def test_circle(self) -> None:
        """Two who forward to each other lose nothing."""
        asked = addresses(directory=Forwarding())
        self.assertEqual(self.places(asked, "ping@example.org"), ["ping"])

    def test_no_addresses(self) -> None:
        """What is no address is none of a program or file either."""
        asked = addresses(directory=Forwarding(), allow_commands=True, allow_files=True)
        self.refuses(asked, "bad@example.org", NoSuchUser)
        self.assertEqual(
            self.places(asked, "half@example.org"),
            ["!nobody@example.org", "carol@example.net"],
        )

    def test_direct(self) -> None:
        """An alias with a backslash means the account."""
        asked = addresses({"here": ["\\away"]}, directory=Forwarding())
        self.assertEqual(self.places(asked, "here@example.org"), ["away"])

    def test_depth(self) -> None:
        """Forwards are as deep as aliases may be."""
        asked = addresses(directory=Forwarding(), limits=AddressLimits(depth=1))
        self.refuses(asked, "chain@example.org", MailLoop)

    def test_sender(self) -> None:
        """Whoever is elsewhere may still send under the own name."""
        asked = addresses(directory=Forwarding())
        for user, wanted in (("away@example.org", True), ("bob@example.org", False)):
            address = Address("away", "example.org")
            self.assertEqual(self.run_now(asked.belongs(address, user)), wanted)
