"""Tests of :mod:`mailframe.cli_trace`, against BIND and our own server."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor  # noqa: TID251
from twisted.trial.unittest import SynchronousTestCase

from mailframe.cli_dns import read_servers
from mailframe.cli_trace import Tracer, lines, read_domain
from mailframe.net.dns import Resolver
from mailframe.net.mta_sts import BadPolicy
from mailframe.net.tls_policy import TrustRoots
from tests.host import environment
from tests.net.bind import shared
from tests.net.relay_world import GOOD, RelayCase

STRICT = "version: STSv1\nmode: enforce\nmx: mx1.example.test\nmax_age: 86400\n"


async def fetch(domain: str) -> str:
    """Return the policy of one domain."""
    if domain == "strict.example.test":
        return STRICT
    raise BadPolicy("sts-policy-fetch-error", "no connection")


class TraceTests(RelayCase):
    """What is found out about a domain."""

    async def trace(self, domain: str, *, port: int = 25, connect: bool = False) -> Any:
        """Trace a domain; what comes can be written as JSON and as lines."""
        resolver = Resolver(reactor, [("127.0.0.1", shared().resolver)])
        tracer = Tracer(
            reactor,
            resolver,
            hostname="mail.example.test",
            fetch=fetch,
            roots=TrustRoots([self.roots_path]),
            port=port,
            our_networks=(),
        )
        found = await tracer.trace(domain, connect=connect)
        self.text = "\n".join(lines(found))
        return json.loads(json.dumps(found))

    async def test_hosts(self) -> None:
        """MX records as they are, hosts in their order with all addresses."""
        found = await self.trace("example.test")
        self.assertEqual(
            found["mx"]["records"][0], {"preference": 10, "host": "mx1.example.test"}
        )
        self.assertEqual(len(found["mx"]["records"]), 3)
        first = found["hosts"][0]
        self.assertEqual(first["host"], "mx1.example.test")
        self.assertEqual(set(first["addresses"]), {"127.0.0.11", "::1"})
        self.assertEqual((first["tls"], first["secure"]), ("may", False))
        self.assertIsNone(found["mta_sts"])
        self.assertIn("MX           10 mx1.example.test", self.text)

    async def test_null(self) -> None:
        """A null MX is said, and that mail would come back."""
        found = await self.trace("null.example.test")
        self.assertTrue(found["mx"]["null"])
        self.assertEqual(found["error"]["status"], "5.1.10")
        self.assertEqual(found["hosts"], [])
        self.assertIn("null: takes no mail", self.text)

    async def test_without_mx(self) -> None:
        """A domain without MX is its own host, an alias where it leads."""
        found = await self.trace("alias.example.test")
        self.assertEqual(found["mx"]["records"], [])
        self.assertEqual(found["hosts"][0]["name"], "plain.example.test")
        self.assertIn("none: the domain itself", self.text)

    async def test_missing(self) -> None:
        """No such domain, no answer, and a host without an address."""
        found = await self.trace("missing.example.test")
        self.assertEqual((found["mx"]["exists"], found["hosts"]), (False, []))
        self.assertIn("no such domain", self.text)
        found = await self.trace("broken.test")
        self.assertEqual(found["error"]["status"], "4.4.3")
        found = await self.trace("nowhere.example.test")
        self.assertEqual(found["error"]["status"], "5.4.4")

    async def test_literal(self) -> None:
        """An address literal is not asked for anywhere."""
        found = await self.trace("[192.0.2.1]")
        self.assertEqual(found["hosts"][0]["addresses"], ["192.0.2.1"])

    async def test_policy(self) -> None:
        """The MTA-STS policy, and what it does to the hosts."""
        found = await self.trace("strict.example.test")
        self.assertEqual(found["mta_sts"]["mode"], "enforce")
        (host,) = found["hosts"]
        self.assertEqual((host["tls"], host["sts_allows"]), ("verify", True))
        self.assertIn("MTA-STS   enforce (id 1): mx1.example.test", self.text)

    async def test_policy_trouble(self) -> None:
        """A policy that cannot be had is said, and why."""
        found = await self.trace("plain.example.test")
        self.assertEqual(found["mta_sts"]["error"]["problem"], "sts-policy-fetch-error")
        self.assertIn("sts-policy-fetch-error: no connection", self.text)

    async def test_dane(self) -> None:
        """TLSA records where the zone is signed, and that the host must have them."""
        port = self.listen_on("127.0.0.41")
        found = await self.trace("signed.test")
        (host,) = found["hosts"]
        self.assertTrue(found["mx"]["secure"])
        self.assertEqual(host["tls"], "verify")
        self.assertEqual(host["dane"]["records"], [f"3 1 1 {'00' * 32}"])
        self.assertIn("DANE    3 1 1 0000", self.text)
        # On another port there are no records.
        found = await self.trace("signed.test", port=port, connect=True)
        self.assertNotIn("dane", found["hosts"][0])
        self.assertEqual(found["hosts"][0]["tls"], "may")

    def listen_on(self, address: str, **more: Any) -> int:
        """Serve our own SMTP on an address; return the port."""
        self.serve(more.get("certificate", GOOD))
        return self.listen(self.factories[-1], address)

    async def test_connect(self) -> None:
        """What a host shows: TLS, its certificate, its extensions."""
        port = self.listen_on("127.0.0.21")
        found = await self.trace("plain.example.test", port=port, connect=True)
        (connection,) = found["hosts"][0]["connections"]
        self.assertEqual(connection["address"], "127.0.0.21")
        self.assertTrue(connection["evidence"]["version"].startswith("TLSv1."))
        self.assertFalse(connection["evidence"]["verified"])
        self.assertEqual(connection["evidence"]["problem"], "certificate-host-mismatch")
        self.assertIn("PIPELINING", connection["extensions"])
        self.assertIn("the certificate is not for plain.example.test", self.text)

    async def test_connect_without_tls(self) -> None:
        """A host that offers no TLS, and one that is not there."""
        port = self.listen_on("127.0.0.21", certificate=None)
        await self.trace("plain.example.test", port=port, connect=True)
        self.assertIn("TLS   not offered", self.text)
        found = await self.trace("brief.example.test", port=port, connect=True)
        (connection,) = found["hosts"][0]["connections"]
        self.assertIn("no connection", connection["error"]["text"])


class CommandTests(SynchronousTestCase):
    """``mailframe trace``."""

    def test_domains(self) -> None:
        """An address, a domain, a literal, a U-label."""
        for text, domain in (
            ("bob@Example.org", "example.org"),
            ("example.org", "example.org"),
            ("bob@[192.0.2.1]", "[192.0.2.1]"),
            ("bob@köln.example", "xn--kln-sna.example"),
        ):
            self.assertEqual(read_domain(text), domain)
        for text in ("", "a@", "a@b c", "a@b> X=y", "a@b..c"):
            with self.assertRaises(ValueError):
                read_domain(text)

    def test_servers(self) -> None:
        """Resolvers by address, with a port or without."""
        self.assertEqual(read_servers("192.0.2.1"), [("192.0.2.1", 53)])
        self.assertEqual(read_servers("192.0.2.1:5353"), [("192.0.2.1", 5353)])
        self.assertEqual(read_servers("[2001:db8::1]:53"), [("2001:db8::1", 53)])
        for text in ("", "x", "192.0.2.1:0", "192.0.2.1:x", "dns.example:53"):
            with self.assertRaises(ValueError):
                read_servers(text)

    def run_command(self, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
        """Run it as a process, asking our BIND."""
        server = f"127.0.0.1:{shared().resolver}"
        command = [sys.executable, "-m", "mailframe.cli", "trace", "--dns", server]
        return subprocess.run(
            [*command, *arguments],
            env={**environment(), "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=False,
            timeout=120,
        )

    def test_json(self) -> None:
        """With --json a program can read it."""
        done = self.run_command("--json", "x@null.example.test")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertTrue(json.loads(done.stdout)["mx"]["null"])

    def test_text(self) -> None:
        """Without, people can."""
        done = self.run_command("x@null.example.test")
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"Domain    null.example.test\n", done.stdout)

    def test_wrong(self) -> None:
        """What is no address is refused in one line."""
        done = self.run_command("a@b..c")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, b"mailframe: a@b..c: not an address\n")

    def test_config(self) -> None:
        """The routes of a host's file are shown, those that are for the domain."""
        path = self.mktemp()
        Path(path).write_text(
            'smarthost = "smart.example:587"\n'
            '[[route]]\ndomain = ".example.test"\nsender = "<>"\nafter = 2\n'
            'to = ["lmtp:/run/x", "b.example"]\n'
            '[[route]]\ndomain = "other.test"\nto = "c.example"\n'
        )
        done = self.run_command("--config", path, "x@null.example.test")
        self.assertEqual(done.stderr, b"")
        self.assertIn(
            b"Route     mail from <> goes after 2 attempts to lmtp:/run/x,"
            b" b.example:25: none\n"
            b"Route     mail goes to smart.example:587: may\n",
            done.stdout,
        )
        Path(path).write_text("[[rout]]\n")
        done = self.run_command("--config", path, "x@null.example.test")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"nearest is 'route'", done.stderr)
