"""The law of the house that ``lint-imports`` does not see (docs/tour.rst)."""

import ast
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

CHECKOUT = Path(__file__).resolve().parent.parent
HOUSE = CHECKOUT / "mailframe"

GROUND = ("errors.py", "limits.py", "pace.py", "model", "mime")
CONTRACTS = ("interfaces",)
PROTOCOLS = ("sasl", "smtp", "pop3", "imap")

MAX_LINES = 600
"""A file longer than this is several files."""

# fmt: off
OUTSIDE = (
    "_thread", "asyncio", "concurrent", "ctypes", "fcntl", "ftplib", "getpass",
    "glob", "http", "imaplib", "importlib", "logging", "mmap", "multiprocessing",
    "os", "pathlib", "poplib", "pwd", "random", "sched", "secrets", "select",
    "selectors", "shutil", "signal", "smtplib", "socket", "socketserver",
    "sqlite3", "ssl", "subprocess", "sys", "syslog", "tempfile", "threading",
    "time", "urllib.request", "uuid",
)
# fmt: on
"""Modules of the standard library that reach the world: files, sockets, clocks,
chance, processes, logs. Below the adapters what they know is handed in.
"""

WORLDLY_CALLS = frozenset({"open", "print", "input", "now", "utcnow", "today"})
"""Calls that reach the world without an import of their own."""

DOORS = {
    "interfaces/auth.py": ("twisted.cred",),
    "interfaces/plugin.py": ("twisted.cred", "twisted.plugin"),
}
"""Where Twisted may be seen below the adapters, and how much of it."""


def _files(*rooms: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield name and syntax tree of each file in ``rooms``; all if none is named."""
    for path in sorted(HOUSE.rglob("*.py")):
        name = path.relative_to(HOUSE).as_posix()
        if not rooms or name.split("/")[0] in rooms:
            yield name, ast.parse(path.read_text("utf-8"))


def _imports(tree: ast.Module) -> Iterator[str]:
    """Yield the full name of each module that is imported absolutely."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module


def _within(module: str, packages: tuple[str, ...]) -> bool:
    return any(f"{module}.".startswith(f"{package}.") for package in packages)


def _callee(node: ast.AST) -> str:
    """Return the last name of what a call calls, or ``""``."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Name):
        return node.func.id
    # A method called open, such as a mailbox's, is not the built-in function; a
    # clock that was handed in is no clock of its own.
    if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
        of_a_class = node.func.value.id in {"datetime", "date"}
        return node.func.attr if of_a_class else ""
    return ""


class FloorTests(SynchronousTestCase):
    """Below the adapters there is no world."""

    maxDiff = None

    def test_no_worldly_module(self) -> None:
        """Ground, contracts and protocols import nothing that reaches outside."""
        found = [
            f"{name}: {module}"
            for name, tree in _files(*GROUND, *CONTRACTS, *PROTOCOLS)
            for module in _imports(tree)
            if _within(module, OUTSIDE)
        ]
        self.assertEqual(found, [])

    def test_no_worldly_call(self) -> None:
        """No file is opened, no clock is asked and nothing is printed there."""
        found = [
            f"{name}: {_callee(node)}()"
            for name, tree in _files(*GROUND, *CONTRACTS, *PROTOCOLS)
            for node in ast.walk(tree)
            if _callee(node) in WORLDLY_CALLS
        ]
        self.assertEqual(found, [])

    def test_ground_is_plain(self) -> None:
        """The ground needs the standard library and itself only."""
        found = [
            f"{name}: {module}"
            for name, tree in _files(*GROUND)
            for module in _imports(tree)
            if _within(module, ("twisted", "zope"))
        ]
        self.assertEqual(found, [])

    def test_doors_to_twisted(self) -> None:
        """Contracts see cred and plugin, through two files; protocols nothing."""
        found = [
            f"{name}: {module}"
            for name, tree in _files(*GROUND, *CONTRACTS, *PROTOCOLS)
            for module in _imports(tree)
            if _within(module, ("twisted",))
            and not _within(module, DOORS.get(name, ()))
        ]
        self.assertEqual(found, [])


class FileTests(SynchronousTestCase):
    """What holds for every file of the house."""

    maxDiff = None

    def test_size(self) -> None:
        """No file is longer than the limit."""
        found = [
            f"{path.relative_to(CHECKOUT)}: {lines} lines"
            for folder in (HOUSE, CHECKOUT / "tests", CHECKOUT / "twisted")
            for path in sorted(folder.rglob("*.py"))
            if (lines := path.read_bytes().count(b"\n")) > MAX_LINES
        ]
        self.assertEqual(found, [])

    def test_no_relative_import(self) -> None:
        """An import names what it imports in full."""
        found = [
            f"{name}: line {node.lineno}"
            for name, tree in _files()
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.level
        ]
        self.assertEqual(found, [])

    def test_rooms_are_packages(self) -> None:
        """Every room has an ``__init__.py`` that holds a docstring at least."""
        rooms = {path.parent for path in HOUSE.rglob("*.py")}
        found = [
            room.relative_to(CHECKOUT).as_posix()
            for room in sorted(rooms)
            if not (room / "__init__.py").is_file()
            or not ast.get_docstring(ast.parse((room / "__init__.py").read_text()))
        ]
        self.assertEqual(found, [])

    def test_reactor_is_handed_in(self) -> None:
        """No module imports the reactor while it is itself imported."""
        found = [
            f"{name}: line {node.lineno}"
            for name, tree in _files()
            for node in tree.body
            if isinstance(node, ast.ImportFrom)
            and node.module == "twisted.internet"
            and any(alias.name == "reactor" for alias in node.names)
        ]
        self.assertEqual(found, [])
