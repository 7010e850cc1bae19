"""``mailframe trace``: where mail to one address would go, and how safely.

It asks the DNS and the domain's MTA-STS host as the relay does, from this
machine; with ``--connect`` it greets the hosts too, and sends nothing.
"""

import argparse
import json
import random
import socket
import sys
import time
from collections.abc import Sequence
from secrets import token_bytes
from typing import Any

from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    connectProtocol,
)
from twisted.internet.error import ConnectError
from twisted.names import dns

from mailframe.cli_dns import add_dns_option, in_reactor, read_servers
from mailframe.config import BadConfig, HostConfig, host_config, read_file
from mailframe.errors import BadSyntax, MailError
from mailframe.interfaces.delivery import Hop
from mailframe.model.address import Address, ascii_domain
from mailframe.net import dane
from mailframe.net.dns import LookupFailed, Resolver, host_name
from mailframe.net.mta_sts import BadPolicy, Policies
from mailframe.net.mta_sts_fetch import PolicyFetcher
from mailframe.net.relay_connection import RelayConnection
from mailframe.net.routing import MXHop, MXRouter, Route
from mailframe.net.tls_policy import ClientTLS, Security, TLSLevels, TrustRoots
from mailframe.outbound_routes import configured_routes, name_servers
from mailframe.smtp import grammar
from mailframe.smtp.client import SMTPClient

CONNECT_TIMEOUT = 30.0
"""Seconds for one host to answer, with TLS."""

ADDRESSES = 4
"""Addresses of one host that are connected to."""

_STARTTLS = {"none": "none", "may": "may", "encrypt": "must", "verify": "must"}

Found = dict[str, Any]

# They have no types.
_TCP4: Any = TCP4ClientEndpoint
_TCP6: Any = TCP6ClientEndpoint
_connect: Any = connectProtocol


def add_parser(commands: Any) -> None:
    """Add ``trace`` to the subparsers of the ``mailframe`` command."""
    text = "show where mail to an address would go: DNS, MTA-STS, DANE, TLS"
    parser = commands.add_parser("trace", help=text, description=text)
    parser.set_defaults(run=_run)
    parser.add_argument("address", metavar="ADDRESS", help="an address, or a domain")
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.add_argument(
        "--connect", action="store_true", help="connect to the hosts, look at their TLS"
    )
    add_dns_option(parser)
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="the host's TOML file: its routes, TLS levels and name servers",
    )
    parser.add_argument(
        "--hostname", default=socket.gethostname(), help="what we call ourselves"
    )


def _run(arguments: argparse.Namespace) -> None:
    domain = read_domain(arguments.address)
    config = read_config(arguments.config)
    servers = read_servers(arguments.dns)
    if config is not None and config.resolvers and arguments.dns is None:
        servers = name_servers(config.resolvers)

    async def trace(reactor: Any) -> Found:
        resolver = Resolver(reactor, servers)
        tracer = Tracer(
            reactor,
            resolver,
            hostname=arguments.hostname,
            levels=None if config is None else TLSLevels(config.queue.levels),
            routes=() if config is None else configured_routes(config),
        )
        return await tracer.trace(domain, connect=arguments.connect)

    found = in_reactor(trace)
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        for line in lines(found):
            print(_clean(line))


def read_config(path: str | None) -> HostConfig | None:
    """Return the configuration of a host, ``None`` without a file.

    Raises:
        ValueError: It is wrong, or cannot be read.
    """
    try:
        return None if path is None else host_config(read_file(path))
    except BadConfig as error:
        raise ValueError(str(error)) from None


def read_domain(text: str) -> str:
    """Return the domain of an address, or of a domain, in A-labels.

    Raises:
        ValueError: It is neither.
    """
    if "@" not in text:
        text = f"postmaster@{text}"
    try:
        address, rest = grammar.forward_path(f"TO:<{text}>")
    except BadSyntax:
        raise ValueError(f"{text}: not an address") from None
    if rest:
        raise ValueError(f"{text}: not an address")
    return ascii_domain(address.domain)


