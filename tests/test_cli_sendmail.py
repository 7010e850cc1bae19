"""Tests of :mod:`mailframe.cli_sendmail` and its SMTP session."""

import io
import os
import subprocess
import sys
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe import cli, cli_sendmail
from mailframe.cli_sendmail import Refused, normalised, parse
from mailframe.delivery.inbound import InboundReceiver
from mailframe.delivery.pickup import Pickup
from mailframe.delivery.pickup_file import Dropped, decoded
from mailframe.model.address import Address
from mailframe.model.envelope import BodyType
from mailframe.storage.content import MemoryIntake
from tests.delivery.spool import ListSpool
from tests.delivery.world import World

TEXT = b"From: a@b.example\nTo: x@y.example\nSubject: hi\n\nbody\n"


class _Standard:
    """Standard input or output with octets below."""

    def __init__(self, octets: bytes = b"") -> None:
        self.buffer = io.BytesIO(octets)
        self.said = ""

    def write(self, text: str) -> None:
        """Keep text."""
        self.said += text

    def flush(self) -> None:
        """Nothing waits."""


class SendmailCase(SynchronousTestCase):
    """Runs the command with a state directory of its own."""

    def setUp(self) -> None:
        self.state_dir = self.mktemp()
        self.pickup = os.path.join(self.state_dir, "pickup")
        os.makedirs(self.pickup)
        self.patch(os, "environ", {"MAILFRAME_STATE_DIR": self.state_dir})

    def run_command(self, *arguments: str, stdin: bytes = TEXT) -> int:
        """Run it; keep what it says."""
        self.out, self.err = _Standard(), _Standard()
        for name, stream in (
            ("stdin", _Standard(stdin)),
            ("stdout", self.out),
            ("stderr", self.err),
        ):
            self.patch(sys, name, stream)
        return cli.main(["sendmail", *arguments])

    def dropped(self) -> tuple[Dropped, bytes]:
        """Return the one message that was dropped, and remove it."""
        (name,) = os.listdir(self.pickup)
        path = os.path.join(self.pickup, name)
        with open(path, "rb") as file:
            line, content = file.readline(), file.read()
        os.unlink(path)
        return decoded(line), content

    def sent(self, *arguments: str, stdin: bytes = TEXT) -> Dropped:
        """Send, and return the envelope."""
        self.assertEqual(self.run_command(*arguments, stdin=stdin), os.EX_OK)
        return self.dropped()[0]

    def refused(self, code: int, *arguments: str, stdin: bytes = TEXT) -> None:
        """Make sure nothing is sent, and one line says why."""
        self.assertEqual(self.run_command(*arguments, stdin=stdin), code)
        self.assertEqual(self.err.said.count("\n"), 1, self.err.said)
        self.assertEqual(os.listdir(self.pickup), [])


