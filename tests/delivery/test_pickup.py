"""Tests of the drop directory: nothing lost, nothing half taken, nobody trusted."""

import json
import os
import stat
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from mailframe.delivery.inbound import InboundReceiver
from mailframe.delivery.pickup import AGAIN, BAD, INTERVAL, Pickup
from mailframe.delivery.pickup_file import Dropped, decoded, encoded, write
from mailframe.errors import BadSyntax, OverQuota, TemporaryFailure
from mailframe.model.address import Address
from mailframe.model.envelope import BodyType, DeliverBy, ForwardPath, ReversePath
from mailframe.storage.content import MemoryIntake
from tests.delivery.spool import ListSpool
from tests.delivery.world import NOW, DeliveryTestCase, World

ALICE = Address("alice", "example.org")
TEXT = b"Subject: hi\r\n\r\nbody\r\n"


async def run(call: Any, *arguments: Any) -> Any:
    """Call at once, as a thread would."""
    return call(*arguments)


class PickupCase(DeliveryTestCase):
    """A service that looks into a directory."""

    def setUp(self) -> None:
        self.directory = self.mktemp()
        os.mkdir(self.directory, 0o700)
        self.spool = ListSpool()
        self.world = World(
            InboundReceiver, spool=self.spool, may_relay=lambda origin: True
        )
        self.pickup = self.make()

    def make(self) -> Pickup:
        """Return a service that has not started."""
        return Pickup(
            self.directory,
            self.world.receiver,
            spool=self.spool,
            intake=MemoryIntake(),
            run=run,
            reactor=self.world.clock,
            hostname="mx.example.org",
            domain="example.org",
        )

    def start(self) -> None:
        """Start, and stop when the test is over."""
        self.pickup.startService()
        self.addCleanup(self.pickup.stopService)

    def drop(
        self,
        *recipients: Address,
        content: bytes = TEXT,
        sender: Address | None = ALICE,
        name: str = "",
    ) -> str:
        """Put a message there; return its file's name."""
        paths = tuple(map(ForwardPath, recipients))
        dropped = Dropped(ReversePath(sender), paths, len(content), name)
        return write(self.directory, dropped, content)

    def names(self) -> list[str]:
        """Return what is there still."""
        return sorted(set(os.listdir(self.directory)) - {BAD})

    def bad(self) -> list[str]:
        """Return what was put aside."""
        return sorted(os.listdir(os.path.join(self.directory, BAD)))

    def got(self, user: str = "alice@example.org") -> list[bytes]:
        """Return the user's mail."""
        return self.inbox(self.world.account(user))


class TakenTests(PickupCase):
    """What becomes of a message."""

    def test_waiting(self) -> None:
        """What came while the server was down is taken when it starts."""
        self.drop(ALICE)
        self.start()
        (stored,) = self.got()
        self.assertIn(b"by mx.example.org with local id", stored)
        self.assertIn(b"from uid-%d " % os.getuid(), stored)
        self.assertTrue(stored.endswith(TEXT))
        self.assertEqual(self.names(), [])

    def test_later(self) -> None:
        """What comes while it runs is taken soon."""
        self.start()
        self.drop(ALICE)
        self.assertEqual(self.got(), [])
        self.world.clock.advance(INTERVAL)
        self.assertEqual(len(self.got()), 1)

    def test_unfinished(self) -> None:
        """A file that is still being written is left alone, for a day."""
        for name, age in ((".abc", 86_000), (".old", 87_000)):
            path = os.path.join(self.directory, name)
            with open(path, "wb") as file:
                file.write(b"{")
            os.utime(path, (NOW - age, NOW - age))
        self.start()
        self.assertEqual(self.names(), [".abc"])
        self.assertEqual(self.bad(), [])

    def test_elsewhere(self) -> None:
        """Mail for others goes to the queue; nobody needs to log in."""
        self.drop(Address("x", "far.example"), ALICE)
        self.start()
        (entry,) = self.spool.entries
        self.assertEqual(entry.recipients, ["x@far.example"])
        self.assertEqual(entry.sender, "alice@example.org")
        self.assertEqual(len(self.got()), 1)

    def test_qualified(self) -> None:
        """Addresses without a domain are this host's."""
        self.drop(Address("alice", ""), sender=Address("bob", ""))
        self.start()
        (stored,) = self.got()
        self.assertIn(b"Return-Path: <bob@example.org>\r\n", stored)
        self.assertIn(b"\r\nFrom: bob@example.org\r\n", stored)

    def test_header(self) -> None:
        """Date, Message-ID and From are added where missing, Bcc goes."""
        self.drop(ALICE, content=b"Bcc: x@y.z\r\nTo: a\r\n\r\nb\r\n", name='A "B"')
        self.start()
        (stored,) = self.got()
        self.assertIn(b"\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n", stored)
        self.assertIn(b'\r\nFrom: "A \\"B\\"" <alice@example.org>\r\n', stored)
        self.assertIn(b"@mx.example.org>\r\n", stored)
        self.assertNotIn(b"Bcc", stored)

    def test_header_kept(self) -> None:
        """What is there stays as it is."""
        content = b"From: x\r\nMessage-ID: <a@b>\r\nDate: y\r\n\r\nz\r\n"
        self.drop(ALICE, content=content)
        self.start()
        self.assertTrue(self.got()[0].endswith(b"\r\n" + content))

    def test_no_header(self) -> None:
        """A text without a header is a body."""
        self.drop(ALICE, content=b"just text\r\n\r\nmore\r\n")
        self.start()
        self.assertIn(b"\r\n\r\njust text\r\n\r\nmore\r\n", self.got()[0])

    def test_large(self) -> None:
        """A message is passed on in pieces, none missing."""
        content = b"Subject: x\r\n\r\n" + b"0123456789abc\r\n" * 200_000
        self.drop(ALICE, content=content)
        self.start()
        self.assertTrue(self.got()[0].endswith(content))

    def test_stopped(self) -> None:
        """Nobody looks after the end."""
        self.start()
        self.pickup.stopService()
        self.drop(ALICE)
        self.world.clock.advance(INTERVAL)
        self.assertEqual(len(self.names()), 1)
        self.assertEqual(self.world.clock.getDelayedCalls(), [])


