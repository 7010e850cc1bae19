"""A real PostgreSQL of the tests' own, on loopback."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.auth.slapd import free_port, make_certificates
from tests.host import signal_whole, until
from tests.peers import missing, require

PASSWORD = "s3cret of the service"

_CONFIG = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
fsync = off
full_page_writes = off
autovacuum = off
shared_buffers = 1MB
ssl = on
ssl_ca_file = '{folder}/ca.pem'
ssl_cert_file = '{folder}/server.pem'
ssl_key_file = '{folder}/server.key'
"""

_ACCESS = """
local all all trust
host all admin 127.0.0.1/32 trust
hostssl all all 127.0.0.1/32 scram-sha-256
"""


class PostgreSQL:
    """One server; it can be stopped and started again on the same port.

    Its administrator is ``admin``, without a password from loopback; everybody
    else needs TLS and a password.
    """

    def __init__(self, schema: str) -> None:
        """Make the cluster, start it and load it.

        Args:
            schema: SQL to run as the administrator.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="pg"))
        self.data = self.folder / "data"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        make_certificates(self.folder)
        # It refuses to run as root, and a key that others may read.
        self._as_user: list[str] = []
        (self.folder / "server.key").chmod(0o600)
        if os.geteuid() == 0:
            user = "nobody"
            # It becomes that user and then the program, with no process between.
            self._as_user = [
                require("setpriv"),
                *(f"--reuid={user}", "--regid=nogroup", "--clear-groups", "--"),
            ]
            for path in (self.folder, *self.folder.iterdir()):
                shutil.chown(path, user)
        self._run(
            _program("initdb"),
            *("-D", str(self.data), "-U", "admin", "-E", "UTF8", "--no-locale"),
            *("--no-sync", "-A", "trust"),
        )
        (self.data / "postgresql.conf").write_text(
            _CONFIG.format(port=self.port, folder=self.folder)
        )
        (self.data / "pg_hba.conf").write_text(_ACCESS)
        self.start()
        self.sql(schema)

    @property
    def ca(self) -> str:
        """The CA's certificate."""
        return str(self.folder / "ca.pem")

    def url(self, user: str = "mailframe", host: str = "localhost") -> str:
        """Where it is, with TLS that verifies its name."""
        return (
            f"postgresql://{user}@{host}:{self.port}/postgres"
            f"?sslmode=verify-full&sslrootcert={self.ca}"
        )

    def sql(self, text: str) -> None:
        """Run SQL as the administrator."""
        import psycopg

        with psycopg.connect(
            host=str(self.folder), port=self.port, user="admin", dbname="postgres"
        ) as connection:
            connection.execute(text.encode())

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(
            [*self._as_user, _program("postgres"), "-D", str(self.data)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._answers_or_ended, lambda: "PostgreSQL does not start")
        assert self._process.poll() is None, "PostgreSQL ended"

    def stop(self) -> None:
        """End it at once, its connections with it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def signal(self, number: int) -> None:
        """Send a signal to it and to all the processes it has made."""
        assert self._process is not None
        parent = self._process.pid
        # When it stands it makes no more of them; any of them may end.
        signal_whole(parent, number)
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        for process in map(int, children.split()):
            with suppress(ProcessLookupError):
                signal_whole(process, number)

    def close(self) -> None:
        """End it and remove all it had."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers_or_ended(self) -> bool:
        assert self._process is not None
        return self._process.poll() is not None or self._answers()

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            self.sql("SELECT 1")
        except Exception:
            return False
        return True

    def _run(self, *words: str) -> None:
        subprocess.run(
            [*self._as_user, *words], check=True, capture_output=True, cwd="/"
        )


def _program(name: str) -> str:
    """Return the path of a program of the newest version installed."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if not found:
        missing(f"PostgreSQL's {name}")
    return str(found[-1])


_shared: dict[str, PostgreSQL] = {}


def shared(schema: str) -> PostgreSQL:
    """Return a server with this schema, which its tests use one after the other."""
    if schema not in _shared:
        server = PostgreSQL(schema)
        atexit.register(server.close)
        _shared[schema] = server
    return _shared[schema]