class OptionTests(SendmailCase):
    """The options of sendmail(1)."""

    def test_plain(self) -> None:
        """A recipient, and the caller as the sender."""
        dropped = self.sent("x@y.example")
        sender = dropped.reverse_path.address
        assert sender is not None
        self.assertEqual(sender.domain, "")
        self.assertEqual(self.recipients(dropped), ["x@y.example"])

    @staticmethod
    def recipients(dropped: Dropped) -> list[str]:
        """Return the recipients as texts."""
        return [str(one.address) for one in dropped.forward_paths]

    def test_from_header(self) -> None:
        """-t takes To, Cc and Bcc, and the arguments."""
        text = b'To: "A, B" <a@b.example>, root\nCc: g: c@d.example;\nBcc: x@y.z\n\n.'
        dropped = self.sent("-t", "q@y.z", stdin=text)
        self.assertEqual(
            self.recipients(dropped),
            ["q@y.z", "a@b.example", "root", "c@d.example", "x@y.z"],
        )

    def test_resent(self) -> None:
        """When a message is sent again, the first recipients do not get it."""
        text = b"To: a@b.example\nResent-To: c@d.example\n\n"
        self.assertEqual(self.recipients(self.sent("-t", stdin=text)), ["c@d.example"])

    def test_sender(self) -> None:
        """-f and -r, joined or not; <> and nothing are the null sender."""
        for words in (["-f", "m@n.o"], ["-fm@n.o"], ["-r", "M <m@n.o>"]):
            dropped = self.sent(*words, "x@y.z")
            self.assertEqual(dropped.reverse_path.address, Address("m", "n.o"))
        for words in (["-f", "<>"], ["-f", ""]):
            self.assertIsNone(self.sent(*words, "x@y.z").reverse_path.address)

    def test_name(self) -> None:
        """-F is the full name, and cannot end a line."""
        self.assertEqual(self.sent("-FAnn\r\nX: y", "x@y.z").name, "AnnX: y")

    def test_delivery_status(self) -> None:
        """-N, -R and -V; -B."""
        dropped = self.sent(
            *["-N", "success,delay", "-R", "hdrs", "-V", "id1", "-B8BITMIME", "x@y.z"]
        )
        self.assertEqual(
            dropped.forward_paths[0].notify, frozenset(("SUCCESS", "DELAY"))
        )
        path = dropped.reverse_path
        self.assertEqual((path.ret, path.envid), ("HDRS", "id1"))
        self.assertIs(path.body, BodyType.EIGHT_BIT_MIME)
        never = self.sent("-N", "never", "x@y.z")
        self.assertEqual(never.forward_paths[0].notify, frozenset())

    def test_body_found_out(self) -> None:
        """What has 8-bit octets is 8BITMIME, whatever is said."""
        for words in ([], ["-B", "7BIT"]):
            path = self.sent(*words, "x@y.z", stdin=b"\n\xc3\xa4\n").reverse_path
            self.assertIs(path.body, BodyType.EIGHT_BIT_MIME)

    def test_ignored(self) -> None:
        """What programs pass besides changes nothing."""
        words = "-oem -odb -oi -G -v -n -m -L tag -O Timeout=1 -U -x -- x@y.z"
        self.sent(*words.split(" "))

    def test_wrong(self) -> None:
        """Mistakes have the codes of sysexits.h."""
        self.refused(os.EX_USAGE)
        self.refused(os.EX_USAGE, "-Z", "x@y.z")
        self.refused(os.EX_USAGE, "-bd")
        self.refused(os.EX_USAGE, "-bv", "x@y.z")
        self.refused(os.EX_USAGE, "-N", "sometimes", "x@y.z")
        self.refused(os.EX_USAGE, "-R", "half", "x@y.z")
        self.refused(os.EX_USAGE, "-B", "9BIT", "x@y.z")
        self.refused(os.EX_USAGE, "-V", "a\nb", "x@y.z")
        self.refused(os.EX_USAGE, "-t", stdin=b"Subject: x\n\n")
        self.refused(os.EX_DATAERR, "x@y_z")
        self.refused(os.EX_DATAERR, "-f", "a@b.c, d@e.f", "x@y.z")
        self.refused(os.EX_DATAERR, "x@y..z")

    def test_no_directory(self) -> None:
        """Without a place for it nothing is pretended."""
        self.refused(os.EX_CANTCREAT, "--pickup-dir", "/nowhere/at/all", "x@y.z")

    def test_full_disk(self) -> None:
        """A full disk: come again."""

        def full(fd: int) -> None:
            raise OSError(28, "No space left on device")

        self.patch(os, "fsync", full)
        self.refused(os.EX_TEMPFAIL, "x@y.z")

    def test_queue(self) -> None:
        """-bp prints what waits here when no server runs; -q needs one."""
        self.assertEqual(self.run_command("x@y.z"), os.EX_OK)
        self.assertEqual(self.run_command("-bp"), os.EX_OK)
        self.assertIn("1 not taken", self.out.said)
        self.dropped()
        self.refused(os.EX_UNAVAILABLE, "-bp")
        self.refused(os.EX_UNAVAILABLE, "-q")

    def test_mailq(self) -> None:
        """Called as mailq it prints the queue; as newaliases it does nothing."""
        self.run_command("x@y.z")
        self.patch(sys, "argv", ["/usr/bin/mailq"])
        self.assertEqual(cli_sendmail.main(), os.EX_OK)
        self.patch(sys, "argv", ["/usr/bin/newaliases"])
        self.assertEqual(cli_sendmail.main(), os.EX_OK)

    def test_help(self) -> None:
        """--help says what there is."""
        self.assertEqual(self.run_command("--help"), os.EX_OK)
        self.assertIn("-bs", self.out.said)


