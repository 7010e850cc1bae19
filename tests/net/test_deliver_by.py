"""Messages with a time of delivery, on their way out (RFC 2852 section 4.1.4)."""

from mailframe.errors import DeliveryFailed
from mailframe.interfaces.delivery import Hop
from mailframe.memory_content import MemoryContent
from mailframe.model.address import Address
from mailframe.model.envelope import DeliverBy, Envelope, ForwardPath
from mailframe.smtp.client_offer import Offer
from tests.net.relay_world import MESSAGE, RelayCase, envelope, reactor


def offers(*keywords: str) -> bytes:
    """Return an answer to EHLO."""
    return b"".join(
        f"250-{keyword}\r\n".encode() for keyword in ("mx.example.com", *keywords)
    ) + (b"250 HELP")


class DeliverByTests(RelayCase):
    """What servers are asked, and which are not."""

    async def fails(self, by: float, *keywords: str) -> str | None:
        """Return the status of a message that comes back."""
        port, said = self.script(ehlo=offers(*keywords))
        wanted = DeliverBy(reactor.seconds() + by, bounce=True)
        with self.assertRaises(DeliveryFailed) as caught:
            await self.deliver(self.relay(), port, deliver_by=wanted)
        self.assertFalse([line for line in said if line.startswith("MAIL")])
        return caught.exception.status

    async def test_not_minded(self) -> None:
        """What shall come back when it is late goes to nobody who does not mind."""
        self.assertEqual(await self.fails(100), "5.3.3")
        self.assertEqual(await self.fails(100, "DELIVERBY 240"), "5.4.7")
        self.assertEqual(await self.fails(0.5, "DELIVERBY"), "5.4.7")

    async def test_minded(self) -> None:
        """It goes to others with the time that is left."""
        for keyword in ("DELIVERBY", "DELIVERBY 30", "DELIVERBY ,x"):
            port, said = self.script(ehlo=offers(keyword))
            begun = reactor.seconds()
            wanted = DeliverBy(begun + 100.9, bounce=True)
            verdicts = await self.deliver(self.relay(), port, deliver_by=wanted)
            self.assertEqual(verdicts, (None,))
            (mail,) = [line for line in said if line.startswith("MAIL")]
            self.assertRegex(mail, "BY=[0-9]+;R$")
            spent = reactor.seconds() - begun
            told = int(mail.partition("BY=")[2].partition(";")[0])
            self.assertTrue(99.9 - spent < told <= 100, (told, spent))

    async def test_lmtp(self) -> None:
        """Whoever has the mailbox delivers it: there is nobody to mind it then."""
        port = self.serve(None, service="lmtp")
        wanted = DeliverBy(reactor.seconds() + 100, bounce=True)
        for by in (wanted, None):
            verdicts = await self.deliver(
                self.relay(), port, tls="none", lmtp=True, deliver_by=by
            )
            self.assertEqual(list(verdicts), [None])

    async def told(self, by: float, *keywords: str) -> list[str]:
        """Return the recipients as a server hears of them."""
        port, said = self.script(ehlo=offers(*keywords))
        given = envelope(deliver_by=DeliverBy(reactor.seconds() + by, bounce=False))
        paths = tuple(
            ForwardPath(Address(name, "x.example"), notify)
            for name, notify in (
                ("a", None),
                ("b", frozenset({"SUCCESS"})),
                ("c", frozenset[str]()),
            )
        )
        given = Envelope(given.reverse_path, paths, given.origin)
        hop = Hop("127.0.0.1", port, False, "may")
        await self.relay().deliver(hop, given, MemoryContent(MESSAGE))
        return [line.partition(" NOTIFY=")[2] for line in said if line[:4] == "RCPT"]

    async def test_delays(self) -> None:
        """Where nobody minds it delays are asked for (section 4.1.4.2)."""
        self.assertEqual(
            await self.told(100, "DSN"), ["FAILURE,DELAY", "SUCCESS,DELAY", "NEVER"]
        )
        for by, keywords in ((100, ("DSN", "DELIVERBY")), (-5, ("DSN",))):
            self.assertEqual(await self.told(by, *keywords), ["", "SUCCESS", "NEVER"])
        self.assertEqual(await self.told(100), ["", "", ""])

    def test_shortest(self) -> None:
        """A number, before a comma or alone (section 2)."""
        for text, expected in (
            ("DELIVERBY 240", 240),
            ("DELIVERBY 240,x=y", 240),
            ("DELIVERBY", None),
            ("DELIVERBY ,x", None),
            ("DELIVERBY x", None),
            ("DELIVERBY 1234567890", None),
        ):
            self.assertEqual(Offer([text]).shortest_by, expected, text)
