"""Messages given to programs and files: real ones."""

import errno
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import skipIf

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from mailframe.delivery.agents import Agents
from mailframe.delivery.destination import Command, File
from mailframe.delivery.program import SystemUser, arguments
from mailframe.delivery.system_owner import system_user
from mailframe.errors import (
    DeliveryFailed,
    InsufficientStorage,
    NotSupported,
    TemporaryFailure,
)
from mailframe.limits import AgentLimits
from mailframe.memory_content import MemoryContent
from mailframe.model.address import Address
from mailframe.model.envelope import (
    BodyType,
    Envelope,
    ForwardPath,
    Origin,
    ReversePath,
)
from tests.host import until

SENDER = Address("ann", "b.example")
BOB = Address("bob", "bücher.example")
ORIGIN = Origin("smtp", "ESMTP", "() { :;}; x", "192.0.2.1", "mx.example.org")


class AgentsTestCase(TestCase):
    """Agents, and a program that writes down what it is given."""

    def setUp(self) -> None:
        """Make both."""
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.result = self.directory / "result"
        self.make()

    def make(self, user: Any = None, **limits: Any) -> None:
        """Make the agents."""
        self.agents = Agents(
            programs=deferToThread,
            files=deferToThread,
            now=lambda: 0.0,
            directory=str(self.directory),
            user=user,
            limits=AgentLimits(**limits),
        )

    def program(self, text: str) -> Command:
        """Return a Python program."""
        path = self.directory / "program.py"
        path.write_text(text)
        return Command(f"{sys.executable} -I {path} 'a b' \\$x $HOME ;")

    def deliver(
        self,
        place: Any,
        octets: bytes = b"A: b\r\n\r\nbody\rx\r\n",
        path: ReversePath | None = None,
    ) -> "Deferred[None]":
        """Deliver a message."""
        envelope = Envelope(
            path or ReversePath(SENDER),
            (ForwardPath(BOB, None, ("rfc822", 'x`"$@b.example')),),
            ORIGIN,
        )
        return Deferred.fromCoroutine(
            self.agents.deliver(place, envelope, MemoryContent(octets))
        )