class TroubleTests(PickupCase):
    """What cannot be taken now, or never."""

    def test_unknown_user(self) -> None:
        """Who is not there goes to the queue, which tells the sender."""
        self.drop(Address("mallory", "example.org"), ALICE)
        self.start()
        (entry,) = self.spool.entries
        self.assertEqual(entry.recipients, ["mallory@example.org"])
        self.assertIn(TEXT, entry.octets)
        self.assertEqual(len(self.got()), 1)
        self.assertEqual(self.names(), [])

    def test_refused_at_the_end(self) -> None:
        """The same when the account refuses; the others are not given it again."""
        self.world.account("bob@example.org").refusal = OverQuota("full")
        self.drop(ALICE, Address("bob", "example.org"))
        self.start()
        self.assertEqual(self.spool.entries[0].recipients, ["bob@example.org"])
        self.assertEqual((len(self.got()), self.names()), (1, []))

    def test_temporary(self) -> None:
        """What fails for now stays, and is tried for those it failed for."""
        bob = self.world.account("bob@example.org")
        bob.refusal = TemporaryFailure("not now")
        self.drop(ALICE, Address("bob", "example.org"))
        self.start()
        self.assertEqual(len(self.names()), 1)
        bob.refusal = None
        self.world.clock.pump([INTERVAL] * (int(AGAIN) + 2))
        self.assertEqual(len(self.got("bob@example.org")), 1)
        self.assertEqual((len(self.got()), self.names()), (1, []))

    def test_directory_trouble(self) -> None:
        """While users cannot be looked up, all of it waits."""
        self.world.directory.broken = True
        self.drop(ALICE)
        self.start()
        self.assertEqual(len(self.names()), 1)
        self.world.directory.broken = False
        self.world.clock.pump([INTERVAL] * (int(AGAIN) + 2))
        self.assertEqual((len(self.got()), self.names()), (1, []))

    def test_full_spool(self) -> None:
        """A full disk loses nothing, and a crash then loses nothing either."""
        self.spool.full = True
        self.drop(Address("x", "far.example"))
        self.start()
        self.assertEqual((self.spool.entries, len(self.names())), ([], 1))
        self.pickup.stopService()
        self.spool.full = False
        self.pickup = self.make()
        self.start()
        self.assertEqual((len(self.spool.entries), self.names()), (1, []))

    def test_removed_last(self) -> None:
        """The file is there until the spool has the message."""
        waiting: Deferred[str] = Deferred()
        self.patch(self.spool, "add", lambda *arguments: waiting)
        self.drop(Address("x", "far.example"))
        self.start()
        self.assertEqual(len(self.names()), 1)
        waiting.callback("Q")
        self.assertEqual(self.names(), [])

    def test_loop(self) -> None:
        """A message that goes in circles is put aside, and said so."""
        self.drop(ALICE, content=b"Received: x\r\n" * 101 + b"\r\n")
        self.start()
        self.assertEqual((self.got(), len(self.bad())), ([], 1))


