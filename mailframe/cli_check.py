"""``mailframe check``: is the host set up well, here and in the DNS.

It takes the options of ``twistd mailframe``, starts nothing and changes nothing.
"""

import argparse
import dataclasses
import json
import time
from typing import Any

from mailframe import check_local
from mailframe.check_dns import DNSCheck, policy, records
from mailframe.cli_dns import add_dns_option, in_reactor, read_servers
from mailframe.config import HostConfig, host_config, read_file
from mailframe.config_key import BadConfig
from mailframe.config_keys import KEYS
from mailframe.finding import Finding
from mailframe.model.address import ascii_domain
from mailframe.net.dns import Resolver
from mailframe.net.tls_files import CertificateFile


class ChecksFailed(ValueError):
    """Something has to be mended; the text says how much."""


def add_parser(commands: Any) -> None:
    """Add ``check`` to the subparsers of the ``mailframe`` command."""
    text = "look at configuration, files, certificates, ports and DNS; how to mend each"
    parser = commands.add_parser("check", help=text, description=text)
    parser.set_defaults(run=_run)
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.add_argument(
        "--no-dns", action="store_true", help="look at this machine only"
    )
    add_dns_option(parser)
    parser.add_argument("--config", metavar="FILE", help="TOML file of the host")
    group = parser.add_argument_group("the options of twistd mailframe")
    for key in KEYS:
        # Percent signs are argparse's own.
        more: dict[str, Any] = {"help": key.help.replace("%", "%%")}
        if key.kind == "switch":
            more["action"] = "store_true"
        else:
            more["metavar"] = "VALUE"
            more["action"] = "append" if key.kind == "list" else "store"
        if key.kind == "number":
            more["type"] = int
        group.add_argument(f"--{key.name}", dest=f"key {key.name}", **more)


def _run(arguments: argparse.Namespace) -> None:
    given = vars(arguments)
    try:
        settings = read_file(arguments.config) if arguments.config else {}
        mine = {key.name: given[f"key {key.name}"] for key in KEYS}
        settings.update({name: value for name, value in mine.items() if value})
        config = host_config(settings)
        servers = read_servers(arguments.dns)
    except BadConfig as error:
        raise ValueError(str(error)) from None
    findings = [Finding("ok", "config", f"{config.hostname}: {_served(config)}")]
    findings.append(check_local.state_dir(config))
    of_tls, certificates = check_local.certificates(config, time.time())
    findings += [*of_tls, *check_local.ports(config)]
    if not (arguments.no_dns or config.sandbox):

        async def look(reactor: Any) -> list[Finding]:
            resolver = Resolver(reactor, servers)
            names = (config.hostname, config.domains)
            return await DNSCheck(resolver, *names, certificates).findings()

        findings += in_reactor(look)
    show = _show_json if arguments.json else _show
    show(config, findings, certificates)
    bad = sum(one.state == "bad" for one in findings)
    if bad:
        raise ChecksFailed(f"{bad} to mend")


def _served(config: HostConfig) -> str:
    kinds = dict.fromkeys(listener.service for listener in config.listeners)
    return f"{', '.join(kinds)} for {', '.join(config.domains)}"


def _wanted(
    config: HostConfig, certificates: list[CertificateFile]
) -> tuple[list[str], str]:
    """Return the records and the MTA-STS policy that belong into the world."""
    hostname = ascii_domain(config.hostname)
    domains = tuple(map(ascii_domain, config.domains))
    return records(hostname, domains, certificates), policy(hostname)


def _show(
    config: HostConfig, findings: list[Finding], certificates: list[CertificateFile]
) -> None:
    for one in findings:
        print(f"{one.state:<5} {one.subject:<8} {one.text}")
        if one.mend:
            print(f"{'':15}-> {one.mend}")
    if config.sandbox:
        return
    wanted, text = _wanted(config, certificates)
    print("\nRecords for the DNS:")
    for line in wanted:
        print(f"  {line}")
    print("\nMTA-STS policy, https://mta-sts.DOMAIN/.well-known/mta-sts.txt:")
    for line in text.splitlines():
        print(f"  {line}")


def _show_json(
    config: HostConfig, findings: list[Finding], certificates: list[CertificateFile]
) -> None:
    wanted, text = _wanted(config, certificates)
    print(
        json.dumps(
            {
                "findings": [dataclasses.asdict(one) for one in findings],
                "records": wanted,
                "mta_sts_policy": text,
            },
            indent=2,
        )
    )
