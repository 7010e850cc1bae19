"""Debian's Postfix in a directory of its own; needs root."""

import os
import shutil
import subprocess
from pathlib import Path

_MAIN = """\
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
maillog_file = {directory}/mail.log
maillog_file_prefixes = /tmp, {directory.parent}
inet_interfaces = 127.0.0.1
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
in_flow_delay = 0
{settings}
"""

_MASTER = """\
127.0.0.1:{port} inet n - n - 100 smtpd
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
postlog unix-dgram n - n - 1 postlogd
{services}
"""


def program(name: str) -> str:
    """Return the path of a program that is Postfix's, or another of the system's."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert found is not None, f"{name} is not installed"
    return found


class OwnPostfix:
    """One that can be started and stopped."""

    def __init__(
        self, directory: Path, port: int, *, settings: str, services: str
    ) -> None:
        """Write its files.

        Args:
            directory: For them; it is there.
            port: Where it takes mail, on 127.0.0.1.
            settings: What else to say in ``main.cf``.
            services: The same in ``master.cf``.
        """
        self._etc = directory / "etc"
        for name in ("etc", "queue", "data"):
            (directory / name).mkdir()
        shutil.chown(directory / "data", "postfix")
        main = _MAIN.format(directory=directory, settings=settings)
        master = _MASTER.format(port=port, services=services)
        (self._etc / "main.cf").write_text(main)
        (self._etc / "master.cf").write_text(master)

    def run(self, *command: str) -> None:
        """Run one of its programs."""
        done = subprocess.run(
            [program(command[0]), "-c", str(self._etc), *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == 0, command
