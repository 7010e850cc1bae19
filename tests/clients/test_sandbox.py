"""The sandbox: what it prints can be pasted, and works."""

import re
import shutil
import stat
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mailframe.config import SANDBOX_LISTENERS
from tests.host import Program, environment, run, twistd
from tests.peers import require


class SandboxTests(SynchronousTestCase):
    """``twistd -n mailframe`` in an empty directory."""

    def test_paste(self) -> None:
        """Each printed command does what it says; a restart keeps the account."""
        require("swaks")
        require("curl")
        directory = Path(tempfile.mkdtemp(prefix="mailframe-sandbox-"))
        self.addCleanup(shutil.rmtree, directory)
        ports = [int(one.endpoint.split(":")[1]) for one in SANDBOX_LISTENERS]
        self.assertEqual(ports, [8025, 8587, 8465, 8143, 8993, 8110, 8995])
        command = twistd("-n", "mailframe")
        program = Program(command, directory, ports, environment())
        self.addCleanup(lambda: program.stop())
        said = program.said()
        self.assertRegex(said, r"(?m)^demo@localhost  password: [a-z0-9-]{19}$")
        lines = said.replace("\\\n", " ").splitlines()
        commands = {
            line.split()[0] + line.split()[1]: line.split(maxsplit=1)[1]
            for line in lines
            if re.match(r"(receive|send|read| ) *(swaks|curl) ", line)
        }
        pasted = [line.split(maxsplit=1)[1] for line in lines if " swaks " in line]
        pasted += [line[line.index("curl ") :] for line in lines if "curl " in line]
        self.assertEqual(len(pasted), 4, commands)
        outputs = [
            run("sh", "-c", one, directory=directory).stdout.decode() for one in pasted
        ]
        self.assertIn("250 2.", outputs[0])
        self.assertIn("235 2.7.0", outputs[1])
        self.assertIn("This is a test mailing", outputs[2])
        self.assertIn("This is a test mailing", outputs[3])

        state = directory / "mailframe-data"
        self.assertEqual(stat.S_IMODE(state.stat().st_mode), 0o700)
        certificate = (state / "tls" / "certificate.pem").read_bytes()
        password = re.search(r"password: (\S+)", said)
        assert password is not None
        program.stop()
        self.assertNotIn("Traceback", program.said())
        kept = b"".join(one.read_bytes() for one in state.rglob("*") if one.is_file())
        self.assertNotIn(password[1].encode(), kept)

        again = Program(command, directory, ports, environment())
        self.addCleanup(again.stop)
        self.assertNotIn(password[1], again.said())
        self.assertIn("mailframe user passwd", again.said())
        self.assertIn(
            "This is a test mailing", run("sh", "-c", pasted[2]).stdout.decode()
        )
        self.assertEqual((state / "tls" / "certificate.pem").read_bytes(), certificate)