class StrangersTests(PickupCase):
    """Files as others may make them."""

    def put(self, octets: bytes) -> None:
        """Write a file."""
        with open(os.path.join(self.directory, "x"), "wb") as file:
            file.write(octets)

    def assert_put_aside(self) -> None:
        """Make sure it is not taken, and not looked at again."""
        self.start()
        self.assertEqual((self.bad(), self.names(), self.got()), (["x"], [], []))

    def test_no_envelope(self) -> None:
        """Something else is put aside."""
        for octets in (b"", b"\n", b"{}\n", b"[]\n", b"no\n", b"x" * 2_000_000):
            self.put(octets)
            self.assert_put_aside()
            self.pickup.stopService()

    def test_cut(self) -> None:
        """What is shorter or longer than it says is not a message."""
        line = encoded(Dropped(ReversePath(None), (ForwardPath(ALICE),), 10))
        for content in (b"123456789", b"12345678901"):
            self.put(line + content)
            self.assert_put_aside()
            self.pickup.stopService()

    def test_line_ends(self) -> None:
        """Bare CR and LF are refused: they could end a message elsewhere."""
        pad = b"a: b\r\n\r\n" + b"x" * 1_048_567
        for content in (b"a\nb\r\n", b"a\rb\r\n", b"a\r", pad + b"\r.", pad + b"x\n"):
            paths = (ForwardPath(ALICE),)
            line = encoded(Dropped(ReversePath(None), paths, len(content)))
            self.put(line + content)
            self.assert_put_aside()
            self.pickup.stopService()

    def test_binary(self) -> None:
        """BINARYMIME may have any octets."""
        content = b"a: b\r\n\r\n\r\n\n\r"
        path = ReversePath(None, body=BodyType.BINARY_MIME)
        to = ForwardPath(Address("x", "far.example"))
        write(self.directory, Dropped(path, (to,), len(content)), content)
        self.start()
        self.assertTrue(self.spool.entries[0].octets.endswith(content))

    def test_crlf_across_pieces(self) -> None:
        """CRLF cut in two is CRLF still."""
        pad = b"a: b\r\n\r\n" + b"x" * 1_048_567 + b"\r\n"
        self.drop(ALICE, content=pad)
        self.start()
        self.assertEqual(len(self.got()), 1)

    def test_links(self) -> None:
        """Neither a symbolic nor a second hard link is read."""
        name = self.drop(ALICE)
        other = self.mktemp()
        os.rename(os.path.join(self.directory, name), other)
        os.symlink(os.path.abspath(other), os.path.join(self.directory, "x"))
        self.assert_put_aside()
        self.pickup.stopService()
        os.unlink(os.path.join(self.directory, BAD, "x"))
        os.link(other, os.path.join(self.directory, "x"))
        self.assert_put_aside()

    def test_pipe(self) -> None:
        """A pipe makes nobody wait."""
        os.mkfifo(os.path.join(self.directory, "x"))
        self.assert_put_aside()

    def test_injection(self) -> None:
        """An address cannot end a line, nor a name."""
        for place in ("local", "domain"):
            line = json.loads(
                encoded(Dropped(ReversePath(ALICE), (ForwardPath(ALICE),), 0))
            )
            line["sender"]["address"][place] = "a>\r\nX: y"
            with self.assertRaises(BadSyntax):
                decoded(json.dumps(line).encode())


class FileTests(PickupCase):
    """How files are written."""

    def test_modes(self) -> None:
        """Its owner's alone; in a setgid directory the group may read it."""
        for directory_mode, mode in ((0o700, 0o600), (0o3733, 0o640)):
            os.chmod(self.directory, directory_mode)
            path = os.path.join(self.directory, self.drop(ALICE))
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), mode)

    def test_nothing_left(self) -> None:
        """Writing that fails leaves nothing."""
        self.patch(os, "fsync", self._full)
        with self.assertRaises(OSError):
            self.drop(ALICE)
        self.assertEqual(self.names(), [])

    def _full(self, fd: int) -> None:
        raise OSError(28, "No space left on device")

    def test_all_fields(self) -> None:
        """What the envelope says arrives."""
        path = ReversePath(
            Address('a"b', "xn--x.example"),
            body=BodyType.EIGHT_BIT_MIME,
            smtputf8=True,
            ret="HDRS",
            envid="e",
            require_tls=True,
            priority=-3,
            hold_until=5.5,
            deliver_by=DeliverBy(7.0, True, True),
        )
        to = ForwardPath(ALICE, frozenset(("SUCCESS",)), ("rfc822", "b@c"))
        dropped = Dropped(path, (to, ForwardPath(ALICE, frozenset())), 12, "Ann")
        self.assertEqual(decoded(encoded(dropped)), dropped)

    def test_not_before_others(self) -> None:
        """A program may have its message wait, not go first (RFC 6710 4.1)."""
        for asked, counts in ((9, 0), (0, 0), (-9, -9), (-99, -9)):
            dropped = Dropped(
                ReversePath(ALICE, priority=asked), (ForwardPath(ALICE),), 0
            )
            found = decoded(encoded(dropped)).reverse_path
            self.assertEqual(found.priority, counts)

    def test_impossible_times(self) -> None:
        """A time that is none is not taken."""
        for at in (float("inf"), float("nan"), 1e12, -1.0):
            for path in (
                ReversePath(ALICE, hold_until=at),
                ReversePath(ALICE, deliver_by=DeliverBy(at, True)),
            ):
                with self.assertRaises(BadSyntax):
                    decoded(encoded(Dropped(path, (ForwardPath(ALICE),), 0)))

    @settings(max_examples=100, deadline=None)
    @given(
        st.binary()
        | st.recursive(st.none() | st.text(), st.lists).map(
            lambda found: json.dumps(found).encode()
        )
    )
    def test_anything(self, octets: bytes) -> None:
        """Any octets are an envelope or BadSyntax."""
        with self.assertRaises(BadSyntax):
            decoded(octets)