def is_dead(pid: str) -> bool:
    """Tell whether a process is gone, or waits only to be noticed."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except FileNotFoundError:
        return True


class ProgramTests(AgentsTestCase):
    """Programs."""

    async def test_given(self) -> None:
        """The message with LF, arguments without a shell, an environment of its own."""
        os.environ["A_SECRET"] = "x"
        self.addCleanup(os.environ.pop, "A_SECRET")
        place = self.program(
            "import os, sys\n"
            f"with open({str(self.result)!r}, 'wb') as file:\n"
            "    file.write(repr((sys.argv[1:], dict(os.environ), os.getcwd(),\n"
            "        sys.stdin.buffer.read(), os.getsid(0) == os.getpid(),\n"
            "        os.listdir('/proc/self/fd'))).encode())\n"
        )
        await self.deliver(place)
        words, found, where, octets, alone, files = eval(self.result.read_text())
        self.assertEqual(words, ["a b", "$x", "$HOME", ";"])
        self.assertEqual(octets, b"A: b\n\nbody\rx\n")
        self.assertEqual((where, alone), ("/", True))
        self.assertNotIn("A_SECRET", found)
        self.assertEqual(found["SENDER"], "ann@b.example")
        self.assertEqual(found["RECIPIENT"], "bob@xn--bcher-kva.example")
        self.assertEqual(found["ORIGINAL_RECIPIENT"], "x___@b.example")
        self.assertEqual(found["HELO"], "_____:____x")
        # 0, 1, 2, what it writes, and what lists them.
        self.assertEqual(len(files), 5)

    async def test_large(self) -> None:
        """A CR at the end of a piece keeps its LF, or stays alone."""
        line = b"x" * 98 + b"\r\n"
        octets = b"y" + line * 10_000 + b"\r"
        place = self.program(
            f"import sys, shutil\nwith open({str(self.result)!r}, 'wb') as file:\n"
            "    shutil.copyfileobj(sys.stdin.buffer, file)\n"
        )
        await self.deliver(place, octets)
        self.assertEqual(self.result.read_bytes(), octets.replace(b"\r\n", b"\n"))

    async def test_not_read(self) -> None:
        """A program need not read the message."""
        await self.deliver(Command("/bin/true"), b"x" * 10_000_000)

    async def test_statuses(self) -> None:
        """EX_TEMPFAIL is tried again, EX_NOUSER is not."""
        with self.assertRaises(TemporaryFailure):
            await self.deliver(self.program("raise SystemExit(75)"))
        with self.assertRaises(DeliveryFailed) as caught:
            await self.deliver(self.program("raise SystemExit(67)"))
        self.assertEqual(caught.exception.status, "5.1.1")

    async def test_output(self) -> None:
        """What it says is read to the end, and nobody waits for who keeps it open."""
        self.make(program_output=10)
        place = self.program(
            "import os, sys, time\n"
            "os.write(1, b'y' * 1000000)\n"
            "if os.fork() == 0:\n"
            "    time.sleep(30)\n"
            "raise SystemExit(65)\n"
        )
        with self.assertRaises(DeliveryFailed):
            await self.deliver(place)

    async def test_timeout(self) -> None:
        """It is killed with all it has started, and tried again."""
        # So long it has to begin and to write that down.
        self.make(program_seconds=3)
        place = self.program(
            "import os, time\n"
            "child = os.fork()\n"
            "if child:\n"
            f"    open({str(self.result)!r}, 'w').write(str(child))\n"
            "os.close(1); os.close(2)\n"
            "time.sleep(60)\n"
        )
        with self.assertRaises(TemporaryFailure) as caught:
            await self.deliver(place)
        self.assertIn("3 seconds", str(caught.exception))
        child = self.result.read_text()
        until(lambda: is_dead(child))

    async def test_stopped(self) -> None:
        """A host that stops does not wait for programs."""
        waiting = self.deliver(Command("/bin/sleep 60"))
        self.agents.stop()
        with self.assertRaises(TemporaryFailure):
            await waiting

    async def test_cannot_be_run(self) -> None:
        """The operator's mistake is not the sender's."""
        for line in ("/no/such/program", "/etc/passwd", "relative", "/bin/sh 'x"):
            with self.assertRaises(TemporaryFailure) as caught:
                await self.deliver(Command(line))
            self.assertEqual(caught.exception.status, "4.3.5")

    async def test_off(self) -> None:
        """What was queued for a program stays there when programs are off."""
        self.agents = Agents(
            programs=deferToThread,
            files=deferToThread,
            now=lambda: 0.0,
            directory=str(self.directory),
            user=None,
            allow_programs=False,
            allow_files=False,
        )
        for place in (Command("/bin/true"), File(str(self.directory / "box"))):
            with self.assertRaises(TemporaryFailure):
                await self.deliver(place)
        self.assertEqual(list(self.directory.iterdir()), [])

    async def test_busy(self) -> None:
        """No more than so many at the same time."""
        self.make(programs=1)
        first = self.deliver(Command("/bin/cat"))
        with self.assertRaises(TemporaryFailure):
            await self.deliver(Command("/bin/cat"))
        await first
        await self.deliver(Command("/bin/cat"))

    async def test_binary(self) -> None:
        """Binary content has no lines."""
        with self.assertRaises(NotSupported):
            await self.deliver(
                Command("/bin/cat"), path=ReversePath(SENDER, BodyType.BINARY_MIME)
            )

    def test_arguments(self) -> None:
        """Words, quotes, and an absolute path."""
        self.assertEqual(
            arguments("/bin/x a 'b c' \"d|e\""), ["/bin/x", *"a", "b c", "d|e"]
        )
        for line in ("", "x", "./x", "'/x", "/x \0"):
            self.assertRaises(ValueError, arguments, line)


@skipIf(os.geteuid() != 0, "needs root")
class UserTests(AgentsTestCase):
    """Programs of a root process."""

    async def test_user(self) -> None:
        """They run as somebody else, in nobody's groups but that one's."""
        self.make(system_user("nobody"))
        self.result.touch()
        self.result.chmod(0o666)
        self.directory.chmod(0o755)
        command = Command(f"/bin/sh -c 'id -u >{self.result}; id -G >>{self.result}'")
        for parent in self.directory.parents:
            if not parent.stat().st_mode & stat.S_IXOTH:
                self.result = Path("/tmp") / self.id()
                self.result.touch()
                self.addCleanup(self.result.unlink)
                self.result.chmod(0o666)
                command = Command(
                    f"/bin/sh -c 'id -u >{self.result}; id -G >>{self.result}'"
                )
                break
        await self.deliver(command)
        user = system_user("nobody")
        self.assertEqual(self.result.read_text(), f"{user.uid}\n{user.gid}\n")

    def test_root(self) -> None:
        """Nothing runs as root, or as nobody there is."""
        self.assertRaises(ValueError, system_user, "root")
        self.assertRaises(ValueError, system_user, "no-such-user")


class PrivilegeTests(AgentsTestCase):
    """A host that gave up root once its ports were bound."""

    async def test_given_up(self) -> None:
        """Programs and files are its own then; it could not be anybody else."""
        self.make(SystemUser("x", 12345, 12345, (), "/"))
        place = self.program(
            f"import os\nopen({str(self.result)!r}, 'w').write(str(os.geteuid()))\n"
        )
        me = os.geteuid()
        self.patch(os, "geteuid", lambda: 12346)
        await self.deliver(place)
        self.assertEqual(self.result.read_text(), str(me))
        await self.deliver(File(str(self.directory / "box")))
        self.assertEqual((self.directory / "box").stat().st_uid, me)


class FullDiskTests(AgentsTestCase):
    """There is no room for a message."""

    async def test_copy(self) -> None:
        """The client is told that it is the disk."""

        def full(*args: Any, **more: Any) -> Any:
            raise OSError(errno.ENOSPC, "No space left on device")

        self.patch(tempfile, "TemporaryFile", full)
        with self.assertRaises(InsufficientStorage):
            await self.deliver(Command("/bin/cat"))
        self.directory = Path("/no/such/directory")
        self.make()
        self.patch(tempfile, "TemporaryFile", tempfile.NamedTemporaryFile)
        with self.assertRaises(TemporaryFailure):
            await self.deliver(Command("/bin/cat"))


class FileTests(AgentsTestCase):
    """Mbox files."""

    async def test_one_after_the_other(self) -> None:
        """Ten messages at once are ten messages in the file."""
        place = File(str(self.directory / "box"))
        waiting = [self.deliver(place, b"A: %d\r\n\r\n" % at) for at in range(10)]
        for one in waiting:
            await one
        text = (self.directory / "box").read_bytes()
        self.assertEqual(text.count(b"From ann@b.example "), 10)
        self.assertNotIn(b"\r", text)
