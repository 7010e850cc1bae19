"""Tests of :mod:`mailframe.queue.runner`: with a clock, and without a network."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import (
    InsufficientStorage,
    MailError,
    NoSuchUser,
    RemoteReply,
    TemporaryFailure,
)
from mailframe.interfaces.delivery import Hop
from mailframe.model.envelope import DeliverBy
from mailframe.queue.schedule import DAY, HOUR, MINUTE, Schedule, Schedules
from mailframe.testing.spool_contract import START
from tests.queue.fakes import House, raising


def busy() -> TemporaryFailure:
    """Return a 450."""
    error = TemporaryFailure("busy")
    error.reply = RemoteReply(450, "4.2.0", "busy", "mx.x.example")
    return error


class RunnerTestCase(SynchronousTestCase):
    """A test with a house."""

    def setUp(self) -> None:
        self.house = self.make_house()
        self.house.runner.start()

    def make_house(self) -> Any:
        return House()


class DeliveryTests(RunnerTestCase):
    """What is due is delivered."""

    def test_at_once(self) -> None:
        """A new message is tried at once, with its content, and goes."""
        self.house.add("bob@x.example", octets=b"Subject: x\r\n\r\nhello\r\n")
        self.house.go_on(0)
        ((host, envelope),) = self.house.relay.calls
        self.assertEqual(host, "mx.x.example")
        self.assertEqual(str(envelope.forward_paths[0].address), "bob@x.example")
        self.assertEqual(self.house.relay.octets, [b"Subject: x\r\n\r\nhello\r\n"])
        self.assertEqual(self.house.messages(), [])
        self.assertEqual(self.house.reports, [])

    def test_what_was_there_before(self) -> None:
        """What is in the spool at the start is delivered, hundreds too."""
        house = House()
        for number in range(3000):
            house.add(f"u{number}@d{number % 3}.example")
        house.runner.start()
        house.go_on(0)
        self.assertEqual(len(house.relay.calls), 3000)
        self.assertEqual(house.messages(), [])

    def test_recipients_together(self) -> None:
        """Recipients at one destination go together, up to a hundred at once."""
        found = [f"u{number}@x.example" for number in range(250)]
        self.house.add(*found, "other@y.example")
        self.house.go_on(0)
        sizes = sorted(
            (host, len(envelope.forward_paths))
            for host, envelope in self.house.relay.calls
        )
        self.assertEqual(
            sizes,
            [
                ("mx.x.example", 50),
                ("mx.x.example", 100),
                ("mx.x.example", 100),
                ("mx.y.example", 1),
            ],
        )

    def test_hops_in_order(self) -> None:
        """The next hop is tried when there is no connection to one."""
        self.house.router.answers["x.example"] = [Hop("a"), Hop("b"), Hop("c")]
        self.house.relay.answers["a"] = raising(TemporaryFailure("refused"))
        self.house.add("bob@x.example")
        self.house.go_on(0)
        self.assertEqual(self.house.relay.hosts(), ["a", "b"])
        self.assertEqual(self.house.messages(), [])

    def test_verdict_ends_the_walk(self) -> None:
        """A hop that gave a verdict is the last one asked in that attempt."""
        self.house.router.answers["x.example"] = [Hop("a"), Hop("b")]
        self.house.relay.answers["a"] = lambda hop, envelope: busy()
        self.house.add("bob@x.example")
        self.house.go_on(0)
        self.assertEqual(self.house.relay.hosts(), ["a"])

    def test_each_recipient_has_its_verdict(self) -> None:
        """Delivered ones go, refused ones are reported, busy ones wait."""
        refused = NoSuchUser("550 5.1.1 nobody")
        self.house.relay.answers["mx.x.example"] = lambda hop, envelope: [
            None,
            busy(),
            refused,
        ]
        self.house.add("a@x.example", "b@x.example", "c@x.example")
        self.house.go_on(0)
        ((parcel,),) = self.house.messages()
        (recipient,) = parcel.recipients
        self.assertEqual(str(recipient.path.address), "b@x.example")
        self.assertEqual(recipient.last.reply, "450 4.2.0 busy")
        self.assertEqual(recipient.last.remote, "mx.x.example")
        self.assertEqual(parcel.due, START + 5 * MINUTE)
        self.assertEqual(len(self.house.reports), 1)

    def test_route_says_no(self) -> None:
        """A domain that takes no mail fails at once; a silent one is tried again."""
        self.house.router.answers["x.example"] = NoSuchUser("null MX")
        self.house.router.answers["y.example"] = TemporaryFailure("DNS is silent")
        self.house.router.answers["z.example"] = []
        self.house.add("a@x.example", "b@y.example", "c@z.example")
        self.house.go_on(0)
        ((parcel,),) = self.house.messages()
        self.assertEqual(parcel.destination, "y.example")
        self.assertEqual(len(self.house.reports), 2)
        self.assertEqual(self.house.relay.calls, [])

    def test_hold_until(self) -> None:
        """A message is not tried before the time its sender asked for."""
        self.house.add("bob@x.example", hold_until=START + 3 * DAY)
        self.house.go_on(3 * DAY - 1)
        self.assertEqual(self.house.relay.calls, [])
        self.house.go_on(1)
        self.assertEqual(len(self.house.relay.calls), 1)

    def test_no_hop_will_do(self) -> None:
        """When every hop says it never will, it is over; else another may."""
        never, down = TemporaryFailure("no REQUIRETLS"), TemporaryFailure("down")
        never.status = "5.7.30"
        for second, queued in ((never, 0), (down, 1)):
            house = House()
            house.runner.start()
            house.router.answers["x.example"] = [Hop("a"), Hop("b")]
            house.relay.answers["a"] = raising(never)
            house.relay.answers["b"] = raising(second)
            house.add("bob@x.example")
            house.go_on(0)
            self.assertEqual(house.relay.hosts(), ["a", "b"])
            self.assertEqual(len(house.messages()), queued)
            found = [b"\r\nStatus: 5.7.30\r\n" in one for _, one in house.reports]
            self.assertEqual(found, [True] * (1 - queued))

    def test_hop_refuses(self) -> None:
        """A refusal of the whole message ends it, at the first hop."""
        self.house.router.answers["x.example"] = [Hop("a"), Hop("b")]
        self.house.relay.answers["a"] = raising(MailError("too large"))
        self.house.add("bob@x.example", "carol@x.example")
        self.house.go_on(0)
        self.assertEqual(self.house.relay.hosts(), ["a"])
        self.assertEqual(self.house.messages(), [])
        self.assertEqual(len(self.house.reports), 1)

    def test_bug_in_routing(self) -> None:
        """A bug of the router's costs no mail either."""
        self.house.router.answers["x.example"] = ZeroDivisionError()
        self.house.add("bob@x.example")
        self.house.go_on(0)
        self.assertEqual(len(self.house.messages()), 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_bug_in_settling(self) -> None:
        """What a bug keeps from being recorded is taken up again."""
        record, failing = self.house.spool.record, [True]

        async def broken(*args: Any) -> None:
            if failing:
                raise ZeroDivisionError
            await record(*args)

        self.house.spool.record = broken
        self.house.add("bob@x.example")
        self.house.go_on(0)
        failing.clear()
        self.house.go_on(HOUR)
        self.assertEqual(self.house.messages(), [])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_bug_in_looking(self) -> None:
        """A bug in the spool does not stop the runner for ever."""
        take, failing = self.house.spool.take, [True]

        async def broken(*args: Any) -> Any:
            if failing:
                raise ZeroDivisionError
            return await take(*args)

        self.house.spool.take = broken
        self.house.add("bob@x.example")
        self.house.go_on(0)
        failing.clear()
        self.house.go_on(HOUR)
        self.assertEqual(self.house.messages(), [])
        self.assertTrue(self.flushLoggedErrors(ZeroDivisionError))

    def test_bug_is_temporary(self) -> None:
        """A bug of ours costs no mail and tells nobody."""
        for answer in (
            raising(ZeroDivisionError()),
            lambda hop, envelope: [None, None, None],
        ):
            house = House()
            house.runner.start()
            house.relay.answers["mx.x.example"] = answer
            house.add("bob@x.example")
            house.go_on(0)
            ((parcel,),) = house.messages()
            self.assertEqual(parcel.recipients[0].last.reply, "local error")
        self.flushLoggedErrors(ZeroDivisionError)

    def test_removed_during_the_attempt(self) -> None:
        """An attempt that ends after its message was removed changes nothing."""
        waiting = Deferred()
        self.house.relay.answers["mx.x.example"] = lambda hop, envelope: waiting
        queue_id = self.house.add("bob@x.example")
        self.house.go_on(0)
        self.successResultOf(Deferred.fromCoroutine(self.house.spool.remove(queue_id)))
        waiting.callback(None)
        self.assertEqual(self.house.messages(), [])
        self.house.add("carol@y.example")
        self.house.go_on(0)
        self.assertEqual(self.house.messages(), [])

    def test_lost_content(self) -> None:
        """A message without its content is held, not tried for ever."""
        queue_id = self.house.add("bob@x.example", hold_until=START + 5)
        self.house.spool.content = raising_content
        self.house.go_on(10)
        ((parcel,),) = self.house.messages()
        self.assertEqual((parcel.queue_id, parcel.held), (queue_id, True))
        self.assertEqual(self.house.relay.calls, [])


async def raising_content(queue_id: Any) -> None:
    """Be a spool that has lost a file."""
    from mailframe.errors import MessageGone

    raise MessageGone(queue_id)


class RetryTests(RunnerTestCase):
    """What cannot be delivered is tried again, for five days."""

    def test_five_days(self) -> None:
        """Attempts follow the schedule; then the sender is told, once."""
        times = []

        def answer(hop: Any, envelope: Any) -> Any:
            times.append(self.house.clock.seconds() - START)
            return busy()

        self.house.relay.answers["mx.x.example"] = answer
        self.house.add("bob@x.example")
        self.house.go_on(6 * DAY)
        minutes = [0, 5, 15, 35, 75, 135, 255]
        self.assertEqual(times[:7], [one * MINUTE for one in minutes])
        self.assertEqual(
            {second - first for first, second in _pairs(times[6:-1])}, {4 * HOUR}
        )
        self.assertEqual(times[-1], 5 * DAY)
        self.assertEqual(self.house.messages(), [])
        kinds = [
            b"Subject: Your message is delayed" in octets
            for _, octets in self.house.reports
        ]
        self.assertEqual(kinds, [True, False])

    def test_delivered_later(self) -> None:
        """A message that was deferred is delivered when the host is back."""
        self.house.relay.answers["mx.x.example"] = raising(TemporaryFailure("down"))
        self.house.add("bob@x.example")
        self.house.go_on(HOUR)
        del self.house.relay.answers["mx.x.example"]
        self.house.go_on(HOUR)
        self.assertEqual(self.house.messages(), [])
        self.assertEqual(self.house.reports, [])

    def test_schedule_of_a_destination(self) -> None:
        """A destination can have a schedule of its own."""
        house = House(
            schedules=Schedules(
                by_destination={"x.example": Schedule(waits=(10.0,), lifetime=25.0)}
            )
        )
        house.runner.start()
        house.relay.answers["mx.x.example"] = lambda hop, envelope: busy()
        house.add("bob@x.example")
        house.go_on(100)
        self.assertEqual(len(house.relay.calls), 4)
        self.assertEqual(house.messages(), [])

    def test_deliver_by(self) -> None:
        """A message to be returned when it is late is returned then."""
        self.house.relay.answers["mx.x.example"] = lambda hop, envelope: busy()
        self.house.add("bob@x.example", deliver_by=DeliverBy(START + HOUR, True))
        self.house.go_on(HOUR - 1)
        self.assertEqual(len(self.house.messages()), 1)
        self.house.go_on(1)
        self.assertEqual(self.house.messages(), [])
        ((_, octets),) = self.house.reports
        # Whatever was last said (RFC 2852 section 4.1.3).
        self.assertIn(b"Action: failed\r\nStatus: 5.4.7\r\n", octets)

    def test_deliver_by_notify(self) -> None:
        """With mode N the sender is told of the delay, and it is tried on."""
        self.house.relay.answers["mx.x.example"] = lambda hop, envelope: busy()
        self.house.add("bob@x.example", deliver_by=DeliverBy(START + HOUR, False))
        self.house.go_on(3 * HOUR)
        ((_, octets),) = self.house.reports
        self.assertIn(b"Action: delayed\r\nStatus: 4.4.7\r\n", octets)
        self.assertEqual(len(self.house.messages()), 1)

    def test_no_wakeups_for_nothing(self) -> None:
        """Between attempts there is one timer, and with nothing to do none."""
        self.house.relay.answers["mx.x.example"] = lambda hop, envelope: busy()
        self.house.add("bob@x.example")
        self.house.go_on(1)
        self.assertEqual(len(self.house.clock.getDelayedCalls()), 1)
        del self.house.relay.answers["mx.x.example"]
        self.house.go_on(DAY)
        self.assertEqual(self.house.clock.getDelayedCalls(), [])


def _pairs(found: Any) -> Any:
    return zip(found, found[1:], strict=False)


class RestartTests(RunnerTestCase):
    """A runner can stop, or die, in the middle."""

    def test_stop_waits(self) -> None:
        """Stopping waits for attempts under way and begins no others."""
        waiting = Deferred()
        self.house.relay.answers["mx.x.example"] = lambda hop, envelope: waiting
        self.house.add("a@x.example")
        self.house.go_on(0)
        stopped = self.house.runner.stop()
        self.assertNoResult(stopped)
        self.house.add("b@y.example")
        self.house.go_on(DAY)
        waiting.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.house.relay.hosts(), ["mx.x.example"])
        ((parcel,),) = self.house.messages()
        self.assertEqual(parcel.destination, "y.example")
        self.assertEqual(self.house.clock.getDelayedCalls(), [])

    def test_stop_gives_back(self) -> None:
        """What waited in memory is handed out to the next runner."""
        self.house.relay.answers["mx.x.example"] = lambda hop, envelope: Deferred()
        for _ in range(50):
            self.house.add("a@x.example")
        self.house.go_on(0)
        begun = len(self.house.relay.calls)
        self.house.runner.stop()
        self.house.relay.answers.clear()
        self.house.make_runner().start()
        self.house.go_on(0)
        self.assertEqual(len(self.house.relay.calls), 50)
        self.assertEqual(begun, 5)

    def test_stop_with_nothing(self) -> None:
        """Stopping an idle runner is done at once."""
        self.successResultOf(self.house.runner.stop())


