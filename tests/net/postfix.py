"""Postfix from Debian on loopback: ``smtpd`` as a receiving host, and ``smtp-sink``."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.host import Program, environment, free_ports, until
from tests.net.authority import Certificate
from tests.peers import require

_MAIN = """\
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
maillog_file = {directory}/mail.log
maillog_file_prefixes = /tmp, {parent}
myhostname = mx.example.com
inet_interfaces = 127.0.0.1
mydestination =
mynetworks = 127.0.0.0/8
relay_domains = example.com
relay_recipient_maps = inline:{{ {{bob@example.com = x}}, {{cat@example.com = x}} }}
relay_transport = discard:
alias_maps =
smtpd_tls_security_level = may
smtpd_tls_chain_files = {directory}/tls.pem
smtpd_peername_lookup = no
{more}
"""

_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """A whole Postfix that takes mail for bob and cat of ``example.com``.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, certificate: Certificate, more: str = "") -> None:
        """Start it, with this certificate, and more settings."""
        self._postfix = require("postfix")
        self.directory = Path(tempfile.mkdtemp(prefix="mailframe-postfix-"))
        (self.port,) = free_ports(1)
        self.directory.chmod(0o755)
        for name in ("etc", "queue", "data"):
            (self.directory / name).mkdir()
        shutil.chown(self.directory / "data", "postfix")
        (self.directory / "tls.pem").write_bytes(
            # Postfix wants the key first.
            certificate.key_pem + certificate.pem
        )
        main = _MAIN.format(
            directory=self.directory, parent=self.directory.parent, more=more
        )
        (self.directory / "etc" / "main.cf").write_text(main)
        (self.directory / "etc" / "master.cf").write_text(
            _MASTER.format(port=self.port)
        )
        try:
            self._run("start")
        except BaseException:
            shutil.rmtree(self.directory)
            raise

    def log(self, *words: str) -> str:
        """Return what it has logged, when all are gone and these words are there.

        What its programs did is in the log a moment later.
        """

        def over() -> bool:
            said = self._said()
            gone = said.count(": disconnect from")
            return said.count(": connect from") == gone and all(
                word in said for word in words
            )

        until(over, self._said)
        return self._said()

    def _said(self) -> str:
        log = self.directory / "mail.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def close(self) -> None:
        """Stop it and remove everything."""
        try:
            self._run("stop")
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _run(self, command: str) -> None:
        done = subprocess.run(
            [self._postfix, "-c", str(self.directory / "etc"), command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, self._said()


class Sink:
    """``smtp-sink`` with options of its own.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, *options: str) -> None:
        """Start it."""
        sink = require("smtp-sink")
        self.directory = Path(tempfile.mkdtemp(prefix="mailframe-sink-"))
        (self.port,) = free_ports(1)
        user = ("-u", "root")
        arguments = [*user, "-d", "mail.", *options, f"127.0.0.1:{self.port}", "100"]
        try:
            self._program = Program(
                [sink, *arguments], self.directory, [self.port], environment()
            )
        except BaseException:
            shutil.rmtree(self.directory)
            raise

    def messages(self) -> list[str]:
        """Return what it has taken, each with its commands before it."""
        found = sorted(self.directory.glob("mail.*"))
        return [one.read_text(errors="replace") for one in found]

    def close(self) -> None:
        """Stop it and remove everything."""
        self._program.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
