"""Checks from ``TYPE:ARGS``: what ``twisted/plugins/mailframe_check.py`` offers."""

import os
import re
from typing import Any

from twisted.internet.endpoints import clientFromString
from twisted.internet.threads import deferToThreadPool
from twisted.names.client import Resolver

from mailframe.interfaces.check import CheckHost
from mailframe.policy.arguments import number, only, rate, read_arguments
from mailframe.policy.delegation import STATES, USUAL_STATES, PolicyService
from mailframe.policy.dns_list import DNSList, DNSLists
from mailframe.policy.greylist import Greylist
from mailframe.policy.greylist_store import GreylistTimes
from mailframe.policy.milter import Milter
from mailframe.policy.rate_limit import CLIENT_RATES, USER_RATES, RateLimit, Rates
from mailframe.policy.resolver import NamesResolver
from mailframe.policy.sanity import HeloSanity, RecipientSanity, SenderSanity
from mailframe.policy.tarpit import Tarpit


def helo(argstring: str, host: CheckHost) -> HeloSanity:
    """``helo`` or ``helo:resolve``, also with ``short``: any name will do."""
    words, named = read_arguments(argstring)
    only(words, ("resolve", "short"))
    only(named, ())
    return HeloSanity(
        ours=(host.hostname, *host.domains),
        need_full_name="short" not in words,
        resolver=_resolver(host) if "resolve" in words else None,
    )


def sender(argstring: str, host: CheckHost) -> SenderSanity:
    """``sender`` or ``sender:resolve``."""
    return SenderSanity(_if_asked(argstring, host))


def recipient(argstring: str, host: CheckHost) -> RecipientSanity:
    """``recipient`` or ``recipient:resolve``."""
    return RecipientSanity(host.domains, _if_asked(argstring, host))


def rate_limit(argstring: str, host: CheckHost) -> RateLimit:
    """``rate:messages=200/60,user-recipients=none``."""
    words, named = read_arguments(argstring)
    only(words, ())
    clients, users = CLIENT_RATES, USER_RATES
    only(
        named,
        (
            "connections",
            "messages",
            "recipients",
            "user-messages",
            "user-recipients",
        ),
    )
    return RateLimit(
        host.reactor.seconds,
        clients=Rates(
            connections=rate(named, "connections", clients.connections),
            messages=rate(named, "messages", clients.messages),
            recipients=rate(named, "recipients", clients.recipients),
        ),
        users=Rates(
            messages=rate(named, "user-messages", users.messages),
            recipients=rate(named, "user-recipients", users.recipients),
        ),
    )


def tarpit(argstring: str, host: CheckHost) -> Tarpit:
    """``tarpit:greeting=2,free=20,each=1,longest=10,held=1000``."""
    words, named = read_arguments(argstring)
    only(words, ())
    only(named, ("greeting", "free", "each", "longest", "held"))
    return Tarpit(
        host.reactor,
        greeting=number(named, "greeting", 2.0),
        free_recipients=int(number(named, "free", 20)),
        each=number(named, "each", 1.0),
        longest=number(named, "longest", 10.0),
        held=int(number(named, "held", 1000)),
    )


def dns_lists(argstring: str, host: CheckHost) -> DNSLists:
    """``dnsbl:bl.example=2,other.example,wl.example=-3,threshold=2``."""
    words, named = read_arguments(argstring)
    threshold = int(number(named, "threshold", 1))
    named.pop("threshold", None)
    lists = [DNSList(zone) for zone in words]
    for zone, score in named.items():
        try:
            lists.append(DNSList(zone, int(score)))
        except ValueError:
            raise ValueError(f"{zone}={score}: not a score") from None
    if not lists:
        raise ValueError("dnsbl needs at least one ZONE")
    return DNSLists(lists, _resolver(host), threshold=threshold)


def greylist(argstring: str, host: CheckHost) -> Greylist:
    """``greylist``, ``greylist:memory`` or ``greylist:delay=60,known=3``."""
    words, named = read_arguments(argstring)
    only(words, ("memory",))
    only(named, ("delay", "retry", "keep", "known"))
    usual = GreylistTimes()
    times = GreylistTimes(
        delay=number(named, "delay", usual.delay),
        retry=number(named, "retry", usual.retry),
        keep=number(named, "keep", usual.keep),
        known=int(number(named, "known", usual.known)),
    )
    path = os.path.join(host.state_dir, "greylist.sqlite")
    reactor = host.reactor

    def run(call: Any, *args: Any) -> Any:
        return deferToThreadPool(reactor, reactor.getThreadPool(), call, *args)

    return Greylist(
        ":memory:" if words else path, now=reactor.seconds, run=run, times=times
    )


def milter(argstring: str, host: CheckHost) -> Milter:
    """``milter:tcp:127.0.0.1:8891`` or ``milter:names,unix:/run/opendkim.sock``."""
    words, endpoint = _words_before(argstring, "names")
    resolver = _resolver(host) if words else None
    return Milter(_endpoint(endpoint, host), host.intake, endpoint, resolver)


def policy_service(argstring: str, host: CheckHost) -> PolicyService:
    """``policy:tcp:127.0.0.1:10023``, or ``policy:states=mail+rcpt,names,tcp:...``."""
    words, endpoint = _words_before(
        argstring, "states=[^,:]*", "end", "names", "context=[^,:]*"
    )
    found = dict(one.partition("=")[::2] for one in words)
    states = list(USUAL_STATES)
    if "states" in found:
        states = found["states"].split("+")
        only(states, STATES)
    if "end" in found:
        states.append("end")
    return PolicyService(
        _endpoint(endpoint, host),
        states=states,
        context=found.get("context", ""),
        resolver=_resolver(host) if "names" in found else None,
    )


def _words_before(argstring: str, *patterns: str) -> tuple[list[str], str]:
    """Return the words before an endpoint, each at most once, and that."""
    words = []
    left = list(patterns)
    while True:
        for pattern in left:
            match = re.match(f"({pattern}),", argstring)
            if match is not None:
                words.append(match[1])
                argstring = argstring[match.end() :]
                left.remove(pattern)
                break
        else:
            return words, argstring


def _if_asked(argstring: str, host: CheckHost) -> NamesResolver | None:
    words, named = read_arguments(argstring)
    only(words, ("resolve",))
    only(named, ())
    return _resolver(host) if words else None


def _resolver(host: CheckHost) -> NamesResolver:
    # Without twisted.names' own cache: ours is bounded.
    servers = list(host.name_servers)
    names = Resolver(  # type: ignore[no-untyped-call]
        resolv=None if servers else "/etc/resolv.conf",
        servers=servers,
        reactor=host.reactor,
    )
    return NamesResolver(names, host.reactor.seconds)


def _endpoint(argstring: str, host: CheckHost) -> Any:
    try:
        return clientFromString(  # type: ignore[no-untyped-call]
            host.reactor, argstring
        )
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{argstring!r} is not an endpoint: {error}") from None
