"""What the operator chose with ``TYPE:ARGS``, found among the plugins and made.

Source: :mod:`twisted.cred.strcred` (``--auth``), :class:`IRealmFactory`
(``--realm``).
"""

from collections.abc import Iterable
from typing import Any

from twisted.cred.strcred import InvalidAuthType, makeChecker
from twisted.plugin import getPlugins

from mailframe.auth.twisted_directory import adapted
from mailframe.auth.worker_threads import WorkerThreads
from mailframe.config import BadConfig
from mailframe.interfaces.lookup import ILookupFactory
from mailframe.interfaces.plugin import Host, IRealmFactory

_PLANNED = {"auth": (), "realm": ("packed", "mbox", "postgresql")}
"""TYPEs that are promised but not there yet."""


def realm_factories() -> Iterable[Any]:
    """Return every realm factory that plugins offer."""
    return getPlugins(IRealmFactory)


def make_checker(
    text: str, default_domain: str, threads: WorkerThreads, decoy_key: bytes
) -> Any:
    """Return the checker that ``--auth`` names.

    Args:
        text: ``TYPE:ARGS``.
        default_domain: For names without one.
        threads: Where Twisted's own checkers read their files.
        decoy_key: Secret octets, 32 or more, the same after a restart; of them
            answers about users there are not are made.

    Raises:
        BadConfig: There is no such type, or its arguments are wrong.
    """
    kind = text.partition(":")[0]
    try:
        checker = makeChecker(text)  # type: ignore[no-untyped-call]
    except InvalidAuthType:
        raise BadConfig(_unknown("auth", kind)) from None
    except (ValueError, OSError) as error:
        raise BadConfig(f"--auth {kind}: {error}") from None
    checker = adapted(checker, threads, default_domain)
    if hasattr(checker, "default_domain"):
        checker.default_domain = default_domain
    if hasattr(checker, "decoy_key"):
        checker.decoy_key = decoy_key
    return checker


def make_realm(text: str, host: Host) -> Any:
    """Return the realm that ``--realm`` names.

    Raises:
        BadConfig: There is no such type, or its arguments are wrong.
    """
    kind, _, argstring = text.partition(":")
    for factory in realm_factories():
        if factory.realm_type == kind:
            try:
                return factory.make_realm(argstring, host)
            except (ValueError, OSError) as error:
                raise BadConfig(f"--realm {kind}: {error}") from None
    raise BadConfig(_unknown("realm", kind))


def make_lookup(option: str, text: str, host: Host) -> Any:
    """Return the table that an option names.

    Args:
        option: Its name, for what is said when it is wrong.
        text: ``TYPE:ARGS``.
        host: The host it is for.

    Raises:
        BadConfig: There is no such type, or its arguments are wrong.
    """
    kind, _, argstring = text.partition(":")
    for factory in getPlugins(ILookupFactory):
        if factory.lookup_type == kind:
            try:
                return factory.make_lookup(argstring, host)
            except (ValueError, OSError) as error:
                raise BadConfig(f"--{option} {kind}: {error}") from None
    raise BadConfig(f"--{option} {kind}: there is no such type of table")


def _unknown(option: str, kind: str) -> str:
    if kind in _PLANNED[option]:
        return f"--{option} {kind}: not part of this version of mailframe"
    return f"--{option} {kind}: there is no such type; see --help-{option}"
