"""BIND's ``named`` from Debian on loopback, serving zones for tests.

One ``named`` is the authority for all zones, on a port of its own; another is a
validating resolver that forwards to it and trusts the key of the signed zone.
"""

import atexit
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tests.host import Program, environment, free_ports, until
from tests.peers import require

ZONES = {
    "example.test": """\
@            MX 20 mx2
@            MX 10 mx1
@            MX 20 mx3
@            TXT "v=spf1 -all"
mx1          A 127.0.0.11
mx1          AAAA ::1
mx2          A 127.0.0.12
mx3          A 127.0.0.13
mx3          A 127.0.0.14
null         MX 0 .
plain        A 127.0.0.21
alias        CNAME plain
twice        CNAME alias
looped       CNAME looped2
looped2      CNAME looped
aliasmx      MX 5 alias
nowhere      MX 5 missing
backup       MX 10 mx1
backup       MX 20 mail
backup       MX 20 mx2
backup       MX 30 mx3
ours         MX 10 mail
mail         A 127.0.0.31
text         TXT "only a text"
literal      MX 10 127.0.0.1
xn--kln-sna  MX 10 mx1
brief   2    A 127.0.0.22
_mta-sts.plain  TXT "v=STSv1; id=1;"
_mta-sts.strict TXT "v=STSv1; id=1;"
strict       MX 10 mx1
strict       MX 20 mx2
many         TXT "{many}"
""".replace("{many}", '" "'.join("x" * 250 for _ in range(8))),
    "signed.test": """\
@            MX 10 mx
mx           A 127.0.0.41
_25._tcp.mx  TLSA 3 1 1 {zeros}
alias        CNAME mx
plain        A 127.0.0.42
""".replace("{zeros}", "00" * 32),
    "broken.test": "",
}
"""Each zone's records, by its name; the one without any is answered by SERVFAIL."""

SIGNED = "signed.test"

_HEAD = """\
$TTL 300
@  SOA ns hostmaster 1 3600 600 86400 60
@  NS ns
ns A 127.0.0.1
"""

_ROOT = """\
$TTL 300
@   SOA ns. hostmaster. 1 3600 600 86400 60
@   NS ns.
ns. A 127.0.0.1
"""

_OPTIONS = """\
options {{
    directory "{directory}";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    pid-file none;
    session-keyfile none;
    managed-keys-directory "{directory}";
    allow-transfer {{ none; }};
    notify no;
    empty-zones-enable no;
    {more}
}};
controls {{ }};
"""


@cache
def shared() -> "Bind":
    """Return the servers that all tests of this process share."""
    bind = Bind()
    atexit.register(bind.close)
    return bind


class Bind:
    """The two servers, in a temporary directory.

    Attributes:
        authority: Port of the server of the zones.
        resolver: Port of the validating resolver.
    """

    def __init__(self, signed: str = "") -> None:
        """Start them.

        Args:
            signed: More records of the signed zone.
        """
        named = require("named")
        self.directory = Path(tempfile.mkdtemp(prefix="mailframe-bind-"))
        self.authority, self.resolver = free_ports(2)
        self._programs: list[Program] = []
        try:
            trust = self._write_zones(signed)
            self._start(named, "authority", self._authority())
            self._start(named, "resolver", self._resolver(trust))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop them and remove everything."""
        for program in self._programs:
            program.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _write_zones(self, signed: str) -> str:
        """Write the zone files; return the trust anchor of the signed one."""
        for zone, records in ZONES.items():
            more = signed if zone == SIGNED else ""
            text = _HEAD + records + more if records else "broken"
            (self.directory / zone).write_text(text)
        (self.directory / "root").write_text(_ROOT)
        keys = [
            self._run(
                "dnssec-keygen", *("-q", "-a", "ECDSAP256SHA256"), *kind, SIGNED
            ).strip()
            for kind in (["-f", "KSK"], [])
        ]
        self._run("dnssec-signzone", "-q", "-S", "-o", SIGNED, SIGNED)
        key = (self.directory / f"{keys[0]}.key").read_text()
        match = re.search(r"DNSKEY\s+(\d+ \d+ \d+) (.*)$", key, re.MULTILINE)
        assert match is not None, key
        return f'{SIGNED}. static-key {match[1]} "{match[2]}";'

    def _authority(self) -> str:
        text = _OPTIONS.format(
            directory=self.directory,
            port=self.authority,
            more="recursion no; dnssec-validation no;",
        )
        # Nobody is asked beyond loopback: all else does not exist.
        for zone in (*ZONES, "."):
            file = {SIGNED: f"{SIGNED}.signed", ".": "root"}.get(zone, zone)
            text += f'zone "{zone}" {{ type primary; file "{file}"; }};\n'
        return text

    def _resolver(self, trust: str) -> str:
        text = _OPTIONS.format(
            directory=self.directory,
            port=self.resolver,
            more="recursion yes; dnssec-validation yes; forward only;"
            f" forwarders {{ 127.0.0.1 port {self.authority}; }};",
        )
        return text + f"trust-anchors {{ {trust} }};\n"

    def _start(self, named: str, name: str, configuration: str) -> None:
        path = self.directory / f"{name}.conf"
        path.write_text(configuration)
        directory = self.directory / f"{name}-said"
        directory.mkdir()
        port = self.authority if name == "authority" else self.resolver
        program = Program(
            [named, "-g", "-n", "1", "-c", str(path)], directory, [port], environment()
        )
        self._programs.append(program)
        until(lambda: "all zones loaded" in program.said(), program.said)

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [require(program), *arguments],
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=120,
        )
        said = done.stdout.decode(errors="replace")
        assert done.returncode == 0, said
        return said
