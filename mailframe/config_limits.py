"""The limits of :mod:`mailframe.limits`, each of which can be set.

``--limit smtp.recipients=500`` on the command line, and in the file::

    [limits.smtp]
    recipients = 500
"""

import ast
import difflib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

from mailframe import limits as module
from mailframe.config_key import BadConfig, Key
from mailframe.limits import Limits

KEY = Key(
    "limit",
    "list",
    "GROUP.NAME=NUMBER: a bound on what a peer may make us hold, see --help-limits;"
    " repeatable",
)

TABLE = "limits"
"""The table of the file."""


def every(limits: Limits) -> Iterator[tuple[str, float]]:
    """Yield all limits, as ``group.name`` and the value."""
    for group in fields(limits):
        found = getattr(limits, group.name)
        for one in fields(found):
            yield _written(group.name, one.name), getattr(found, one.name)


def meanings(limits: Limits) -> dict[str, str]:
    """Return what each limit is for, by ``group.name``: the text below its line."""
    groups = {
        type(getattr(limits, group.name)).__name__: group.name
        for group in fields(limits)
    }
    found = {}
    for one in ast.parse(inspect.getsource(module)).body:
        if not isinstance(one, ast.ClassDef) or one.name not in groups:
            continue
        for line, below in pairwise(one.body):
            match line, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    written = _written(groups[one.name], name)
                    found[written] = " ".join(text.replace("``", "").split())
    return found


def from_table(path: str, table: object) -> list[str]:
    """Return the limits of a file's table as the command line has them.

    Raises:
        BadConfig: It is no table of tables of numbers.
    """
    if not isinstance(table, Mapping) or not all(
        isinstance(group, Mapping) for group in table.values()
    ):
        raise BadConfig(f"{path}: {TABLE} must be tables, such as [{TABLE}.smtp]")
    return [
        f"{group}.{name}={value}"
        for group, found in table.items()
        for name, value in found.items()
    ]


def limits_from(texts: Iterable[str]) -> Limits:
    """Return the limits with some of them set.

    Raises:
        BadConfig: One does not exist, or is no number of its kind.
    """
    limits = Limits()
    known = dict(every(limits))
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().replace("_", "-")
        if not equals:
            raise BadConfig(f"--limit {text}: not GROUP.NAME=NUMBER")
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.0)[0]
            raise BadConfig(f"--limit {name}: there is none; nearest is {near}")
        group, _, field = name.partition(".")
        number = _number(name, value.strip(), known[name])
        changed: Any = replace(
            getattr(limits, group), **{field.replace("-", "_"): number}
        )
        limits = replace(limits, **{group: changed})
    return limits


def _number(name: str, text: str, usual: float) -> float:
    """Return a number of the kind that a limit is."""
    kind = type(usual)
    try:
        number = kind(text)
    except ValueError:
        raise BadConfig(f"--limit {name}={text}: not a number") from None
    # What may be 0 says so by being 0 itself: "any number".
    if not (0 if usual == 0 else 1) <= number <= 2**53:
        raise BadConfig(f"--limit {name}={text}: out of range")
    return number


def _written(group: str, name: str) -> str:
    return f"{group}.{name}".replace("_", "-")