class Tracer:
    """Finds out about one domain at a time."""

    def __init__(
        self,
        reactor: Any,
        resolver: Resolver,
        *,
        hostname: str,
        fetch: Any = None,
        roots: TrustRoots | None = None,
        port: int = 25,
        our_networks: tuple[str, ...] | None = None,
        levels: TLSLevels | None = None,
        routes: Sequence[Route] = (),
    ) -> None:
        """Prepare to ask.

        Args:
            reactor: Provides IReactorTime and IReactorTCP.
            resolver: Asked.
            hostname: What we call ourselves.
            fetch: Fetches MTA-STS policies; ``None`` for HTTPS.
            roots: Authorities that are believed; ``None`` for the system's.
            port: Of the hosts; another one is for tests.
            our_networks: Addresses that mean this host; ``None`` for the
                router's own.
            levels: How much TLS the operator wants.
            routes: Where the operator wants mail to go, in order.
        """
        self._routes = tuple(routes)
        self._reactor = reactor
        self._resolver = resolver
        self._hostname = hostname
        self._fetch = fetch or PolicyFetcher(reactor, resolver)
        self._roots = roots
        self._port = port
        self._sts_trouble: BadPolicy | None = None
        self._policies = Policies(
            resolver, self._fetched, now=time.time, failed=lambda domain, problem: None
        )
        more: Found = {} if our_networks is None else {"our_networks": our_networks}
        self._router = MXRouter(
            resolver,
            our_names=(hostname,),
            shuffle=random.Random().shuffle,  # noqa: S311 - which host first
            policies=self._policies,
            levels=levels,
            port=port,
            **more,
        )

    async def trace(self, domain: str, *, connect: bool = False) -> Found:
        """Return what there is to know, ready for JSON.

        Args:
            domain: In A-labels, or an address literal.
            connect: Whether to connect to the hosts.
        """
        found: Found = {
            "domain": domain,
            "routes": [_route(one) for one in self._routes if one.names(domain)],
            "resolver_trusted": self._resolver.trusted,
            "mx": None if domain.startswith("[") else await self._mx(domain),
        }
        try:
            hops = await self._router.route(domain, Address("postmaster", domain))
        except MailError as error:
            found["error"] = _trouble(error)
            hops = ()
        if not domain.startswith("["):
            found["mta_sts"] = await self._sts(domain)
        found["hosts"] = [await self._host(hop, connect) for hop in hops]
        return found

    async def _fetched(self, domain: str) -> str:
        try:
            text: str = await self._fetch(domain)
        except BadPolicy as error:
            self._sts_trouble = error
            raise
        return text

    async def _mx(self, domain: str) -> Found:
        """Return the MX records as they are."""
        try:
            answer = await self._resolver.lookup(domain, dns.MX)
        except LookupFailed as error:
            return {"error": str(error)}
        records = sorted((one.preference, host_name(one)) for one in answer.records)
        return {
            "exists": answer.exists,
            "secure": answer.secure,
            "name": answer.name,
            "null": bool(records) and all(host == "" for _, host in records),
            "records": [
                {"preference": preference, "host": host or "."}
                for preference, host in records
            ],
        }

    async def _sts(self, domain: str) -> Found | None:
        """Return the policy the router went by, or why there is none."""
        policy = await self._policies.policy(domain)
        if policy is None and self._sts_trouble is None:
            return None
        found: Found = {}
        if self._sts_trouble is not None:
            problem = self._sts_trouble.problem
            found["error"] = {"problem": problem, "detail": str(self._sts_trouble)}
        if policy is not None:
            found.update(
                id=policy.id,
                mode=policy.mode,
                mx=list(policy.mx),
                max_age=policy.max_age,
            )
        return found

    async def _host(self, hop: Hop, connect: bool) -> Found:
        """Return what there is to know of one host."""
        assert isinstance(hop, MXHop)
        found: Found = {
            "host": hop.host,
            "port": hop.port,
            "name": hop.name or hop.host,
            "addresses": list(hop.addresses),
            "secure": hop.secure,
        }
        level = hop.tls
        names: tuple[str, ...] = (hop.host,)
        tlsa: tuple[dane.TLSARecord, ...] = ()
        if hop.sts is not None:
            found["sts_allows"] = hop.sts.allows(hop.host)
        if hop.secure:
            level, tlsa = await self._dane(hop, found)
        found["tls"] = level
        if connect and "error" not in found.get("dane", {}):
            names = (
                (hop.name or hop.host, hop.host, hop.domain) if tlsa else (hop.host,)
            )
            security = Security(level, tuple(dict.fromkeys(names)), tlsa)
            found["connections"] = [
                await self._greet(hop, security, address)
                for address in hop.addresses[:ADDRESSES]
            ]
        return found

    async def _dane(
        self, hop: MXHop, found: Found
    ) -> tuple[str, tuple[dane.TLSARecord, ...]]:
        """Look for TLSA records; return the level they make, and them."""
        try:
            names = (hop.name or hop.host, hop.host)
            records = await dane.lookup(self._resolver, names, hop.port)
        except LookupFailed as error:
            found["dane"] = {"error": str(error)}
            return hop.tls, ()
        if records is None:
            return hop.tls, ()
        found["dane"] = {"records": [str(one) for one in records]}
        if records:
            return "verify", records
        return ("verify" if hop.tls == "verify" else "encrypt"), ()

    async def _greet(self, hop: MXHop, security: Security, address: str) -> Found:
        """Connect to one address, and leave."""
        if self._roots is None:
            self._roots = TrustRoots()
        client = SMTPClient(
            self._hostname,
            starttls=_STARTTLS[security.level],
            nonce=token_bytes(32),
        )
        connection = RelayConnection(
            client, self._reactor, tls=ClientTLS(security, self._roots)
        )
        found: Found = {"address": address}
        kind = _TCP6 if ":" in address else _TCP4
        endpoint = kind(self._reactor, address, hop.port, CONNECT_TIMEOUT)
        try:
            await _connect(endpoint, connection)
        except (ConnectError, OSError) as error:
            found["error"] = {"text": f"no connection: {type(error).__name__}"}
            return found
        try:
            await connection.come_up()
            found["extensions"] = sorted(client.offer.keywords)
        except MailError as error:
            found["error"] = _trouble(error)
        evidence = connection.evidence
        if evidence is not None:
            found["evidence"] = {
                "version": evidence.version,
                "cipher": evidence.cipher,
                "verified": evidence.problem is None,
                "problem": evidence.problem,
                "detail": evidence.detail,
            }
        await connection.close()
        return found


