"""What every spool must do, as tests to run against yours.

Mix :class:`SpoolContract` into a trial ``TestCase`` and provide
``make_spool``::

    class MySpoolTests(SpoolContract, TestCase):
        async def make_spool(self):
            return MySpool(self.mktemp(), now=self.clock.seconds)

Each test states one promise of :mod:`mailframe.interfaces.spool` or
:mod:`mailframe.queue.contract`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailframe.errors import MessageGone
from mailframe.interfaces.content import IContent
from mailframe.interfaces.spool import IHoldingSpool, ISpool
from mailframe.memory_content import MemoryContent
from mailframe.model.address import Address
from mailframe.model.envelope import (
    BodyType,
    DeliverBy,
    Envelope,
    ForwardPath,
    Origin,
    ReversePath,
)
from mailframe.queue.contract import (
    Chosen,
    IQueueSpool,
    Outcome,
    Parcel,
    Settled,
    State,
)
from mailframe.testing.failing import fails

START = 1_700_000_000.0
"""When the tests begin, seconds since 1970."""

NOBODY = "0123456789abc"
"""The queue ID of no message."""

DELIVERED = Outcome(State.DELIVERED, "2.1.5")
FAILED = Outcome(State.FAILED, "5.1.1", "550 nobody")
DEFERRED = Outcome(State.DEFERRED, "4.2.0", "450 busy", "mx.example.net", True)


def octets_of(number: int) -> bytes:
    """Return a small message that differs by ``number``."""
    return b"Subject: number %d\r\n\r\nBody\r\n" % number


def envelope(
    *recipients: str, sender: str | None = "alice@example.org", **more: Any
) -> Envelope:
    """Return an envelope.

    Args:
        recipients: Addresses.
        sender: The reverse-path; ``None`` for the null one.
        more: Parameters of the reverse-path.
    """
    return Envelope(
        ReversePath(None if sender is None else _address(sender), **more),
        tuple(ForwardPath(_address(one)) for one in recipients),
        Origin("smtp", "ESMTP", "client.example", "192.0.2.1", "mail.example.org"),
    )


def _address(text: str) -> Address:
    local, _, domain = text.rpartition("@")
    return Address(local, domain)


def names(parcel: Parcel) -> list[str]:
    """Return the addresses of a parcel's recipients."""
    return [str(path.address) for path in parcel.envelope.forward_paths]


