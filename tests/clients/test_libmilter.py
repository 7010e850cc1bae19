"""What a filter over Sendmail's libmilter hears of a session."""

import smtplib
import sys
import tempfile
from ctypes.util import find_library
from pathlib import Path
from shutil import rmtree

from twisted.trial.unittest import SynchronousTestCase

from tests.clients.test_destinations import soon
from tests.clients.test_python import insecure
from tests.host import Host, Program, environment, free_ports
from tests.peers import missing

FILTER = Path(__file__).with_name("libmilter_filter.py")

HEARD = """\
connect client_addr=127.0.0.1
helo c.example tls_version=
mail <x@b.example>
rcpt <nobody@example.org> rcpt_mailer=error rcpt_host=5.1.1 rcpt_addr=No such user here
rcpt <y@far.example> rcpt_mailer=error rcpt_host=5.7.1 rcpt_addr=Relaying denied
rcpt <alice@example.org> rcpt_mailer= rcpt_host=example.org rcpt_addr=alice@example.org
data
end
mail <nodata@b.example>
rcpt <bob@example.org> rcpt_mailer= rcpt_host=example.org rcpt_addr=bob@example.org
data
helo tls.example tls_version=TLSv1.3
mail <x@b.example>
abort
close
"""


class LibmilterTests(SynchronousTestCase):
    """Sendmail's own end of the protocol."""

    def setUp(self) -> None:
        """Start a filter, and a host that asks it."""
        library = find_library("milter")
        if library is None:
            missing("libmilter")
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(rmtree, self.directory)
        (port,) = free_ports(1)
        arguments = [sys.executable, str(FILTER), library, str(port)]
        self.filter = Program(arguments, self.directory, [port], environment())
        self.addCleanup(self.filter.stop)
        check = f"--check=milter:tcp:127.0.0.1:{port}"
        self.host = Host(check, services=("smtp",))
        self.addCleanup(self.host.close)

    def heard(self) -> str:
        """Return what the filter has heard of the last client, when that is gone."""
        lines = [one.partition(" ") for one in self.filter.said().splitlines(True)]
        last = max((number for number, _, _ in lines), key=int)
        said = "".join(what for number, _, what in lines if number == last)
        return said if said.endswith("close\n") else ""

    def connect(self) -> smtplib.SMTP:
        """Come as a client."""
        return smtplib.SMTP("127.0.0.1", self.host.port["smtp"], timeout=20)

    def test_session(self) -> None:
        """One connection: messages in turn, recipients that are refused, TLS."""
        with self.connect() as client:
            client.ehlo("c.example")
            client.mail("x@b.example")
            self.assertEqual(client.rcpt("nobody@example.org")[0], 550)
            self.assertEqual(client.rcpt("y@far.example")[0], 550)
            self.assertEqual(client.rcpt("alice@example.org")[0], 250)
            self.assertEqual(client.data("Subject: x\r\n\r\nhi\r\n")[0], 250)
            client.mail("nodata@b.example")
            self.assertEqual(client.rcpt("bob@example.org")[0], 250)
            self.assertEqual(client.docmd("DATA"), (550, b"5.7.1 Refused by policy"))
            client.rset()
            client.starttls(context=insecure())
            client.ehlo("tls.example")
            self.assertEqual(client.mail("x@b.example")[0], 250)
        self.assertEqual(soon(self.heard, self.host), HEARD)
        self.assertEqual(len(self.host.new_mail("alice")), 1)

    def test_bad_greeting(self) -> None:
        """What it says of a client at HELO is answered there, and stands."""
        with self.connect() as client:
            for name in ("bad.example", "c.example"):
                self.assertEqual(client.ehlo(name), (550, b"5.7.1 Refused by policy"))
            self.assertEqual(client.mail("x@b.example")[0], 503)