class DiskTests(RunnerTestCase):
    """A full disk delays, and loses and doubles nothing."""

    def test_record_is_repeated(self) -> None:
        """What was delivered is recorded later, not delivered again."""
        record, failing = self.house.spool.record, [True]

        async def full(*args: Any) -> None:
            if failing:
                raise InsufficientStorage("full")
            await record(*args)

        self.house.spool.record = full
        self.house.add("a@x.example")
        self.house.go_on(HOUR)
        failing.clear()
        self.house.go_on(2 * MINUTE)
        self.assertEqual(len(self.house.relay.calls), 1)
        self.assertEqual(self.house.messages(), [])

    def test_report_is_repeated(self) -> None:
        """A failure that cannot be told is not forgotten."""
        self.house.submit_error = InsufficientStorage("full")
        self.house.relay.answers["mx.x.example"] = lambda hop, envelope: [
            MailError("no"),
            None,
        ]
        self.house.add("a@x.example", "b@x.example")
        self.house.go_on(0)
        ((parcel,),) = self.house.messages()
        self.assertEqual(len(parcel.recipients), 1)
        self.house.submit_error = None
        self.house.relay.answers["mx.x.example"] = lambda hop, envelope: MailError("no")
        self.house.go_on(HOUR)
        self.assertEqual(self.house.messages(), [])
        self.assertEqual(len(self.house.reports), 1)

    def test_spool_refuses(self) -> None:
        """A spool that cannot be read is asked again."""
        take, failing = self.house.spool.take, [True]

        async def broken(*args: Any) -> Any:
            if failing:
                raise TemporaryFailure("disk")
            return await take(*args)

        self.house.spool.take = broken
        self.house.add("a@x.example")
        self.house.go_on(MINUTE)
        failing.clear()
        self.house.go_on(2 * MINUTE)
        self.assertEqual(self.house.messages(), [])
