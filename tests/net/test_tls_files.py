"""What is in the files of TLS is checked before anybody is served with it."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import rmtree

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from twisted.trial.unittest import SynchronousTestCase

from mailframe.net.tls_files import Files, TLSFileError, find, read
from tests.net.authority import Certificate


def ocsp_response(certificate: Certificate, issuer: Certificate, days: int) -> bytes:
    """Return that a certificate is good, said ``days`` before it no longer counts."""
    now = datetime.now(UTC)
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=certificate.certificate,
        issuer=issuer.certificate,
        algorithm=hashes.SHA1(),
        cert_status=ocsp.OCSPCertStatus.GOOD,
        this_update=now - timedelta(days=30),
        next_update=now + timedelta(days=days),
        revocation_time=None,
        revocation_reason=None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, issuer.certificate)
    response = builder.sign(issuer.key, hashes.SHA256())
    return response.public_bytes(serialization.Encoding.DER)


class FileTests(SynchronousTestCase):
    """Files as operators and ACME clients lay them out."""

    def setUp(self) -> None:
        """Make an authority and a host's certificate."""
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(rmtree, self.directory)
        self.root = Certificate("Root", authority=True)
        self.middle = Certificate("Middle", issuer=self.root, authority=True)
        self.host = Certificate("mx.example.org", issuer=self.middle)
        self.pem = self.directory / "mx.pem"

    def write(self, *octets: bytes) -> Files:
        """Write the certificate's file and return where everything is."""
        self.pem.write_bytes(b"".join(octets))
        [files] = find([self.pem], None)
        return files

    def refused(self, *octets: bytes) -> str:
        """Return what is said of a file with ``octets``."""
        with self.assertRaises(TLSFileError) as caught:
            read(self.write(*octets))
        return str(caught.exception)

    def test_chain(self) -> None:
        """The host's certificate comes first, then each issuer."""
        host, middle, root = self.host.pem, self.middle.pem, self.root.pem
        found = read(self.write(host, middle, root, self.host.key_pem))
        self.assertEqual(len(found.chain), 3)
        self.assertEqual(found.names, ("mx.example.org",))
        self.assertIn(
            "certificate 2", self.refused(host, root, middle, self.host.key_pem)
        )
        self.assertIn("not the key", self.refused(middle, host, self.host.key_pem))

    def test_key(self) -> None:
        """The key is another file, the same file, or the one beside it."""
        files = self.write(self.host.pem, self.host.key_pem)
        self.assertEqual(files.key, self.pem)
        beside = self.pem.with_suffix(".key")
        beside.write_bytes(self.host.key_pem)
        self.assertEqual(self.write(self.host.pem).key, beside)
        [files] = find([self.pem], self.directory / "other.key")
        self.assertEqual(files.key.name, "other.key")
        self.assertIn("not the key", self.refused(self.middle.pem))

    def test_acme_client(self) -> None:
        """A directory may hold directories as ACME clients keep them."""
        for name in ("a.example.org", "b.example.org"):
            one = Certificate(name, issuer=self.middle)
            (self.directory / name).mkdir()
            (self.directory / name / "fullchain.pem").write_bytes(one.pem)
            (self.directory / name / "privkey.pem").write_bytes(one.key_pem)
        found = [read(files).names for files in find([self.directory], None)]
        self.assertEqual(found, [("a.example.org",), ("b.example.org",)])

    def test_staple(self) -> None:
        """An OCSP response is of this certificate, and has an end."""
        self.write(self.host.pem, self.host.key_pem)
        path = self.pem.with_suffix(".ocsp")
        path.write_bytes(ocsp_response(self.host, self.middle, 5))
        [files] = find([self.pem], None)
        staple = read(files).staple
        assert staple is not None
        self.assertEqual(staple.octets, path.read_bytes())
        left = staple.expires - datetime.now(UTC).timestamp()
        self.assertTrue(4 * 86400 < left < 6 * 86400)
        path.write_bytes(ocsp_response(self.middle, self.root, 5))
        self.assertIn("another", self.refused(self.host.pem, self.host.key_pem))
        path.write_bytes(b"junk")
        self.assertIn("mx.ocsp", self.refused(self.host.pem, self.host.key_pem))
        answer = ocsp.OCSPResponseBuilder.build_unsuccessful(
            ocsp.OCSPResponseStatus.TRY_LATER
        )
        path.write_bytes(answer.public_bytes(serialization.Encoding.DER))
        self.assertIn("not answer", self.refused(self.host.pem, self.host.key_pem))
