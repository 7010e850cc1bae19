"""Certificates: made once, chosen by name, read again, refused with one line."""

import os
import ssl
import stat
import tempfile
from pathlib import Path
from shutil import copyfile, rmtree

from cryptography import x509
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailframe.net.self_signed import self_signed
from mailframe.net.tls import CHECK_INTERVAL, ServerTLS
from mailframe.net.tls_files import TLSFileError
from tests.net.handshake import shake_hands


def served_name(tls: ServerTLS, asked: str | None) -> str:
    """Shake hands in memory and return the certificate's common name."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    client, _ = shake_hands(tls, context, asked)
    found = client.getpeercert(binary_form=True)
    assert found is not None
    certificate = x509.load_der_x509_certificate(found)
    return str(certificate.subject.rfc4514_string())


class TLSTests(SynchronousTestCase):
    """What a handshake is given."""

    def setUp(self) -> None:
        """Make a directory with two certificates."""
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(rmtree, self.directory)
        self.clock = Clock()
        self.made = self.directory / "made"
        self.pem, self.key = self_signed(self.made, ["a.example.org", "localhost"])
        other_pem, other_key = self_signed(
            self.directory / "other", ["b.example.org", "*.wild.example.org"]
        )
        self.many = self.directory / "many"
        self.many.mkdir()
        for name, pem, key in (
            ("a", self.pem, self.key),
            ("b", other_pem, other_key),
        ):
            copyfile(pem, self.many / f"{name}.pem")
            copyfile(key, self.many / f"{name}.key")

    def test_made_once(self) -> None:
        """The key is nobody else's to read; a second call makes nothing."""
        self.assertEqual(stat.S_IMODE(self.key.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.made.stat().st_mode), 0o700)
        before = self.pem.read_bytes()
        self.assertEqual(self_signed(self.made, ["c"]), (self.pem, self.key))
        self.assertEqual(self.pem.read_bytes(), before)

    def test_by_name(self) -> None:
        """The certificate is the one for the name asked, or the first."""
        tls = ServerTLS([self.many], None, self.clock.seconds)
        for asked, expected in (
            ("a.example.org", "CN=a.example.org"),
            ("B.example.org", "CN=b.example.org"),
            ("x.wild.example.org", "CN=b.example.org"),
            ("unknown.example.org", "CN=a.example.org"),
            (None, "CN=a.example.org"),
        ):
            self.assertEqual(served_name(tls, asked), expected)

    def test_read_again(self) -> None:
        """New files are served soon; broken ones change nothing."""
        tls = ServerTLS([self.many / "a.pem"], self.many / "a.key", self.clock.seconds)
        self.assertEqual(served_name(tls, None), "CN=a.example.org")
        for suffix in ("pem", "key"):
            os.replace(self.many / f"b.{suffix}", self.many / f"a.{suffix}")
        self.assertEqual(served_name(tls, None), "CN=a.example.org")
        self.clock.advance(CHECK_INTERVAL)
        self.assertEqual(served_name(tls, None), "CN=b.example.org")
        (self.many / "a.pem").write_text("half a certif")
        self.clock.advance(CHECK_INTERVAL)
        self.assertEqual(served_name(tls, None), "CN=b.example.org")

    def refused(self, certificate: Path, key: Path | None) -> str:
        """Return the one line about files that cannot be used."""
        with self.assertRaises(TLSFileError) as caught:
            ServerTLS([certificate], key, self.clock.seconds)
        text = str(caught.exception)
        self.assertNotIn("\n", text)
        return text

    def test_refused(self) -> None:
        """Each trouble names the file."""
        missing, junk = self.directory / "missing.pem", self.directory / "junk.pem"
        junk.write_text("junk")
        empty = self.directory / "empty"
        empty.mkdir()
        self.assertIn("missing.pem", self.refused(missing, None))
        self.assertIn("junk.pem", self.refused(junk, self.key))
        self.assertIn("junk.pem", self.refused(self.pem, junk))
        self.assertIn("certificate.pem", self.refused(self.pem, None))
        self.assertIn("not the key", self.refused(self.pem, self.many / "b.key"))
        self.assertIn("empty", self.refused(empty, None))