def _route(route: Route) -> Found:
    return {
        "to": [_named(hop) for hop in route.hops],
        "tls": route.hops[0].tls,
        "senders": list(route.senders),
        "after": route.after,
    }


def _named(hop: Hop) -> str:
    kind = "lmtp:" if hop.lmtp else ""
    return f"{kind}{hop.host}" + (f":{hop.port}" if hop.port else "")


def _trouble(error: MailError) -> Found:
    found: Found = {"text": str(error), "status": error.status}
    if error.reply is not None:
        found["reply"] = str(error.reply)
    return found


def lines(found: Found) -> list[str]:
    """Return what was found for people."""
    written = [f"Domain    {found['domain']}"]
    for route in found["routes"]:
        senders = f" from {', '.join(route['senders'])}" if route["senders"] else ""
        after = f" after {route['after']} attempts" if route["after"] else ""
        to = ", ".join(route["to"])
        written.append(f"Route     mail{senders} goes{after} to {to}: {route['tls']}")
    if not found["resolver_trusted"]:
        written.append("DNSSEC    the resolver is not on this host: not believed")
    mx = found["mx"]
    if mx is not None:
        written += _mx_lines(mx)
    sts = found.get("mta_sts")
    if sts is None:
        written.append("MTA-STS   none")
    else:
        if "mode" in sts:
            names = ", ".join(sts["mx"])
            written.append(f"MTA-STS   {sts['mode']} (id {sts['id']}): {names}")
        if "error" in sts:
            error = sts["error"]
            written.append(f"MTA-STS   {error['problem']}: {error['detail']}")
    if "error" in found:
        error = found["error"]
        status = f" ({error['status']})" if error["status"] else ""
        written.append(f"Route     none: {error['text']}{status}")
    for host in found["hosts"]:
        written += _host_lines(host)
    return written


def _mx_lines(mx: Found) -> list[str]:
    if "error" in mx:
        return [f"MX        {mx['error']}"]
    secure = ", DNSSEC" if mx["secure"] else ""
    if mx["null"]:
        return [f"MX        null: takes no mail{secure}"]
    if not mx["records"]:
        what = "none: the domain itself" if mx["exists"] else "no such domain"
        return [f"MX        {what}{secure}"]
    return [
        f"MX        {one['preference']:>5} {one['host']}{secure}"
        for one in mx["records"]
    ]


def _host_lines(host: Found) -> list[str]:
    alias = f" ({host['name']})" if host["name"] != host["host"] else ""
    secure = ", DNSSEC" if host["secure"] else ""
    written = [
        "",
        f"Host      {host['host']}:{host['port']}{alias}{secure}",
        f"  address {', '.join(host['addresses'])}",
        f"  TLS     {host['tls']}",
    ]
    if "sts_allows" in host:
        allowed = "allowed" if host["sts_allows"] else "not allowed"
        written.append(f"  MTA-STS {allowed}")
    if "dane" in host:
        records = host["dane"].get("records", [])
        what = host["dane"].get("error") or (
            "; ".join(records) if records else "no record can be used"
        )
        written.append(f"  DANE    {what}")
    for one in host.get("connections", ()):
        written.append(f"  [{one['address']}]")
        evidence = one.get("evidence")
        if evidence is not None:
            judged = evidence["detail"] or "verified"
            shown = f"{evidence['version']} {evidence['cipher']}: {judged}"
            written.append(f"    TLS   {shown}")
        elif "error" not in one:
            written.append("    TLS   not offered")
        if "error" in one:
            written.append(
                f"    error {one['error'].get('reply') or one['error']['text']}"
            )
        else:
            written.append(f"    EHLO  {' '.join(one['extensions'])}")
    return written


def _clean(text: str) -> str:
    """Return text that a terminal can show: what peers sent stays text."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    shown = "".join(one if one.isprintable() else "?" for one in text)
    return shown.encode(encoding, "replace").decode(encoding)
