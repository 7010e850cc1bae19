"""Put checkers together as the configuration says.

From the inside out: each backend, perhaps with a cache or a passwd-file its users
move to; the backends of a domain in their order; the domains; app passwords
before them and masters around; and around all that one portal, with networks and
throttle.

Source: docs/howto/logins.rst.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from twisted.cred.portal import Portal

from mailframe.auth.app_passwords import AppPasswordChecker, AppPasswordFile
from mailframe.auth.auth_settings import AuthSettings, CheckerSetting, auth_settings
from mailframe.auth.chain import CheckerChain, chained
from mailframe.auth.edited_file import EditedFile
from mailframe.auth.in_time import DirectoryInTime, InTime
from mailframe.auth.login_cache import LoginCache
from mailframe.auth.master import MasterUsers
from mailframe.auth.migrate import MigratingChecker
from mailframe.auth.networks import NetworkGuard
from mailframe.auth.passwd_file import PasswdFile
from mailframe.auth.per_domain import DirectoryPerDomain, PerDomain
from mailframe.auth.portal import LoginPortal
from mailframe.auth.throttle import FailureCounts, Throttle
from mailframe.auth.vouched import VouchedChecker
from mailframe.interfaces.auth import IUserDirectory
from mailframe.model.address import canonical_domain

MakeChecker = Callable[[str, str], Any]
"""Makes a checker of ``TYPE:ARGS`` and of the domain of names without one."""


@dataclass(frozen=True, slots=True)
class Composition:
    """What came of the settings; one for all listeners of a process.

    Attributes:
        checker: Provides ``ICredentialsChecker`` and whatever mechanisms ask.
        directory: Provides ``IUserDirectory``; ``None`` if no checker knows who
            exists.
        networks: Knows from where who may come.
        throttle: Makes guessers wait; ``None`` where that is switched off.
        separator: Between a user and a master, ``""`` without masters.
        default_domain: For names without one.
    """

    checker: Any
    directory: Any
    networks: NetworkGuard
    throttle: Throttle | None
    separator: str
    default_domain: str

    def portal(self, realm: Any) -> LoginPortal:
        """Return what every listener is given.

        Args:
            realm: Provides ``IRealm``.
        """
        checkers = [self.checker]
        if self.directory is not None:
            checkers.append(VouchedChecker(self.directory, self.default_domain))
        return LoginPortal(
            Portal(realm, checkers),
            default_domain=self.default_domain,
            throttle=self.throttle,
            networks=self.networks,
            separator=self.separator,
        )


def compose(
    settings: Any,
    make_checker: MakeChecker,
    *,
    default_domain: str,
    state_dir: str,
    clock: Any,
    run: Callable[..., Awaitable[Any]],
) -> Composition:
    """Put the checkers together.

    Args:
        settings: The list of ``--auth``, or the table ``[auth]``.
        make_checker: Makes one checker; what it raises is passed on.
        default_domain: For names without one.
        state_dir: Where the file of app passwords is, unless it says so.
        clock: Provides ``IReactorTime``; counts seconds since 1970.
        run: Calls a function with arguments in a thread.

    Raises:
        ValueError: The settings are wrong; the text is one line for people.
        OSError: A file that has to be there cannot be made.
    """
    read = auth_settings(settings, f"{state_dir}/app-passwords")
    parts = _Parts(make_checker, clock, run)
    checker, directory = _backends(read, parts, default_domain)
    if (read.masters or read.app_passwords is not None) and directory is None:
        raise ValueError(
            "auth.masters and auth.app-passwords need a checker that knows who"
            " exists, such as passwd:FILE"
        )
    if read.app_passwords is not None:
        AppPasswordFile(read.app_passwords).make()
        app_passwords = AppPasswordChecker(
            read.app_passwords,
            directory,
            default_domain,
            seconds=clock.seconds,
            run=run,
        )
        checker = CheckerChain([app_passwords, checker], default_domain)
    if read.masters:
        masters = CheckerChain(
            parts.checkers(read.masters, default_domain), default_domain
        )
        checker = MasterUsers(
            checker, masters, directory, default_domain, read.separator
        )
    if directory is not None:
        directory = DirectoryInTime(directory, clock)
    return Composition(
        InTime(checker, clock),
        directory,
        NetworkGuard(read.networks, read.users, directory),
        _throttle(read, clock),
        read.separator if read.masters else "",
        default_domain,
    )


class _Parts:
    """Makes single checkers, with what is put around each."""

    def __init__(
        self, make: MakeChecker, clock: Any, run: Callable[..., Awaitable[Any]]
    ) -> None:
        self._make = make
        self._clock = clock
        self._run = run

    def checkers(
        self, settings: tuple[CheckerSetting, ...], default_domain: str
    ) -> list[Any]:
        return [self._checker(one, default_domain) for one in settings]

    def _checker(self, setting: CheckerSetting, default_domain: str) -> Any:
        checker = self._make(setting.use, default_domain)
        if setting.cache:
            checker = LoginCache(checker, self._clock.seconds, ttl=setting.cache)
        if setting.migrate_to:
            EditedFile(setting.migrate_to).make()
            checker = MigratingChecker(
                checker,
                self._make(f"passwd:{setting.migrate_to}", default_domain),
                PasswdFile(setting.migrate_to),
                default_domain,
                self._run,
            )
        return checker


def _backends(
    read: AuthSettings, parts: _Parts, default_domain: str
) -> tuple[Any, Any]:
    """Return the checker and the directory of all domains."""

    def of_domain(
        settings: tuple[CheckerSetting, ...], domain: str
    ) -> tuple[CheckerChain, Any]:
        made = parts.checkers(settings, domain)
        known = [one for one in made if IUserDirectory.providedBy(one)]
        return CheckerChain(made, domain), chained(known) if known else None

    rest = of_domain(read.checkers, default_domain) if read.checkers else (None, None)
    if not read.domains:
        return rest
    own = {
        name: of_domain(settings, canonical_domain(name))
        for name, settings in read.domains.items()
    }
    directories = {name: directory for name, (_, directory) in own.items()}
    checker = PerDomain(
        {name: chain for name, (chain, _) in own.items()}, default_domain, rest[0]
    )
    if rest[1] is None and not any(directories.values()):
        return checker, None
    return checker, DirectoryPerDomain(directories, rest[1])


def _throttle(read: AuthSettings, clock: Any) -> Throttle | None:
    setting = read.throttle
    if not setting.on:
        return None
    counts = FailureCounts(
        clock.seconds,
        free=setting.free,
        first=setting.first,
        most=setting.most,
        forget=setting.forget,
    )
    return Throttle(counts, clock, exempt=setting.exempt)
