"""The milter client with a real milter: opendkim of Debian."""

import base64
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString
from twisted.trial.unittest import TestCase

from mailframe.delivery.edit_header import edited
from mailframe.interfaces.check import Decision, Verdict
from mailframe.mime.header import first_value
from mailframe.model.address import Address
from mailframe.model.envelope import Origin, ReversePath
from mailframe.policy.milter import Milter
from mailframe.storage.content import MemoryIntake
from tests.host import Program, environment, free_ports
from tests.peers import require
from tests.policy.world import origin, rcpt

_CONFIGURATION = """\
Syslog no
Mode sv
Socket inet:{port}@127.0.0.1
Domain example.org
Selector test
KeyFile {directory}/key.pem
TestPublicKeys {directory}/public
InternalHosts {directory}/internal
AuthservID mx.example.org
On-BadSignature reject
On-SignatureError accept
RequireSafeKeys no
Nameservers 127.0.0.1
"""

MESSAGE = (
    b"From: Alice <alice@example.org>\r\nTo: bob@b.example\r\nSubject: hi\r\n"
    b"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <1@example.org>\r\n"
    b"\r\n" + b"A line of text.\r\n" * 10_000
)


class OpenDKIMTests(TestCase):
    """Signs what is ours, verifies what comes back."""

    timeout = 110

    def setUp(self) -> None:
        """Start opendkim with a fresh key."""
        program = require("opendkim")
        directory = Path(tempfile.mkdtemp(prefix="mailframe-dkim-"))
        self.addCleanup(shutil.rmtree, directory)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = serialization.Encoding.PEM, serialization.Encoding.DER
        (directory / "key.pem").write_bytes(
            key.private_bytes(
                pem[0],
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        os.chmod(directory / "key.pem", 0o600)
        public = base64.b64encode(
            key.public_key().public_bytes(
                pem[1], serialization.PublicFormat.SubjectPublicKeyInfo
            )
        ).decode()
        (directory / "public").write_text(
            f"test._domainkey.example.org v=DKIM1; k=rsa; p={public}\n"
        )
        (directory / "internal").write_text("192.0.2.1\n")
        (port,) = free_ports(1)
        configuration = directory / "opendkim.conf"
        configuration.write_text(_CONFIGURATION.format(port=port, directory=directory))
        self.program = Program(
            [program, "-f", "-x", str(configuration)], directory, [port], environment()
        )
        self.addCleanup(self.program.stop)
        from twisted.internet import reactor  # noqa: TID251

        self.endpoint: Any = clientFromString(reactor, f"tcp:127.0.0.1:{port}")

    async def _arrive(self, check: Milter, client: str) -> Origin:
        """Come as a client; return how its messages come."""
        where = origin(client_address=client, visit={})
        self.assertIsNone(await check.connect(where), self.program.said())
        self.assertIsNone(await check.helo(where), self.program.said())
        return where

    async def _through(self, content: bytes, client: str) -> Verdict | None:
        """Send a message as the only one of a client."""
        check = Milter(self.endpoint, MemoryIntake())
        where = await self._arrive(check, client)
        try:
            return await self._send(check, content, where)
        finally:
            check.left(where)

    async def _send(
        self, check: Milter, content: bytes, where: Origin
    ) -> Verdict | None:
        memory: dict[str, object] = {}
        path = ReversePath(Address("alice", "example.org"))
        try:
            found = await check.mail(memory, where, path)
            self.assertIsNone(found, self.program.said())
            self.assertIsNone(await check.rcpt(memory, rcpt("bob@b.example")))
            for start in range(0, len(content), 65_536):
                waiting = check.content(memory, content[start : start + 65_536])
                if waiting is not None:
                    await waiting
            return await check.end(memory)
        finally:
            check.over(memory)

    def test_one_after_another(self) -> "Deferred[None]":
        """Messages of one client, one of them given up, are told apart."""
        return Deferred.fromCoroutine(self._one_after_another())

    async def _one_after_another(self) -> None:
        check = Milter(self.endpoint, MemoryIntake())
        where = await self._arrive(check, "192.0.2.1")
        try:
            memory: dict[str, object] = {}
            path = ReversePath(Address("alice", "example.org"))
            self.assertIsNone(await check.mail(memory, where, path))
            check.over(memory)
            signatures = set()
            for word in (b"A", b"B"):
                content = MESSAGE.replace(b"A line", word + b" line")
                signed = await self._send(check, content, where)
                assert signed is not None
                content = edited(content, signed.edits)
                signatures.add(first_value(content, b"DKIM-Signature"))
                verified = await self._through(content, "198.51.100.1")
                assert verified is not None
                self.assertIs(verified.decision, Decision.NEUTRAL)
        finally:
            check.left(where)
        self.assertEqual(len(signatures), 2)
        self.assertNotIn(None, signatures)

    def test_sign_and_verify(self) -> "Deferred[None]":
        """A signature goes in, passes, and fails when the body is another."""
        return Deferred.fromCoroutine(self._sign_and_verify())

    async def _sign_and_verify(self) -> None:
        signed = await self._through(MESSAGE, "192.0.2.1")
        assert signed is not None
        content = edited(MESSAGE, signed.edits)
        signature = first_value(content, b"DKIM-Signature")
        assert signature is not None, signed
        self.assertIn(b"d=example.org", signature)
        verified = await self._through(content, "198.51.100.1")
        assert verified is not None
        self.assertIs(verified.decision, Decision.NEUTRAL)
        result = first_value(edited(content, verified.edits), b"Authentication-Results")
        assert result is not None, verified
        self.assertIn(b"dkim=pass", result)
        forged = content.replace(b"A line", b"B line", 1)
        refused = await self._through(forged, "198.51.100.1")
        assert refused is not None
        self.assertIs(refused.decision, Decision.REFUSE)
