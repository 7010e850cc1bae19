"""What ``mailframe check`` sees in the DNS, and what belongs there.

Source: RFC 5321 section 5.1 (MX), RFC 7672 section 3.1 (TLSA), RFC 8461 section 3
(MTA-STS), RFC 8460 section 3 (TLS reports).
"""

from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from ipaddress import ip_address

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.names import dns

from mailframe.finding import Finding
from mailframe.model.address import ascii_domain
from mailframe.net.dane import parse
from mailframe.net.dns import TLSA, LookupFailed, Resolver, host_name, strings
from mailframe.net.tls_files import CertificateFile

MAX_AGE = 604_800
"""Seconds of the MTA-STS policy that is proposed: a week."""


def tlsa(certificate: CertificateFile) -> str:
    """Return the data of a TLSA record for a certificate's key.

    It stays true when the certificate is renewed with the same key.

    Source: RFC 7672 section 3.1.1 (DANE-EE, SPKI, SHA2-256).
    """
    key = certificate.chain[0].public_key()
    octets = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"3 1 1 {sha256(octets).hexdigest()}"


def policy(hostname: str) -> str:
    """Return an MTA-STS policy, for https://mta-sts.DOMAIN/.well-known/mta-sts.txt.

    Source: RFC 8461 section 3.2.
    """
    lines = (
        "version: STSv1",
        "mode: enforce",
        f"mx: {hostname}",
        f"max_age: {MAX_AGE}",
    )
    return "".join(f"{line}\r\n" for line in lines)


def records(
    hostname: str, domains: Sequence[str], certificates: Sequence[CertificateFile]
) -> list[str]:
    """Return the records that belong into the zones, as a zone file has them.

    Args:
        hostname: Of this host, A-labels.
        domains: That it receives for, A-labels.
        certificates: What it serves.
    """
    found = [f"_25._tcp.{hostname}. IN TLSA {tlsa(one)}" for one in certificates]
    policy_id = sha256(policy(hostname).encode()).hexdigest()[:16]
    for domain in domains:
        found += [
            f"{domain}. IN MX 10 {hostname}.",
            f'_mta-sts.{domain}. IN TXT "v=STSv1; id={policy_id}"',
            f'_smtp._tls.{domain}. IN TXT "v=TLSRPTv1; rua=mailto:postmaster@{domain}"',
        ]
    return list(dict.fromkeys(found))


class DNSCheck:
    """Looks at the zones of one host."""

    def __init__(
        self,
        resolver: Resolver,
        hostname: str,
        domains: Sequence[str],
        certificates: Sequence[CertificateFile],
    ) -> None:
        """Know what should be there.

        Args:
            resolver: Asked.
            hostname: Of this host.
            domains: That it receives for.
            certificates: What it serves.
        """
        self._resolver = resolver
        self._hostname = ascii_domain(hostname)
        self._domains = tuple(map(ascii_domain, domains))
        self._certificates = certificates

    async def findings(self) -> list[Finding]:
        """Return what was found, bad and good; never raises for a broken DNS."""
        found: list[Finding] = []
        try:
            found += [one async for one in self._host()]
            for domain in self._domains:
                found += [one async for one in self._domain(domain)]
        except LookupFailed as error:
            found.append(
                Finding("bad", "dns", str(error), "see /etc/resolv.conf, --dns")
            )
        return found

    async def _host(self) -> AsyncIterator[Finding]:
        host = self._hostname
        addresses = (await self._resolver.addresses(host)).addresses
        if not addresses:
            yield Finding("bad", "dns", f"{host} has no address", "add A and AAAA")
        for address in addresses:
            yield await self._reverse(address)
        answer = await self._resolver.lookup(f"_25._tcp.{host}", TLSA)
        parsed = [parse(one.data) for one in answer.records]
        there = [one for one in parsed if one is not None and one.usable]
        served = [certificate.chain for certificate in self._certificates]
        if not there:
            yield Finding("warn", "dane", f"{host} has no TLSA record", "see below")
        elif not all(
            any(record.matches(one) for record in there for one in chain)
            for chain in served
        ):
            yield Finding(
                "bad",
                "dane",
                f"{host}: no TLSA record is that of the certificate",
                "add the new record, wait for two TTLs, then serve the certificate",
            )
        elif not answer.secure:
            yield Finding(
                "warn", "dane", f"{host}: TLSA, but not validated", "sign the zone"
            )
        else:
            yield Finding("ok", "dane", f"{host}: TLSA is that of the certificate")

    async def _reverse(self, address: str) -> Finding:
        """See that an address has a name, and that it is ours."""
        name = ip_address(address).reverse_pointer
        answer = await self._resolver.lookup(name, dns.PTR)
        names = [host_name(one) for one in answer.records]
        if self._hostname in names:
            return Finding("ok", "dns", f"{self._hostname} is {address}, and back")
        return Finding(
            "warn",
            "dns",
            f"{address} is {', '.join(names) or 'nobody'}, not {self._hostname}",
            "ask whoever gave the address for a PTR record; many hosts refuse mail"
            " without it",
        )

    async def _domain(self, domain: str) -> AsyncIterator[Finding]:
        answer = await self._resolver.lookup(domain, dns.MX)
        hosts = [host_name(one) for one in answer.records]
        if self._hostname in hosts:
            yield Finding("ok", "mx", f"{domain}: {', '.join(hosts)}")
        else:
            yield Finding(
                "bad",
                "mx",
                f"{domain}: {', '.join(hosts) or 'no MX'}, not {self._hostname}",
                f"add: {domain}. IN MX 10 {self._hostname}.",
            )
        for subject, name, begin in (
            ("mta-sts", f"_mta-sts.{domain}", "v=STSv1"),
            ("tls-rpt", f"_smtp._tls.{domain}", "v=TLSRPTv1"),
        ):
            texts = await self._resolver.lookup(name, dns.TXT)
            if any(strings(one).startswith(begin) for one in texts.records):
                yield Finding("ok", subject, f"{domain} has a record")
            else:
                yield Finding("warn", subject, f"{domain} has no record", "see below")
