"""Tests of :mod:`mailframe.queue.control` and its socket."""

import json
import os
import shutil
import socket
import stat
import sys
import tempfile
from dataclasses import replace
from typing import Any

from twisted.internet import reactor  # noqa: TID251 - a real socket
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mailframe.errors import MessageGone, TemporaryFailure
from mailframe.memory_content import MemoryContent
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath
from mailframe.queue.contract import Outcome, Settled, State
from mailframe.queue.control import QueueControl
from mailframe.queue.control_socket import (
    LINE_MAX,
    SOCKET,
    TIMEOUT,
    ControlFactory,
)
from mailframe.queue.memory import MemorySpool
from mailframe.testing.spool_contract import NOBODY, START, envelope
from tests.host import ROOT, environment, run


class AbortingTransport(StringTransport):
    """A transport that can be aborted."""

    def abortConnection(self) -> None:
        """Be gone."""
        self.aborting = True
        super().abortConnection()


class ControlTestCase(SynchronousTestCase):
    """A test with two messages in a spool: one tried, one held."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(START)
        self.spool = MemorySpool(self.clock.seconds)
        self.revived = []
        self.factory = ControlFactory(
            QueueControl(self.spool, self.clock.seconds, self.revived.append),
            self.clock,
        )
        self.tried = self.add("b@x.example", "c@y.example")
        (parcel,) = self.wait(self.spool.take_for("x.example", START, 1))
        outcome = Outcome(State.DEFERRED, "4.2.0", "450 busy", "mx.x.example", True)
        self.wait(self.spool.record(parcel, [Settled(0, outcome)], START + 300))
        self.held = self.add("d@z.example", sender=None)
        self.wait(self.spool.hold(self.held, True))

    def wait(self, awaitable: Any) -> Any:
        """Return a result that is there."""
        return self.successResultOf(ensureDeferred(awaitable))

    def add(self, *recipients: Any, **more: Any) -> Any:
        """Queue a message."""
        content = MemoryContent(b"Subject: caf\xc3\xa9\r\n\r\nbody\r\n")
        return self.wait(self.spool.add(envelope(*recipients, **more), content, START))

    def connect(self) -> Any:
        """Return a connection."""
        protocol = self.factory.buildProtocol(None)
        transport = AbortingTransport()
        protocol.makeConnection(transport)
        return protocol, transport

    def ask_raw(self, line: Any) -> Any:
        """Return the lines of the answer to an octet string."""
        protocol, transport = self.connect()
        protocol.dataReceived(line)
        self.assertTrue(transport.disconnecting)
        protocol.connectionLost()
        lines = transport.value().splitlines()
        return [json.loads(one) for one in lines if one]

    def ask(self, command: Any, **more: Any) -> Any:
        """Return the lines of the answer to a request."""
        request = {"command": command, **more}
        return self.ask_raw(json.dumps(request).encode() + b"\n")

    def parcels(self, queue_id: Any) -> Any:
        """Return a message's parcels."""
        return self.wait(self.spool.entry(queue_id))


