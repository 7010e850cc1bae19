"""Commands that ask the DNS: which servers, and a reactor to ask them in."""

import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.names import dns

from mailframe.net.dns import system_servers

T = TypeVar("T")


def add_dns_option(parser: Any) -> None:
    """Add ``--dns`` to the parser of a command, for :func:`read_servers`."""
    parser.add_argument(
        "--dns",
        metavar="ADDRESS:PORT",
        help="the resolver to ask [default: those of /etc/resolv.conf]",
    )


def read_servers(text: str | None) -> list[tuple[str, int]]:
    """Return the resolvers to ask.

    Args:
        text: ``ADDRESS`` or ``ADDRESS:PORT``, IPv6 in brackets; ``None`` for
            the system's.

    Raises:
        ValueError: It is nothing of the kind.
    """
    if text is None:
        return system_servers(Path("/etc/resolv.conf"))
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(dns.PORT)
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{text}: not an address and port")
    host = host.strip("[]")
    try:
        socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except OSError:
        raise ValueError(f"{text}: not an address and port") from None
    return [(host, int(port))]


def in_reactor(task: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in a reactor of its own and return its result."""
    from twisted.internet.selectreactor import SelectReactor

    reactor: Any = SelectReactor()
    result: list[Any] = []

    def begin() -> None:
        running = Deferred.fromCoroutine(task(reactor))
        running.addBoth(result.append)
        running.addBoth(lambda ignored: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    if not result:
        raise KeyboardInterrupt
    (found,) = result
    if hasattr(found, "raiseException"):
        found.raiseException()
    answer: T = found
    return answer
