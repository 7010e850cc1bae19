"""Exim and OpenSMTPD from Debian as receiving hosts, on one port of loopback addresses.

Their packages conflict with Postfix's: ``.ci/run`` unpacks them into a folder
that is at the end of ``PATH``, and makes the users they run as.
"""

import contextlib
import os
import pwd
import shutil
import socket
import tempfile
from pathlib import Path

from tests.host import Program, environment, until
from tests.net.authority import Certificate
from tests.peers import missing, require

_EXIM = """\
primary_hostname = mx.example.com
spool_directory = {directory}/spool
log_file_path = {directory}/log/%slog
keep_environment =
domainlist local_domains = example.com
queue_only = true
smtputf8_advertise_hosts = *
tls_advertise_hosts = *
tls_certificate = {directory}/tls.pem
tls_privatekey = {directory}/tls.pem
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = acl_data
{more}
begin acl
acl_rcpt:
  deny local_parts = nobody
       message = 5.1.1 No such user here
  defer local_parts = later
        message = 4.2.1 Try later
  accept domains = +local_domains
  deny message = 5.7.1 Not here
acl_data:
  deny condition = ${{if match{{$h_subject:}}{{unwanted}}}}
       message = 5.7.1 Not wanted
  accept
begin routers
begin transports
begin retry
"""

_SMTPD = """\
table users {{ "bob@example.com", "cat@example.com" }}
listen on {address} port {port} hostname mx.example.com
action "keep" relay host "smtp://127.0.0.1:1"
match from any for rcpt-to <users> action "keep"
"""

_CHROOT = Path("/var/lib/opensmtpd/empty")
_SPOOL = Path("/var/spool/smtpd")


class _MTA:
    """One of them.

    Attributes:
        program: Its process.
    """

    program: Program

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="mailframe-mta-"))
        self.directory.chmod(0o755)

    def _start(self, *arguments: str, address: str, port: int) -> None:
        try:
            self.program = Program(list(arguments), self.directory, [], environment())
            self._wait(address, port)
        except BaseException:
            shutil.rmtree(self.directory)
            raise

    def _wait(self, address: str, port: int) -> None:
        def listens() -> bool:
            assert self.program.process.poll() is None, self.program.said()
            with contextlib.suppress(OSError):
                socket.create_connection((address, port), 1).close()
                return True
            return False

        until(listens, self.program.said)

    def close(self) -> None:
        """Stop it and remove everything."""
        self.program.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def _user(*names: str) -> None:
    """Do not run the test where these users are not, or we are not root."""
    if os.getuid() != 0:
        missing("root")
    for name in names:
        try:
            pwd.getpwnam(name)
        except KeyError:
            missing(f"the user {name}")


class Exim(_MTA):
    """Exim: it keeps what it takes, refuses ``nobody``, and puts ``later`` off."""

    def __init__(
        self, certificate: Certificate, address: str, port: int, more: str = ""
    ) -> None:
        """Start it, perhaps with more settings."""
        exim = require("exim4")
        _user("Debian-exim")
        super().__init__()
        pem = certificate.pem + certificate.key_pem
        (self.directory / "tls.pem").write_bytes(pem)
        for name in ("spool", "log"):
            (self.directory / name).mkdir()
            shutil.chown(self.directory / name, "Debian-exim")
        shutil.chown(self.directory / "tls.pem", "Debian-exim")
        configuration = self.directory / "exim.conf"
        configuration.write_text(_EXIM.format(directory=self.directory, more=more))
        self._start(
            *(exim, "-C", str(configuration), "-bdf"),
            *("-oX", f"<; [{address}]:{port}", "-oP", str(self.directory / "pid")),
            address=address,
            port=port,
        )

    def messages(self) -> list[str]:
        """Return the bodies of what it has taken, oldest first."""
        found = sorted((self.directory / "spool" / "input").glob("*-D"))
        # The first line is the file's own name.
        return [one.read_text().partition("\n")[2] for one in found]

    def log(self) -> str:
        """Return what it has logged."""
        return (self.directory / "log" / "mainlog").read_text(errors="replace")


class OpenSMTPD(_MTA):
    """OpenSMTPD without TLS: it keeps what it takes, and knows bob and cat."""

    def __init__(self, address: str, port: int) -> None:
        """Start it."""
        smtpd = require("smtpd")
        _user("opensmtpd", "opensmtpq")
        super().__init__()
        _CHROOT.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(_SPOOL, ignore_errors=True)
        _SPOOL.mkdir(mode=0o711)
        _SPOOL.chmod(0o711)
        configuration = self.directory / "smtpd.conf"
        configuration.write_text(
            _SMTPD.format(directory=self.directory, address=address, port=port)
        )
        self._start(
            *(smtpd, "-d", "-f", str(configuration)), address=address, port=port
        )

    def messages(self) -> list[str]:
        """Return what it has taken, as it is in its queue."""
        found = sorted((_SPOOL / "queue").rglob("message"))
        return [one.read_text(errors="replace") for one in found]

    def close(self) -> None:
        """Stop it and remove everything."""
        super().close()
        shutil.rmtree(_SPOOL, ignore_errors=True)
