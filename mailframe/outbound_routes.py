"""Where the host sends mail otherwise than by MX: routes, transports, smarthosts.

Part of :mod:`mailframe.outbound`.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from mailframe.config import BadConfig, HostConfig
from mailframe.delivery.destination import SERVERS
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.delivery import Hop
from mailframe.model.address import ascii_domain, canonical_domain
from mailframe.model.secret import Secret
from mailframe.net.dns import is_address
from mailframe.net.routing import Route, parse_hop
from mailframe.sasl.client import Login

_SMARTHOST = re.compile(r"(\[[^\]]*\]:[0-9]+|[^:\[\]]+:[0-9]+):(.+)")

DNS_PORT = 53


def ours(config: HostConfig) -> tuple[str, ...]:
    """Return the domains whose mail stays here."""
    return (*config.domains, *config.reception.virtual_domains)


def server(text: str) -> Hop:
    """Return the hop of ``lmtp:HOST:PORT``, ``lmtp:/SOCKET`` or ``smtp:HOST:PORT``.

    Raises:
        TemporaryFailure: It is none: the operator mends the table.
    """
    try:
        return parse_hop(text.removeprefix("smtp:"))
    except ValueError as error:
        raise TemporaryFailure(str(error)) from None


def transports(config: HostConfig) -> list[Route]:
    """Return the routes to servers of domains that are not ours.

    Raises:
        BadConfig: One is no server.
    """
    here = set(map(canonical_domain, ours(config)))
    found = []
    for name, text in config.reception.transports.items():
        if canonical_domain(name) in here:
            continue
        if not text.startswith(SERVERS):
            raise BadConfig(f"--transport {name}: {text}: only for domains of ours")
        try:
            hop = parse_hop(text.removeprefix("smtp:"))
            found.append(Route((hop,), (ascii_domain(name).lower(),)))
        except ValueError as error:
            raise BadConfig(f"--transport {name}: {error}") from None
    return found


def configured_routes(config: HostConfig) -> tuple[Route, ...]:
    """Return all routes of a host, in order; smarthosts are for what is left.

    Raises:
        BadConfig: One leads nowhere.
    """
    hops, _ = smarthosts(config.smarthosts)
    rest = (Route(tuple(hops)),) if hops else ()
    return (*transports(config), *config.queue.routes, *rest)


def smarthosts(texts: Sequence[str]) -> tuple[list[Hop], dict[str, Login]]:
    """Return the hops and logins of ``HOST:PORT[:user:passwordfile]``.

    Raises:
        BadConfig: One is not that.
    """
    hops, logins = [], {}
    for text in texts:
        host, login = _split(text)
        try:
            hop = parse_hop(host, tls="encrypt" if login else "may")
            if login:
                user, _, path = login.partition(":")
                password = Path(path).read_bytes().splitlines()[0]
                logins[f"{hop.host}:{hop.port}"] = Login(
                    user.encode(), Secret(password)
                )
        except (ValueError, IndexError) as error:
            raise BadConfig(f"--smarthost {host}: {error}") from None
        except OSError as error:
            raise BadConfig(
                f"--smarthost {host}: {error.filename}: {error.strerror}"
            ) from None
        hops.append(hop)
    return hops, logins


def _split(text: str) -> tuple[str, str]:
    """Cut ``HOST:PORT`` from ``user:passwordfile``; HOST may be in brackets."""
    found = _SMARTHOST.fullmatch(text)
    return (text, "") if found is None else (found[1], found[2])


def name_servers(texts: Sequence[str]) -> list[tuple[str, int]]:
    """Return the servers of ``ADDRESS[:PORT]`` or ``[ADDRESS]:PORT``.

    Raises:
        BadConfig: One is not that.
    """
    found = []
    for text in texts:
        host, port = text, ""
        if text.startswith("["):
            host, _, port = text[1:].partition("]")
            port = port.removeprefix(":")
        elif text.count(":") == 1:
            host, _, port = text.partition(":")
        if not is_address(host) or not (port or "53").isdigit():
            raise BadConfig(f"--resolver {text}: not ADDRESS[:PORT]")
        number = int(port or DNS_PORT)
        if not 0 < number < 65_536:
            raise BadConfig(f"--resolver {text}: not a port")
        found.append((host, number))
    return found
