"""The table ``[auth]`` of the configuration, taken apart and checked.

Source: docs/howto/logins.rst.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mailframe.auth.app_passwords import SCOPES
from mailframe.auth.networks import NetworkRule, Networks


@dataclass(frozen=True, slots=True)
class CheckerSetting:
    """One checker.

    Attributes:
        use: ``TYPE:ARGS``.
        cache: Seconds a right password is remembered, 0 for not.
        migrate_to: A passwd-file its users are moved to, ``""`` for none.
    """

    use: str
    cache: float = 0.0
    migrate_to: str = ""


@dataclass(frozen=True, slots=True)
class ThrottleSetting:
    """Who waits, and how long; the words of :class:`FailureCounts`."""

    on: bool = True
    free: int = 5
    first: float = 1.0
    most: float = 15.0
    forget: float = 60.0
    exempt: tuple[str, ...] = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """All of it.

    Attributes:
        checkers: For every domain that has none of its own.
        domains: Those of a domain, by name.
        masters: Who may be anybody, and none if it is empty.
        separator: Between a user and a master.
        app_passwords: The file of app passwords; ``None``: there are none.
        throttle: Who waits.
        networks: From where a service may be used, by its name.
        users: From where it may by whom, by address.
    """

    checkers: tuple[CheckerSetting, ...] = ()
    domains: Mapping[str, tuple[CheckerSetting, ...]] = field(default_factory=dict)
    masters: tuple[CheckerSetting, ...] = ()
    separator: str = "*"
    app_passwords: str | None = None
    throttle: ThrottleSetting = ThrottleSetting()
    networks: Mapping[str, NetworkRule] = field(default_factory=dict)
    users: Mapping[str, NetworkRule] = field(default_factory=dict)


def auth_settings(found: Any, app_password_file: str) -> AuthSettings:
    """Return the settings.

    Args:
        found: A list of ``TYPE:ARGS``, as ``--auth`` gives it, or the table.
        app_password_file: What ``app-passwords.file`` is if it is left out.

    Raises:
        ValueError: Something is wrong; the text names the key and no value of
            a checker.
    """
    if isinstance(found, str | Sequence):
        found = {"checkers": found}
    table = _Table(found, "auth")
    masters = table.table("masters")
    app_passwords = table.table("app-passwords")
    settings = AuthSettings(
        checkers=_checkers(table, "checkers"),
        domains={
            name: _checkers(one, "checkers", need=True)
            for name, one in table.tables("domains")
        },
        masters=_checkers(masters, "checkers", need=True) if masters else (),
        separator=masters.text("separator", "*") if masters else "*",
        app_passwords=(
            app_passwords.text("file", app_password_file) if app_passwords else None
        ),
        throttle=_throttle(table.table("throttle")),
        networks={
            name: _rule(one, services=False) for name, one in table.tables("networks")
        },
        users={name: _rule(one, services=True) for name, one in table.tables("users")},
    )
    for one in (masters, app_passwords, table):
        if one is not None:
            one.end()
    if not settings.checkers and not settings.domains:
        raise ValueError("auth.checkers is missing: nobody could log in")
    if len(settings.separator) != 1 or settings.separator in "@: ":
        raise ValueError("auth.masters.separator must be one character, not @ or :")
    return settings


def _checkers(
    table: "_Table", key: str, need: bool = False
) -> tuple[CheckerSetting, ...]:
    value = table.take(key, [])
    name = f"{table.name}.{key}"
    values = [value] if isinstance(value, str | Mapping) else value
    if not isinstance(values, Sequence):
        raise ValueError(f"{name} must be a list")
    found = []
    for one in values:
        if isinstance(one, str):
            found.append(CheckerSetting(one))
            continue
        row = _Table(one, name)
        setting = CheckerSetting(
            row.text("use", ""),
            row.number("cache", 0.0, 0, 86_400),
            row.text("migrate-to", ""),
        )
        row.end()
        if not setting.use:
            raise ValueError(f'{name}: a table needs use = "TYPE:ARGS"')
        found.append(setting)
    if need and not found:
        raise ValueError(f"{name} is missing")
    return tuple(found)


def _throttle(table: "_Table | None") -> ThrottleSetting:
    default = ThrottleSetting()
    if table is None:
        return default
    setting = ThrottleSetting(
        on=table.switch("on", default.on),
        free=int(table.number("free", default.free, 0, 1000)),
        first=table.number("first", default.first, 0.1, 60),
        most=table.number("most", default.most, 0.1, 300),
        forget=table.number("forget", default.forget, 1, 86_400),
        exempt=table.texts("exempt", default.exempt),
    )
    table.checked("exempt", Networks, setting.exempt)
    table.end()
    return setting


def _rule(table: "_Table", services: bool) -> NetworkRule:
    rule = NetworkRule(
        table.checked("allow", Networks, table.texts("allow", ())),
        table.checked("deny", Networks, table.texts("deny", ())),
        frozenset(table.texts("services", ())) if services else frozenset(),
    )
    table.end()
    unknown = rule.services - set(SCOPES)
    if unknown:
        raise ValueError(f"{table.name}.services: one of {', '.join(SCOPES)}")
    return rule


class _Table:
    """A table whose every key must be taken."""

    def __init__(self, values: Any, name: str) -> None:
        if not isinstance(values, Mapping):
            raise ValueError(f"{name} must be a table")
        self.name = name
        self._values = values
        self._taken: list[str] = []

    def take(self, key: str, default: Any) -> Any:
        self._taken.append(key)
        return self._values.get(key, default)

    def table(self, key: str) -> "_Table | None":
        value = self.take(key, None)
        return None if value is None else _Table(value, f"{self.name}.{key}")

    def tables(self, key: str) -> list[tuple[str, "_Table"]]:
        outer = self.table(key)
        if outer is None:
            return []
        return [
            (name, _Table(value, f"{outer.name}.{name}"))
            for name, value in outer._values.items()
        ]

    def text(self, key: str, default: str) -> str:
        value = self.take(key, default)
        if not isinstance(value, str):
            raise self.wrong(key, "must be a text")
        return value

    def texts(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        value = self.take(key, default)
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise self.wrong(key, "must be a list of texts")
        if not all(isinstance(one, str) for one in value):
            raise self.wrong(key, "must be a list of texts")
        return tuple(value)

    def number(self, key: str, default: float, least: float, most: float) -> float:
        value = self.take(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(key, "must be a number")
        if not least <= value <= most:
            raise self.wrong(key, f"must be {least:g} to {most:g}")
        return value

    def switch(self, key: str, default: bool) -> bool:
        value = self.take(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, "must be true or false")
        return value

    def checked(self, key: str, make: Callable[[Any], Any], value: Any) -> Any:
        try:
            return make(value)
        except ValueError as error:
            raise self.wrong(key, str(error)) from None

    def end(self) -> None:
        for key in self._values:
            if key not in self._taken:
                near = difflib.get_close_matches(key, self._taken, 1, 0.0)[0]
                raise ValueError(
                    f"there is no key {self.name}.{key}; nearest is {near}"
                )

    def wrong(self, key: str, why: str) -> ValueError:
        return ValueError(f"{self.name}.{key}: {why}")