class ContentTests(SendmailCase):
    """What becomes of the message."""

    def test_line_ends(self) -> None:
        """Lines end in CRLF, the last one too."""
        self.assertEqual(
            normalised(b"a\nb\r\nc\rd", dots=False), b"a\r\nb\r\nc\r\nd\r\n"
        )
        self.assertEqual(normalised(b"", dots=True), b"")

    def test_dot(self) -> None:
        """A dot ends the message, unless -i or -oi is there."""
        text = b"a: b\n\nx\n..\n.y\n.\nz\n"
        self.assertTrue(normalised(text, dots=True).endswith(b"\r\n.y\r\n"))
        for flag in ("-i", "-oi"):
            self.run_command(flag, "x@y.z", stdin=text)
            self.assertTrue(self.dropped()[1].endswith(b"\r\n.\r\nz\r\n"))

    def test_dot_at_the_end(self) -> None:
        """The last dot needs no line end."""
        self.assertEqual(normalised(b"a\n.", dots=True), b"a\r\n")
        self.assertEqual(normalised(b".", dots=True), b"")

    @settings(max_examples=100, deadline=None)
    @given(st.binary())
    def test_addresses(self, octets: bytes) -> None:
        """Any octets are addresses that can be written, or a refusal."""
        try:
            found = parse(octets)
        except Refused:
            return
        for one in found:
            self.assertNotIn("\n", one.written())


class SessionTests(SendmailCase):
    """-bs."""

    def test_session(self) -> None:
        """A whole session drops its message."""
        commands = (
            b"EHLO x\r\nMAIL FROM:<a@b.c> RET=HDRS\r\nRCPT TO:<x@y.z> NOTIFY=NEVER\r\n"
            b"DATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n"
        )
        self.assertEqual(self.run_command("-bs", stdin=commands), os.EX_OK)
        said = self.out.buffer.getvalue()
        self.assertTrue(said.startswith(b"220 "))
        self.assertTrue(said.endswith(b"221 2.0.0 Bye\r\n"))
        dropped, content = self.dropped()
        self.assertEqual(content, b"Subject: x\r\n\r\n.dot\r\n")
        self.assertEqual(dropped.reverse_path.ret, "HDRS")
        self.assertEqual(dropped.forward_paths[0].notify, frozenset())

    def test_cut(self) -> None:
        """A client that goes in the middle has sent nothing."""
        commands = b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<x@y.z>\r\nDATA\r\nSubject"
        self.assertEqual(self.run_command("-bs", stdin=commands), os.EX_OK)
        self.assertEqual(os.listdir(self.pickup), [])

    def test_no_directory(self) -> None:
        """What cannot be kept is not taken: 4yz."""
        os.rmdir(self.pickup)
        commands = (
            b"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<x@y.z>\r\nDATA\r\n\r\n.\r\nQUIT\r\n"
        )
        self.run_command("-bs", stdin=commands)
        self.assertIn(b"\r\n452 ", self.out.buffer.getvalue())

    def test_bare(self) -> None:
        """CHUNKING does not let bare line ends in either."""
        commands = (
            b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<x@y.z>\r\n"
            b"BDAT 4 LAST\r\na\nb\nQUIT\r\n"
        )
        self.run_command("-bs", stdin=commands)
        self.assertEqual(os.listdir(self.pickup), [])


class TogetherTests(SendmailCase):
    """From a process of its own to the INBOX."""

    def test_delivered(self) -> None:
        """What was sent while no server ran is there when one does."""
        done = subprocess.run(
            [sys.executable, "-m", "mailframe.cli", "sendmail", "-t", "-i"]
            + ["--state-dir", self.state_dir],
            input=b"To: alice@example.org\nBcc: bob\n\nhello\n.\nbye\n",
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
            check=False,
        )
        self.assertEqual(done.returncode, os.EX_OK)
        spool, world = ListSpool(), World(InboundReceiver)

        async def run(call: Any, *arguments: Any) -> Any:
            return call(*arguments)

        service = Pickup(
            self.pickup,
            world.receiver,
            spool=spool,
            intake=MemoryIntake(),
            run=run,
            reactor=Clock(),
            hostname="mx.example.org",
            domain="example.org",
        )
        service.startService()
        service.stopService()
        for user in ("alice", "bob"):
            account = world.account(f"{user}@example.org")
            (stored,) = self.successResultOf(Deferred.fromCoroutine(_inbox(account)))
            self.assertTrue(stored.endswith(b"\r\n\r\nhello\r\n.\r\nbye\r\n"))
            self.assertNotIn(b"Bcc", stored)
        self.assertEqual(os.listdir(self.pickup), ["bad"])


async def _inbox(account: Any) -> list[bytes]:
    from tests.delivery.world import _inbox as inbox

    return await inbox(account)