class SpoolContract:
    """The promises; a mixin for :class:`twisted.trial.unittest.TestCase`.

    Attributes:
        clock: What the spool's ``now`` is to read.
    """

    assertEqual: Any
    assertTrue: Any
    assertFalse: Any
    assertIsNone: Any

    clock: Clock

    def setUp(self) -> None:
        """Set the clock."""
        self.clock = Clock()
        self.clock.advance(START)

    async def make_spool(self) -> Any:
        """Return a new, empty spool."""
        raise NotImplementedError

    async def _add(
        self, spool: Any, *recipients: str, due: float = START, **more: Any
    ) -> str:
        message = envelope(*(recipients or ("bob@example.net",)), **more)
        found: str = await spool.add(message, MemoryContent(octets_of(1)), due)
        return found

    async def _record(
        self, spool: Any, parcel: Parcel, *outcomes: Outcome, again: float = START + 60
    ) -> None:
        results = [
            Settled(recipient.number, outcome)
            for recipient, outcome in zip(parcel.recipients, outcomes, strict=True)
        ]
        await spool.record(parcel, results, again)

    async def test_provides_the_interfaces(self) -> None:
        """Spool and content provide what they say."""
        spool = await self.make_spool()
        verifyObject(ISpool, spool)
        verifyObject(IQueueSpool, spool)
        verifyObject(IContent, await spool.content(await self._add(spool)))

    async def test_add_and_read(self) -> None:
        """A message comes back as it was given, octet for octet."""
        spool = await self.make_spool()
        given = Envelope(
            ReversePath(
                Address("al ice", "example.org"),
                body=BodyType.EIGHT_BIT_MIME,
                size=10,
                smtputf8=True,
                auth="",
                ret="HDRS",
                envid="id 1",
                require_tls=True,
                priority=3,
                asked_hold="for;9",
                deliver_by=DeliverBy(START + 9, True, True),
            ),
            (
                ForwardPath(Address("b\u00f6b", "example.net"), frozenset()),
                ForwardPath(
                    Address("carol", "example.net"),
                    frozenset({"SUCCESS", "DELAY"}),
                    ("rfc822", "c@example.com"),
                ),
            ),
            Origin("submission", "ESMTPSA", "me", None, "mx", user="alice", tls="x"),
        )
        queue_id = await spool.add(given, MemoryContent(octets_of(7)), START + 5)
        (found,) = await spool.due(START + 5, 10)
        self.assertEqual(found.id, queue_id)
        self.assertEqual(found.envelope, given)
        self.assertEqual(
            (found.arrived, found.attempts, found.due, found.held),
            (START, 0, START + 5, False),
        )
        content = await spool.content(queue_id)
        self.assertEqual(content.size, len(octets_of(7)))
        self.assertEqual(await content.read(0, 10**6), octets_of(7))
        self.assertEqual(await content.read(3, 7), octets_of(7)[3:7])
        content.close()
        content.close()

    async def test_ids_differ_and_sort_by_age(self) -> None:
        """Queue IDs are never given twice, and older ones sort first."""
        spool = await self.make_spool()
        found = []
        for _ in range(3):
            found += [await self._add(spool) for _ in range(3)]
            self.clock.advance(1)
        self.assertEqual(found, sorted(set(found)))
        entries = await spool.entries(None, 100)
        self.assertEqual([one[0].queue_id for one in entries], found)

    async def test_for_nobody(self) -> None:
        """A message without recipients is not taken."""
        spool = await self.make_spool()
        await fails(ValueError, spool.add(envelope(), MemoryContent(b"x\r\n"), START))

    async def test_due(self) -> None:
        """Messages that are due are returned soonest first, no more than wanted."""
        spool = await self.make_spool()
        later = await self._add(spool, due=START + 3)
        soon = await self._add(spool, due=START + 1)
        await self._add(spool, due=START + 9)
        found = await spool.due(START + 3, 10)
        self.assertEqual([one.id for one in found], [soon, later])
        self.assertEqual([one.id for one in await spool.due(START + 3, 1)], [soon])
        self.assertEqual(list(await spool.due(START, 10)), [])

    async def test_hold_until(self) -> None:
        """A message is not due before the time its sender asked for."""
        spool = await self.make_spool()
        await self._add(spool, hold_until=START + 100)
        self.assertEqual(list(await spool.due(START + 99, 10)), [])
        self.assertEqual(len(await spool.due(START + 100, 10)), 1)

    async def test_held_back(self) -> None:
        """It knows how much of a user's is for later (RFC 4865 section 6)."""
        spool = await self.make_spool()
        verifyObject(IHoldingSpool, spool)
        first = await self._submit(spool, "alice", START + 100)
        await self._submit(spool, "alice", START + 200, "a@x.example", "b@y.example")
        await self._submit(spool, "alice", None)
        await self._submit(spool, "b\u00f6b", START + 100)
        await self._submit(spool, None, START + 100)
        size = len(octets_of(1))
        self.assertEqual(await spool.held_back("alice", START), (2, 2 * size))
        self.assertEqual(await spool.held_back("alice", START + 100), (1, size))
        self.assertEqual(await spool.held_back("b\u00f6b", START), (1, size))
        self.assertEqual(await spool.held_back("carol", START), (0, 0))
        await spool.remove(first)
        self.assertEqual(await spool.held_back("alice", START), (1, size))

    async def _submit(
        self, spool: Any, user: str | None, hold_until: float | None, *to: str
    ) -> str:
        message = envelope(*(to or ("bob@example.net",)), hold_until=hold_until)
        message = replace(message, origin=replace(message.origin, user=user))
        found: str = await spool.add(message, MemoryContent(octets_of(1)), START)
        return found

    async def test_settle_some(self) -> None:
        """Settled recipients are gone; the rest wait, in their order."""
        spool = await self.make_spool()
        recipients = ("a@x.example", "b@y.example", "c@x.example", "d@y.example")
        queue_id = await self._add(spool, *recipients)
        await spool.settle(queue_id, [0, 3], START + 60)
        self.assertEqual(list(await spool.due(START + 59, 10)), [])
        (found,) = await spool.due(START + 60, 10)
        left = [str(path.address) for path in found.envelope.forward_paths]
        self.assertEqual(left, ["b@y.example", "c@x.example"])
        self.assertEqual(found.attempts, 1)
        await spool.settle(queue_id, [1], START + 90)
        (found,) = await spool.due(START + 90, 10)
        left = [str(path.address) for path in found.envelope.forward_paths]
        self.assertEqual(left, ["b@y.example"])

    async def test_settle_all(self) -> None:
        """A message of which nothing is left goes, and its content too."""
        spool = await self.make_spool()
        queue_id = await self._add(spool)
        await spool.settle(queue_id, [0], None)
        self.assertEqual(list(await spool.due(START + 10**9, 10)), [])
        await fails(MessageGone, spool.content(queue_id))
        await fails(MessageGone, spool.settle(queue_id, [0], None))
        self.assertEqual((await spool.counts()).messages, 0)

    async def test_content_outlives_its_message(self) -> None:
        """Content that is open stays readable when the message goes."""
        spool = await self.make_spool()
        queue_id = await self._add(spool)
        content = await spool.content(queue_id)
        await spool.remove(queue_id)
        self.assertEqual(await content.read(0, 10**6), octets_of(1))
        content.close()

    async def test_hold(self) -> None:
        """A held message is not tried until it is released."""
        spool = await self.make_spool()
        queue_id = await self._add(spool)
        await spool.hold(queue_id, True)
        self.assertEqual(list(await spool.due(START, 10)), [])
        self.assertEqual(list(await spool.take(START, 10)), [])
        self.assertIsNone(await spool.next_due(0))
        ((parcel,),) = await spool.entries(None, 10)
        self.assertTrue(parcel.held)
        self.assertEqual((await spool.counts()).held, 1)
        await spool.hold(queue_id, False)
        self.assertEqual(len(await spool.take(START, 10)), 1)

    async def test_unknown_ids(self) -> None:
        """Whoever names a message that is not there is told so."""
        spool = await self.make_spool()
        for queue_id in (NOBODY, "", "no such thing", "u" * 13, "../../../etc"):
            await fails(MessageGone, spool.content(queue_id))
            await fails(MessageGone, spool.settle(queue_id, [], None))
            await fails(MessageGone, spool.hold(queue_id, True))
            await fails(MessageGone, spool.entry(queue_id))
            await fails(MessageGone, spool.hasten(queue_id, None, START))
            await fails(MessageGone, spool.renew(queue_id, START))
            await fails(MessageGone, spool.remove(queue_id))

    async def test_parcels(self) -> None:
        """A message is handed out as one parcel for each destination."""
        spool = await self.make_spool()
        await self._add(
            spool, "a@X.example", "b@y.example", "c@x.example", "d@b\u00fccher.example"
        )
        found = {one.destination: one for one in await spool.take(START, 10)}
        self.assertEqual(
            sorted(found), ["x.example", "xn--bcher-kva.example", "y.example"]
        )
        self.assertEqual(names(found["x.example"]), ["a@X.example", "c@x.example"])
        self.assertEqual([one.number for one in found["x.example"].recipients], [0, 2])
        self.assertEqual(found["x.example"].size, len(octets_of(1)))

    async def test_handed_out_once(self) -> None:
        """A parcel is not handed out again before it was given back or recorded."""
        spool = await self.make_spool()
        await self._add(spool, "a@x.example", "b@y.example")
        (first,) = await spool.take_for("x.example", START, 10)
        (second,) = await spool.take(START, 10)
        self.assertEqual(second.destination, "y.example")
        self.assertEqual(list(await spool.take(START, 10)), [])
        await spool.give_back([first])
        self.assertEqual(list(await spool.take(START, 10)), [first])
        await self._record(spool, second, DEFERRED, again=START + 7)
        self.assertEqual(list(await spool.take(START + 6, 10)), [])
        (again,) = await spool.take(START + 7, 10)
        self.assertEqual((again.destination, again.attempts), ("y.example", 1))

    async def test_take_without(self) -> None:
        """Destinations can be left out."""
        spool = await self.make_spool()
        await self._add(spool, "a@x.example", "b@y.example", "c@z.example")
        (found,) = await spool.take(START, 10, {"x.example", "z.example"})
        self.assertEqual(found.destination, "y.example")

    async def test_left_out_is_there_later(self) -> None:
        """What was left out, or passed, is handed out when it is wanted again."""
        spool = await self.make_spool()
        for _ in range(3):
            await self._add(spool, "a@x.example", "b@y.example")
        for _ in range(2):
            found = await spool.take(START, 10, ["x.example"])
            self.assertTrue(all(one.destination == "y.example" for one in found))
        (some,) = await spool.take_for("x.example", START, 1)
        self.assertEqual(list(await spool.take(START, 10, ["x.example"])), [])
        await spool.give_back([some])
        found = await spool.take(START, 2)
        rest = await spool.take_for("x.example", START, 10)
        self.assertEqual(len({one.queue_id for one in (*found, *rest)}), 3)

    async def test_due_sooner_is_there_later(self) -> None:
        """Whatever makes a parcel due has it handed out, however far one has looked."""
        spool = await self.make_spool()
        await self._add(spool, due=START + 5)
        self.clock.advance(9)
        (parcel,) = await spool.take(START + 9, 10)
        queue_id = parcel.queue_id
        for sooner, ask in (
            (START - 5, lambda: spool.hasten(queue_id, None, START - 5)),
            (START - 6, lambda: spool.hasten(None, "example.net", START - 6)),
            (START - 7, lambda: spool.renew(queue_id, START - 7)),
        ):
            await ask()
            await spool.give_back([parcel])
            (parcel,) = await spool.take(START + 9, 10)
            self.assertEqual(parcel.due, sooner)
        await self._record(spool, parcel, DEFERRED, again=START + 8)
        (parcel,) = await spool.take(START + 9, 10)
        await spool.hold(queue_id, True)
        await spool.give_back([parcel])
        self.assertEqual(list(await spool.take(START + 9, 10)), [])
        await spool.hold(queue_id, False)
        self.assertEqual(list(await spool.take(START + 9, 10)), [parcel])
        late = await self._add(spool, due=START - 9)
        (parcel,) = await spool.take(START + 9, 10)
        self.assertEqual(parcel.queue_id, late)

    async def test_priorities(self) -> None:
        """Higher priorities are handed out first."""
        spool = await self.make_spool()
        added = {
            priority: await self._add(spool, priority=priority)
            for priority in (-9, 0, 4, 9)
        }
        for priority in (9, 4, 0, -9):
            (found,) = await spool.take(START, 1)
            self.assertEqual(found.queue_id, added[priority])

    async def test_senders_take_turns(self) -> None:
        """A sender with much mail does not keep another one waiting."""
        spool = await self.make_spool()
        for _ in range(20):
            await self._add(spool, sender="much@example.org")
        self.clock.advance(10)
        few = await self._add(spool, sender="few@example.org", due=START + 10)
        found = await spool.take(START + 10, 4)
        self.assertEqual(len(found), 4)
        self.assertTrue(few in [one.queue_id for one in found])

    async def test_take_soonest(self) -> None:
        """Of one sender's parcels the soonest are handed out."""
        spool = await self.make_spool()
        added = [await self._add(spool, due=START - due) for due in (1, 3, 2)]
        found = await spool.take(START, 2)
        self.assertEqual(sorted(one.queue_id for one in found), sorted(added[1:]))

    async def test_record(self) -> None:
        """What became of each recipient is kept, and only those left."""
        spool = await self.make_spool()
        queue_id = await self._add(spool, "a@x.example", "b@x.example", "c@x.example")
        (parcel,) = await spool.take(START, 1)
        self.clock.advance(5)
        results = [
            Settled(0, DEFERRED, warned=True),
            Settled(1, DELIVERED),
            Settled(2, FAILED),
        ]
        await spool.record(parcel, results, START + 60)
        (found,) = await spool.entry(queue_id)
        self.assertEqual(names(found), ["a@x.example"])
        (recipient,) = found.recipients
        self.assertEqual(
            (recipient.number, recipient.tried, recipient.last, recipient.warned),
            (0, START + 5, DEFERRED, True),
        )
        self.assertEqual((found.attempts, found.due), (1, START + 60))

    async def test_record_the_last(self) -> None:
        """When the last recipient is settled the message goes."""
        spool = await self.make_spool()
        queue_id = await self._add(spool, "a@x.example", "b@y.example")
        first, second = await spool.take(START, 2)
        await self._record(spool, first, DELIVERED)
        self.assertEqual(await self._octets(spool, queue_id), octets_of(1))
        await self._record(spool, second, FAILED)
        await fails(MessageGone, spool.content(queue_id))
        self.assertEqual((await spool.counts()).parcels, 0)

    async def _octets(self, spool: Any, queue_id: str) -> bytes:
        content = await spool.content(queue_id)
        octets: bytes = await content.read(0, content.size)
        content.close()
        return octets

    async def test_record_after_removal(self) -> None:
        """An attempt that ends after its message was removed changes nothing."""
        spool = await self.make_spool()
        queue_id = await self._add(spool)
        (parcel,) = await spool.take(START, 1)
        await spool.remove(queue_id)
        await fails(MessageGone, self._record(spool, parcel, DEFERRED))
        self.assertEqual((await spool.counts()).messages, 0)

    async def test_record_while_held(self) -> None:
        """A message held during an attempt keeps its result, and stays held."""
        spool = await self.make_spool()
        queue_id = await self._add(spool)
        (parcel,) = await spool.take(START, 1)
        await spool.hold(queue_id, True)
        await self._record(spool, parcel, DEFERRED)
        (found,) = await spool.entry(queue_id)
        self.assertEqual((found.held, found.attempts), (True, 1))
        self.assertEqual(list(await spool.take(START + 60, 1)), [])

    async def test_next_due(self) -> None:
        """The time of the next parcel that is not due yet can be asked for."""
        spool = await self.make_spool()
        self.assertIsNone(await spool.next_due(START))
        for later in (9, 5, 7):
            await self._add(
                spool, due=START + later, sender=f"{later}@x.example", priority=later
            )
        self.assertEqual(await spool.next_due(START), START + 5)
        self.assertEqual(await spool.next_due(START + 5), START + 7)
        self.assertIsNone(await spool.next_due(START + 9))

    async def test_entries_in_pages(self) -> None:
        """All messages can be listed page by page."""
        spool = await self.make_spool()
        added = [await self._add(spool, "a@x.example", "b@y.example") for _ in range(5)]
        seen: list[str] = []
        after = None
        while page := await spool.entries(after, 2):
            self.assertEqual({len(parcels) for parcels in page}, {2})
            seen += [parcels[0].queue_id for parcels in page]
            after = seen[-1]
        self.assertEqual(seen, added)

    async def test_entries_that_are_chosen(self) -> None:
        """Messages can be chosen by destination, sender and being held."""
        spool = await self.make_spool()
        one = await self._add(spool, "a@x.example", "b@y.example")
        two = await self._add(spool, "a@X.example", sender="B\u00e4r@Example.org")
        null = await self._add(spool, "a@y.example", sender=None)
        await spool.hold(two, True)
        await spool.hold(null, True)
        for chosen, wanted in (
            (Chosen(), [one, two, null]),
            (Chosen("x.example"), [one, two]),
            (Chosen(sender="b\u00e4r@example.org"), [two]),
            (Chosen(sender="<>"), [null]),
            (Chosen(held=True), [two, null]),
            (Chosen("y.example", held=True), [null]),
            (Chosen("y.example", "alice@example.org", True), []),
        ):
            found: list[str] = []
            after = None
            while page := await spool.entries(after, 1, chosen):
                after = page[0][0].queue_id
                found.append(after)
            self.assertEqual(found, wanted, chosen)
        ((*parcels,),) = await spool.entries(two, 9, Chosen("y.example"))
        self.assertEqual([parcel.queue_id for parcel in parcels], [null])
        ((*parcels,),) = await spool.entries(None, 1, Chosen("y.example"))
        self.assertEqual(len(parcels), 2)

    async def test_hasten(self) -> None:
        """Parcels that would be tried later can be made due: some, or all."""
        spool = await self.make_spool()
        one = await self._add(spool, "a@x.example", "b@y.example", due=START + 50)
        await self._add(spool, "c@x.example", due=START + 50)
        self.assertEqual(await spool.hasten(one, "x.example", START), 1)
        self.assertEqual(await self._due(spool), [(one, "x.example")])
        self.assertEqual(await spool.hasten(one, None, START), 1)
        self.assertEqual(await spool.hasten(None, "x.example", START), 1)
        self.assertEqual(await spool.hasten(None, None, START), 0)
        self.assertEqual(len(await self._due(spool)), 3)

    async def _due(self, spool: Any) -> list[tuple[str, str]]:
        parcels: Sequence[Parcel] = await spool.take(self.clock.seconds(), 100)
        await spool.give_back(parcels)
        return [(one.queue_id, one.destination) for one in parcels]

    async def test_renew(self) -> None:
        """A message can begin anew: no attempts, no warning, no age."""
        spool = await self.make_spool()
        queue_id = await self._add(spool)
        (parcel,) = await spool.take(START, 1)
        await spool.record(parcel, [Settled(0, DEFERRED, warned=True)], START + 99)
        await spool.renew(queue_id, START + 10)
        (found,) = await spool.entry(queue_id)
        self.assertEqual(
            (found.arrived, found.attempts, found.due, found.recipients[0].warned),
            (START + 10, 0, START + 10, False),
        )

    async def test_counts(self) -> None:
        """Messages, held ones and parcels are counted."""
        spool = await self.make_spool()
        await self._add(spool, "a@x.example", "b@y.example")
        await spool.hold(await self._add(spool), True)
        found = await spool.counts()
        self.assertEqual((found.messages, found.held, found.parcels), (2, 1, 3))

    async def test_watch(self) -> None:
        """The watcher is told from when something may be due."""
        spool = await self.make_spool()
        told: list[float] = []
        spool.watch(told.append)
        queue_id = await self._add(spool, due=START + 5)
        self.assertEqual(told, [START + 5])
        (parcel,) = await spool.take(START + 5, 1)
        await self._record(spool, parcel, DEFERRED, again=START + 60)
        await spool.hold(queue_id, True)
        await spool.hold(queue_id, False)
        self.assertEqual(told, [START + 5, START + 60, START])

    async def test_many(self) -> None:
        """Many messages at a time are kept apart."""
        spool = await self.make_spool()
        added = {}
        for number in range(50):
            content = MemoryContent(octets_of(number))
            to = envelope(f"u{number}@d{number % 7}.example")
            added[await spool.add(to, content, START)] = number
        self.assertEqual(len(added), 50)
        for queue_id, number in added.items():
            self.assertEqual(await self._octets(spool, queue_id), octets_of(number))
