"""Tests of :mod:`mailframe.net.channel_binding`."""

import hashlib
import ssl
import tempfile
from pathlib import Path
from shutil import rmtree
from typing import Any

from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.interfaces.connection import IServer
from mailframe.net.channel_binding import channel_binding
from mailframe.net.pump import Pump
from mailframe.net.self_signed import self_signed
from mailframe.net.tls import ServerTLS
from mailframe.sasl.channel_binding import KINDS
from tests.net.handshake import shake_hands

Session = tuple[Any, Any]


class ChannelBindingTests(SynchronousTestCase):
    """Both ends see the same octets, and no other session has them."""

    def setUp(self) -> None:
        """Make a certificate."""
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(rmtree, self.directory)
        self.pem, key = self_signed(self.directory, ["localhost"])
        self.tls = ServerTLS([self.pem], key, Clock().seconds)

    def session(self, version: int) -> Session:
        """Shake hands in memory; return both ends, the client's first."""
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(version)
        context.set_max_proto_version(version)
        client = SSL.Connection(context, None)
        client.set_connect_state()
        server = SSL.Connection(self.tls.getContext(), None)
        server.set_accept_state()
        for _ in range(5):
            for one, other in ((client, server), (server, client)):
                try:
                    one.do_handshake()
                except SSL.WantReadError:
                    pass
                try:
                    other.bio_write(one.bio_read(65_536))
                except SSL.WantReadError:
                    pass
        return client, server

    def test_exporter(self) -> None:
        """TLS 1.3 exports a key of its own for each session.

        Source: RFC 9266 section 2.
        """
        found = set()
        for _ in range(2):
            client, server = self.session(SSL.TLS1_3_VERSION)
            binding = channel_binding(server, "tls-exporter")
            expected = client.export_keying_material(
                b"EXPORTER-Channel-Binding", 32, b""
            )
            self.assertEqual(binding, expected)
            self.assertIsNone(channel_binding(server, "tls-unique"))
            found.add(binding)
        self.assertEqual(len(found), 2)

    def test_unique(self) -> None:
        """TLS 1.2 has the first Finished message, whoever sent it.

        That is the client's in a full handshake, ours in a resumed session.

        Source: RFC 5929 section 3.1.
        """
        context = ssl.create_default_context(cafile=str(self.pem))
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        client, server = shake_hands(self.tls, context, "localhost")
        before = channel_binding(server, "tls-unique")
        self.assertEqual(before, client.get_channel_binding("tls-unique"))
        self.assertIsNone(channel_binding(server, "tls-exporter"))
        client, server = shake_hands(self.tls, context, "localhost", client.session)
        self.assertTrue(client.session_reused)
        found = channel_binding(server, "tls-unique")
        self.assertEqual(found, client.get_channel_binding("tls-unique"))
        self.assertNotEqual(found, before)

    def test_server_end_point(self) -> None:
        """The certificate's hash, in every version.

        Source: RFC 5929 section 4.1.
        """
        der = ssl.PEM_cert_to_DER_cert(Path(self.pem).read_text("ascii"))
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            _, server = self.session(version)
            self.assertEqual(
                channel_binding(server, "tls-server-end-point"),
                hashlib.sha256(der).digest(),
            )

    def test_unknown(self) -> None:
        """There are no other kinds."""
        _, server = self.session(SSL.TLS1_3_VERSION)
        self.assertIsNone(channel_binding(server, "tls-nonsense"))

    def test_without_tls(self) -> None:
        """Without TLS a connection has none; its nonces never repeat."""
        server: IServer = None  # type: ignore[assignment]
        pump = Pump(server, Clock())
        for kind in KINDS:
            self.assertIsNone(pump.channel_binding(kind))
        self.assertEqual(len({pump.nonce(18) for _ in range(10)}), 10)
        self.assertEqual(len(pump.nonce(18)), 18)
