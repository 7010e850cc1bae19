"""A check as operators name it: ``TYPE``, words about it, and ``:ARGS``."""

from collections.abc import Callable, Iterable
from typing import Any

from mailframe.delivery.configured_check import Configured, nobody
from mailframe.interfaces.check import CheckHost, Decision
from mailframe.model.envelope import Origin

_DEFAULTS = {
    one.value: one for one in (Decision.ACCEPT, Decision.DEFER, Decision.REFUSE)
}


def make_configured(
    text: str,
    factories: Iterable[Any],
    host: CheckHost,
    friends: Callable[[Origin], bool],
) -> Configured:
    """Return the check an option names, in its place.

    Args:
        text: The option, ``TYPE[,accept|defer|refuse][,SECONDS][,local]:ARGS``.
            Without more, a check that fails defers, after 30 seconds.
        factories: What there is; each provides ``ICheckFactory``.
        host: The host it is for.
        friends: Tells which clients most checks leave alone.

    Raises:
        ValueError: There is no such check, or something is wrong with it; the
            text is one line for people.
    """
    head, _, argstring = text.partition(":")
    kind, *words = map(str.strip, head.split(","))
    on_failure, timeout, local = Decision.DEFER, 30.0, False
    for word in words:
        if word in _DEFAULTS:
            on_failure = _DEFAULTS[word]
        elif word.isdigit() and int(word):
            timeout = float(word)
        elif word == "local":
            local = True
        else:
            raise ValueError(
                f"{head}: {word!r} is not accept, defer, refuse, seconds or local"
            )
    for factory in factories:
        if factory.check_type == kind:
            return Configured(
                kind,
                factory.make_check(argstring, host),
                on_failure,
                timeout,
                friends if factory.spares_friends else nobody,
                local,
            )
    raise ValueError(f"{kind}: there is no such check")
