"""A real Kerberos realm: a KDC on loopback, in a directory of its own."""

import os
import shutil
import tempfile
from pathlib import Path

from tests.host import Program, free_ports, run
from tests.peers import require

REALM = "EXAMPLE.ORG"

_CLIENT = """\
[libdefaults]
default_realm = {realm}
dns_lookup_kdc = false
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
[realms]
{realm} = {{
  kdc = 127.0.0.1:{port}
}}
[domain_realm]
localhost = {realm}
"""

_SERVER = """\
[kdcdefaults]
kdc_listen = 127.0.0.1:{port}
kdc_tcp_listen = 127.0.0.1:{port}
[realms]
{realm} = {{
  database_name = {directory}/principal
  key_stash_file = {directory}/stash
  acl_file = {directory}/acl
}}
"""


class KDC:
    """A realm with alice, bob/admin, and the services of localhost."""

    def __init__(self) -> None:
        """Make the realm and start it."""
        self.directory = Path(tempfile.mkdtemp(prefix="mailframe-kdc-"))
        [port] = free_ports(1)
        client = self.directory / "krb5.conf"
        server = self.directory / "kdc.conf"
        words = {"realm": REALM, "port": port, "directory": self.directory}
        client.write_text(_CLIENT.format(**words))
        server.write_text(_SERVER.format(**words))
        self.variables = {
            "KRB5_CONFIG": str(client),
            "KRB5_KDC_PROFILE": str(server),
            "KRB5RCACHEDIR": str(self.directory),
            "KRB5CCNAME": f"FILE:{self.directory}/tickets",
        }
        self.environment = {**os.environ, **self.variables}
        self.keytab = str(self.directory / "keytab")
        try:
            self._run("kdb5_util", "create", "-s", "-P", "master", "-r", REALM)
            self._admin("addprinc -pw alice-secret alice")
            self._admin("addprinc -pw bob-secret bob/admin")
            for service in ("imap", "pop", "smtp"):
                self._admin(f"addprinc -randkey {service}/localhost")
                self._admin(f"ktadd -k {self.keytab} {service}/localhost")
            self.program = Program(
                [require("krb5kdc"), "-n", "-r", REALM],
                self.directory,
                [port],
                self.environment,
            )
        except BaseException:
            shutil.rmtree(self.directory)
            raise

    def log_in(self, principal: str, password: str) -> None:
        """Get a ticket, in place of others."""
        self._run("kinit", principal, octets=password.encode() + b"\n")

    def close(self) -> None:
        """Stop it and remove everything."""
        self.program.stop()
        shutil.rmtree(self.directory)

    def _admin(self, command: str) -> None:
        self._run("kadmin.local", "-r", REALM, "-q", command)

    def _run(self, program: str, *arguments: str, octets: bytes = b"") -> None:
        run(require(program), *arguments, octets=octets, env=self.environment)