class ControlTests(ControlTestCase):
    """Each command does what it says."""

    def test_list(self) -> None:
        """All messages, or those that match."""
        first, second, last = self.ask("list")
        self.assertEqual(first["id"], self.tried)
        self.assertEqual(first["sender"], "alice@example.org")
        self.assertEqual(first["recipients"], ["b@x.example", "c@y.example"])
        self.assertEqual((first["attempts"], first["due"]), (1, START))
        self.assertEqual((second["held"], second["sender"]), (True, ""))
        self.assertEqual(last, {"done": 2})
        for chosen, found in (
            ({"held": True}, [self.held]),
            ({"sender": "Alice@example.org"}, [self.tried]),
            ({"sender": "<>"}, [self.held]),
            ({"destination": "Y.example"}, [self.tried]),
            ({"destination": "nowhere.example"}, []),
        ):
            *lines, last = self.ask("list", **chosen)
            self.assertEqual([one["id"] for one in lines], found)
            self.assertEqual(last["done"], len(found))

    def test_list_by_destination(self) -> None:
        """A domain in any form; what a table has chosen as it is written there."""
        wide = self.add("e@K\u00d6LN.example")
        path = ForwardPath(Address("f", "x.example"), via="|/usr/bin/File")
        message = replace(envelope("f@x.example"), forward_paths=(path,))
        content = MemoryContent(b"Subject: x\r\n\r\n")
        piped = self.wait(self.spool.add(message, content, START))
        for destination, wanted in (
            ("k\u00f6ln.Example", [wide]),
            ("XN--KLN-SNA.example", [wide]),
            ("|/usr/bin/File", [piped]),
            ("|/usr/bin/file", []),
        ):
            *lines, _ = self.ask("list", destination=destination)
            self.assertEqual([one["id"] for one in lines], wanted, destination)
        self.assertEqual(
            self.ask("flush", destination="|/usr/bin/File")[-1:], [{"done": 0}]
        )
        self.assertEqual(self.revived, ["|/usr/bin/File"])

    def test_list_many(self) -> None:
        """A long list is complete."""
        for _ in range(500):
            self.add("e@x.example")
        self.assertEqual(len(self.ask("list")), 503)

    def test_why(self) -> None:
        """What each recipient waits for."""
        found, last = self.ask("why", ids=[self.tried])
        tried, untried = found["parcels"]
        self.assertEqual(
            (tried["destination"], tried["due"]), ("x.example", START + 300)
        )
        self.assertEqual(
            tried["recipients"],
            [
                {
                    "address": "b@x.example",
                    "tried": START,
                    "status": "4.2.0",
                    "reply": "450 busy",
                    "remote": "mx.x.example",
                    "warned": False,
                }
            ],
        )
        self.assertIsNone(untried["recipients"][0]["tried"])
        self.assertNotIn("content", found)
        self.assertEqual(last, {"done": 1})

    def test_show(self) -> None:
        """The same, and the content."""
        found, _ = self.ask("show", ids=[self.tried])
        self.assertEqual(found["content"], "Subject: caf\u00e9\r\n\r\nbody\r\n")

    def test_hold_and_release(self) -> None:
        """Messages are held and released, by ID or all that match."""
        self.assertEqual(self.ask("release", ids=[self.held]), [{"done": 1}])
        self.assertFalse(self.parcels(self.held)[0].held)
        self.assertEqual(self.ask("hold", destination="y.example"), [{"done": 1}])
        self.assertTrue(self.parcels(self.tried)[0].held)
        self.assertEqual(self.ask("hold", all=True), [{"done": 2}])

    def test_many_at_the_same_time(self) -> None:
        """What is done to many messages is done together; what fails is said."""
        for _ in range(9):
            self.add("b@x.example")
        gone = self.add("b@x.example")
        asked: list[tuple[str, Deferred[None]]] = []

        def hold(queue_id: str, held: bool) -> "Deferred[None]":
            asked.append((queue_id, Deferred()))
            return asked[-1][1]

        self.patch(self.spool, "hold", hold)
        request = json.dumps({"command": "hold", "destination": "x.example"}).encode()
        for failure, last in (
            (None, {"done": 10}),
            (TemporaryFailure("full"), {"error": "not possible now; the log says why"}),
        ):
            protocol, transport = self.connect()
            protocol.dataReceived(request + b"\n")
            self.assertEqual(len(asked), 11)
            for queue_id, done in asked:
                if queue_id == gone:
                    done.errback(MessageGone(queue_id))
                elif failure is not None:
                    done.errback(failure)
                else:
                    done.callback(None)
            asked.clear()
            sign = b"\n" if failure is None else b""
            self.assertEqual(
                transport.value(), sign + json.dumps(last).encode() + b"\n"
            )
            protocol.connectionLost()

    def test_flush(self) -> None:
        """Deferred mail is tried now, all or that to one destination."""
        self.assertEqual(self.ask("flush", destination="nowhere"), [{"done": 0}])
        self.assertEqual(self.ask("flush"), [{"done": 1}])
        self.assertEqual(self.revived, ["nowhere", None])
        self.assertEqual(self.parcels(self.tried)[0].due, START)

    def test_retry(self) -> None:
        """A message is tried now."""
        self.assertEqual(self.ask("retry", ids=[self.tried]), [{"done": 1}])
        self.assertEqual(self.revived, ["x.example", "y.example"])
        self.assertEqual(self.parcels(self.tried)[0].due, START)

    def test_drop(self) -> None:
        """A message goes."""
        self.assertEqual(self.ask("drop", ids=[self.held]), [{"done": 1}])
        self.assertEqual(len(self.ask("list")), 2)
        self.assertEqual(self.ask("drop", all=True), [{"done": 1}])

    def test_requeue(self) -> None:
        """A message begins anew."""
        self.clock.advance(50)
        self.assertEqual(self.ask("requeue", ids=[self.tried]), [{"done": 1}])
        parcel = self.parcels(self.tried)[0]
        self.assertEqual((parcel.attempts, parcel.arrived), (0, START + 50))

    def test_refused(self) -> None:
        """What is no request, or names no message, is answered with an error."""
        for line, words in (
            (b"nonsense\n", "not JSON"),
            (b"\xff\n", "not JSON"),
            (b"[]\n", "an object"),
            (b'{"command":"x"}\n', "no such command"),
            (b'{"command":["x"]}\n', "no such command"),
            (b'{"command":"drop"}\n', "no message is named"),
            (b'{"command":"show","ids":[]}\n', "one message"),
            (b'{"command":"why","ids":["a","b"]}\n', "one message"),
            (b'{"command":"list","sender":1}\n', "a text"),
            (b'{"command":"why","ids":["%b"]}\n' % NOBODY.encode(), "no such message"),
            (b'{"command":"drop","ids":["../x"]}\n', "no such message"),
        ):
            (found,) = self.ask_raw(line)
            self.assertIn(words, found["error"])

    def test_bug_is_not_told(self) -> None:
        """The text of an error of ours stays in the log."""
        for error in (ZeroDivisionError("secret"), TemporaryFailure("secret")):
            self.patch(self.spool, "entries", self.raising(error))
            (found,) = self.ask("list")
            self.assertNotIn("secret", found["error"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def raising(self, error: Any) -> Any:
        """Return a method that raises ``error``."""

        async def method(*args: Any) -> None:
            raise error

        return method


class ConnectionTests(ControlTestCase):
    """Connections are bounded in time and size."""

    def test_in_pieces(self) -> None:
        """A request may come in pieces; what follows it is ignored."""
        protocol, transport = self.connect()
        for octet in b'{"command":"list"}':
            protocol.dataReceived(bytes([octet]))
        self.assertEqual(transport.value(), b"")
        protocol.dataReceived(b'\n{"command":"drop","all":true}\n')
        self.assertEqual(len(transport.value().splitlines()), 3)
        protocol.connectionLost()

    def test_too_long(self) -> None:
        """A request without an end is refused."""
        (found,) = self.ask_raw(b"x" * (LINE_MAX + 1))
        self.assertIn("too long", found["error"])

    def test_silence(self) -> None:
        """A client that asks nothing is left."""
        _, transport = self.connect()
        self.clock.advance(TIMEOUT)
        self.assertTrue(transport.disconnected)

    def test_slow_reader(self) -> None:
        """A client that does not read makes us wait, and not for ever."""
        protocol, transport = self.connect()
        transport.producer.pauseProducing()
        protocol.dataReceived(b'{"command":"list"}\n')
        self.assertEqual(transport.value(), b"")
        transport.producer.resumeProducing()
        self.assertEqual(len(transport.value().splitlines()), 3)
        protocol.connectionLost()
        protocol, transport = self.connect()
        transport.producer.pauseProducing()
        protocol.dataReceived(b'{"command":"list"}\n')
        self.clock.advance(TIMEOUT)
        self.assertTrue(transport.disconnected)
        protocol.connectionLost()
        self.assertEqual(transport.value(), b"")
        self.assertEqual(self.clock.getDelayedCalls(), [])


class CommandTests(TestCase):
    """``mailframe queue`` on a real socket."""

    timeout = 110

    def setUp(self) -> None:
        """Make a directory."""
        # Short: a socket's path has no more than about a hundred octets.
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)

    async def begin(self) -> Any:
        """Serve a spool with one message; return its ID."""
        self.spool = MemorySpool(lambda: START)
        factory = ControlFactory(
            QueueControl(self.spool, lambda: START, print), reactor
        )
        port = factory.listen(f"{self.directory}/{SOCKET}")
        self.addCleanup(port.stopListening)
        content = MemoryContent(b"Subject: x\r\n\r\n\x1b[2Jbody\r\n")
        return await self.spool.add(envelope("b@x.example"), content, START)

    def mailframe(self, *arguments: Any, status: Any = 0) -> Any:
        """Run the command."""
        return deferToThread(
            lambda: run(
                sys.executable,
                *("-m", "mailframe.cli", "queue", *arguments),
                *("--state-dir", self.directory),
                directory=ROOT,
                env=environment(),
                status=status,
            ).stdout.decode()
        )

    async def test_for_its_owner(self) -> None:
        """The socket is for its owner alone, and one left behind is replaced."""
        await self.begin()
        path = f"{self.directory}/{SOCKET}"
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)

    async def test_left_behind(self) -> None:
        """A socket that a killed server left is no obstacle."""
        path = f"{self.directory}/{SOCKET}"
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(path)
        factory = ControlFactory(
            QueueControl(MemorySpool(lambda: 0), lambda: 0, print), reactor
        )
        port = factory.listen(path)
        await port.stopListening()

    async def test_commands(self) -> None:
        """Tables for people, JSON for programs."""
        queue_id = await self.begin()
        listed = await self.mailframe("list")
        self.assertIn(queue_id, listed)
        self.assertIn("b@x.example", listed)
        self.assertIn("1 message\n", listed)
        first, last = (await self.mailframe("list", "--json")).splitlines()
        self.assertEqual(json.loads(first)["id"], queue_id)
        self.assertEqual(json.loads(last), {"done": 1})
        shown = await self.mailframe("show", queue_id)
        self.assertIn("?[2Jbody", shown)
        self.assertIn("not tried yet", await self.mailframe("why", queue_id))
        self.assertEqual(await self.mailframe("hold", queue_id), "done: 1\n")
        self.assertIn("held", await self.mailframe("list"))
        self.assertEqual(await self.mailframe("drop", "--all"), "done: 1\n")
        self.assertEqual(await self.mailframe("list"), "0 messages\n")

    async def test_refused(self) -> None:
        """What cannot be done is said in one line."""
        await self.begin()
        said = await self.mailframe("why", NOBODY, status=1)
        self.assertEqual(said, f"mailframe: {NOBODY}: there is no such message\n")
        said = await self.mailframe("drop", status=1)
        self.assertEqual(
            said,
            "mailframe: queue drop: name IDs, or one of --all --domain --sender\n",
        )

    async def test_no_server(self) -> None:
        """Without a server that is said, in one line."""
        said = await self.mailframe("list", status=1)
        self.assertEqual(
            said,
            "mailframe: no server is running with this queue"
            f" ({self.directory}/{SOCKET})\n",
        )
