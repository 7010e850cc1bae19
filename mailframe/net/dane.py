"""DANE for SMTP: certificates named by the DNS, where the DNS is signed.

Only what the resolver has validated counts. Usages 2 (DANE-TA) and 3 (DANE-EE)
are for SMTP; the others cannot be used and only ask for encryption.

Source: RFC 7672 sections 2.1, 2.2 and 3.1, RFC 6698 section 2.1, RFC 7671
section 5.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256, sha512

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from OpenSSL import crypto

from mailframe.net.dns import TLSA, Resolver

DANE_TA, DANE_EE = 2, 3

_DIGEST_SIZES = {1: 32, 2: 64}


@dataclass(frozen=True, slots=True)
class TLSARecord:
    """One TLSA record.

    Attributes:
        usage: 2 (DANE-TA) or 3 (DANE-EE) can be used.
        selector: 0 the certificate, 1 its public key.
        matching: 0 the octets themselves, 1 SHA-256, 2 SHA-512.
        octets: What to compare with.

    Source: RFC 6698 section 2.1.
    """

    usage: int
    selector: int
    matching: int
    octets: bytes

    def __str__(self) -> str:
        """Return it as zone files and reports have it."""
        return f"{self.usage} {self.selector} {self.matching} {self.octets.hex()}"

    @property
    def usable(self) -> bool:
        """Whether it can authenticate an SMTP server (RFC 7672 section 3.1)."""
        if self.usage not in (DANE_TA, DANE_EE) or self.selector not in (0, 1):
            return False
        if self.matching == 0:
            return bool(self.octets)
        return len(self.octets) == _DIGEST_SIZES.get(self.matching)

    def matches(self, certificate: x509.Certificate) -> bool:
        """Tell whether it names this certificate (RFC 6698 section 2.1)."""
        if self.selector == 0:
            octets = certificate.public_bytes(Encoding.DER)
        else:
            octets = certificate.public_key().public_bytes(
                Encoding.DER, PublicFormat.SubjectPublicKeyInfo
            )
        if self.matching == 1:
            octets = sha256(octets).digest()
        elif self.matching == 2:
            octets = sha512(octets).digest()
        return octets == self.octets


def parse(rdata: bytes) -> TLSARecord | None:
    """Read a record's data; ``None`` when it is none.

    Source: RFC 6698 section 2.1 (wire format).
    """
    if len(rdata) < 4:
        return None
    return TLSARecord(rdata[0], rdata[1], rdata[2], bytes(rdata[3:]))


async def lookup(
    resolver: Resolver, names: Sequence[str], port: int
) -> tuple[TLSARecord, ...] | None:
    """Return the records of a server, if its zone is signed and has any.

    Args:
        resolver: Believed only if it is trusted.
        names: What the server may be called in its TLSA records, best first:
            the name at the end of its CNAMEs, then the host's own.
        port: TCP port.

    Returns:
        ``None`` without DANE. An empty one means that there are records but
        none can be used: then TLS is a must, and nobody is authenticated.

    Raises:
        LookupFailed: The server must not be used now.

    Source: RFC 7672 sections 2.1.2, 2.2.2 and 2.2.3.
    """
    for name in dict.fromkeys(names):
        answer = await resolver.lookup(f"_{port}._tcp.{name}", TLSA)
        if answer.records and answer.secure:
            found = (parse(one.data) for one in answer.records)
            return tuple(one for one in found if one is not None and one.usable)
    return None


def is_named(
    records: Sequence[TLSARecord], chain: Sequence[x509.Certificate]
) -> tuple[bool, bool]:
    """Judge the certificates of a server.

    Args:
        records: Usable ones, at least one.
        chain: What the server sent, its own first.

    Returns:
        Whether they are right, and whether the name in the server's own must
        be looked at as well (it need not with DANE-EE).

    Source: RFC 7672 sections 3.1.1 (DANE-EE), 3.1.2 and 3.2.2 (DANE-TA).
    """
    leaf, others = chain[0], chain[1:]
    if any(one.usage == DANE_EE and one.matches(leaf) for one in records):
        return True, False
    for record in records:
        if record.usage == DANE_TA:
            anchors = [one for one in others if record.matches(one)]
            given = _given(record)
            if given is not None:
                anchors.append(given)
            if any(_leads_to(anchor, leaf, others) for anchor in anchors):
                return True, True
    return False, False


def _given(record: TLSARecord) -> x509.Certificate | None:
    """Return the trust anchor that is in the record itself, if it is."""
    if record.selector != 0 or record.matching != 0:
        return None
    try:
        return x509.load_der_x509_certificate(record.octets)
    except ValueError:
        return None


def _leads_to(
    anchor: x509.Certificate,
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
) -> bool:
    """Tell whether a chain of valid signatures leads from leaf to anchor."""
    store = crypto.X509Store()
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    store.add_cert(crypto.X509.from_cryptography(anchor))
    context = crypto.X509StoreContext(
        store,
        crypto.X509.from_cryptography(leaf),
        [crypto.X509.from_cryptography(one) for one in others],
    )
    try:
        context.verify_certificate()
    except crypto.X509StoreContextError:
        return False
    return True
