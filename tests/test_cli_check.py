"""Tests of :mod:`mailframe.cli_check`, against BIND."""

import atexit
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import rmtree
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mailframe.check_dns import tlsa
from mailframe.net.mta_sts import parse
from mailframe.net.tls_files import find, read
from tests.host import environment, free_ports
from tests.net.authority import Certificate
from tests.net.bind import Bind

Found = dict[str, Any]


@dataclass(frozen=True)
class World:
    """A certificate, and a signed zone that names it.

    Attributes:
        directory: Holds everything.
        pem: Certificate and key.
        bind: Serves the zone.
    """

    directory: Path
    pem: Path
    bind: Bind


@cache
def world() -> World:
    """Return the world that all tests share."""
    directory = Path(tempfile.mkdtemp())
    atexit.register(rmtree, directory)
    (directory / "state").mkdir(mode=0o700)
    root = Certificate("Root", authority=True)
    mine = Certificate("good.signed.test", issuer=root, days=60)
    pem = directory / "good.pem"
    pem.touch(0o600)
    pem.write_bytes(mine.pem + mine.key_pem)
    [files] = find([pem], None)
    bind = Bind(
        "good A 127.0.0.43\n"
        f"_25._tcp.good TLSA {tlsa(read(files))}\n"
        "@ MX 20 good\n"
        '_mta-sts TXT "v=STSv1; id=1;"\n'
        '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:a@signed.test"\n'
    )
    atexit.register(bind.close)
    return World(directory, pem, bind)


class CheckTests(SynchronousTestCase):
    """A host whose zone is as it should be, and ways in which things are not."""

    def setUp(self) -> None:
        """Have a state directory, a certificate and a zone."""
        self.directory = world().directory
        self.state_dir = self.directory / "state"
        self.pem = world().pem
        self.bind = world().bind

    def run_command(self, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
        """Run it as a process, asking our BIND."""
        server = f"127.0.0.1:{self.bind.resolver}"
        (port,) = free_ports(1)
        return subprocess.run(
            [
                *(sys.executable, "-m", "mailframe.cli", "check", "--dns", server),
                *("--state-dir", str(self.state_dir), "--domain", "signed.test"),
                *("--imaps", f"tcp:{port}:interface=127.0.0.1", *arguments),
            ],
            env={**environment(), "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=False,
            timeout=120,
        )

    def found(self, *arguments: str, status: int = 0) -> tuple[Found, dict[str, Found]]:
        """Return everything, and the findings that are not well, by subject."""
        done = self.run_command("--json", *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        everything = json.loads(done.stdout)
        findings = everything["findings"]
        for one in findings:
            self.assertEqual(bool(one["mend"]), one["state"] != "ok", one)
        return everything, {
            one["subject"]: one for one in findings if one["state"] != "ok"
        }

    def good(self, *more: str) -> tuple[str, ...]:
        """Return the options of a host that is well."""
        named = ("--hostname", "good.signed.test", f"--tls-certificate={self.pem}")
        return (*named, *more)

    def test_well(self) -> None:
        """All is well, but that nobody gave the address a name."""
        everything, trouble = self.found(*self.good())
        self.assertEqual(list(trouble), ["dns"])
        self.assertIn("PTR", trouble["dns"]["mend"])
        subjects = {one["subject"] for one in everything["findings"]}
        wanted = {"config", "state", "tls", "port", "dns", "dane", "mx", "mta-sts"}
        self.assertEqual(subjects, wanted | {"tls-rpt"})

    def test_records(self) -> None:
        """What belongs into the zones is told, ready to be put there."""
        everything, _ = self.found(*self.good())
        [record, *_] = everything["records"]
        self.assertTrue(record.startswith("_25._tcp.good.signed.test. IN TLSA 3 1 1 "))
        policy = parse(everything["mta_sts_policy"], "1", 0.0)
        self.assertTrue(policy.allows("good.signed.test"))
        self.assertEqual(policy.mode, "enforce")

    def test_other_certificate(self) -> None:
        """A certificate the zone does not know, and for another name, is bad."""
        everything, trouble = self.found(
            "--hostname=mx.signed.test", f"--tls-certificate={self.pem}", status=1
        )
        self.assertIn("mx.signed.test", trouble["tls"]["text"])
        self.assertIn("good.signed.test", trouble["tls"]["mend"])
        self.assertEqual(trouble["dane"]["state"], "bad")

    def test_zone_says_nothing(self) -> None:
        """A domain without MX for us, policy or reports is told of each."""
        _, trouble = self.found(*self.good("--domain=brief.example.test"), status=1)
        self.assertIn("brief.example.test. IN MX 10", trouble["mx"]["mend"])
        self.assertEqual(trouble["mta-sts"]["state"], "warn")
        self.assertEqual(trouble["tls-rpt"]["state"], "warn")

    def test_files(self) -> None:
        """Files that others can read, and certificates that end soon, are told."""
        soon = Certificate("good.signed.test", days=3)
        open_to_all = self.directory / "soon.pem"
        open_to_all.write_bytes(soon.pem + soon.key_pem)
        open_to_all.chmod(0o644)
        state = self.directory / "open"
        state.mkdir(mode=0o755)
        done = self.run_command(
            *("--no-dns", "--hostname=good.signed.test"),
            *(f"--tls-certificate={open_to_all}", f"--state-dir={state}"),
        )
        said = done.stdout.decode()
        self.assertEqual(done.returncode, 0, said)
        self.assertIn(f"chmod 600 {open_to_all}", said)
        self.assertIn(f"chmod 700 {state}", said)
        self.assertIn("renew it", said)

    def test_port(self) -> None:
        """A port that cannot be had is told."""
        _, trouble = self.found(
            *self.good("--no-dns", "--smtp=tcp:25:interface=192.0.2.1"), status=1
        )
        self.assertIn("192.0.2.1", trouble["port"]["text"])

    def test_wrong(self) -> None:
        """A wrong option is one line."""
        done = self.run_command("--hostname", "a..b")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertEqual(done.stderr.count(b"\n"), 1)
