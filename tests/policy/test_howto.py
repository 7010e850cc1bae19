"""The code of ``docs/howto/policy.rst`` and ``addresses.rst`` does what it says."""

import os
import re
import sys
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

from zope.interface.verify import verifyObject

from mailframe.interfaces.check import Decision, ICheckFactory, IMessageCheck
from mailframe.interfaces.lookup import ILookup, ILookupFactory
from tests.policy.world import PolicyTestCase, rcpt

HOWTO = Path(__file__).resolve().parent.parent.parent / "docs" / "howto"

_BLOCK = re.compile(
    r"^``(\S+\.py)``:\n\n\.\. code-block:: python\n\n((?:(?: {3}.*)?\n)+)",
    re.MULTILINE,
)


class HowtoTests(PolicyTestCase):
    """Each page's blocks, written to files and used."""

    def _page(self, name: str) -> None:
        folder = os.path.abspath(self.mktemp())
        for file, code in _BLOCK.findall((HOWTO / name).read_text("utf-8")):
            path = Path(folder, os.path.basename(file))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(code), "utf-8")
            self.addCleanup(sys.modules.pop, path.stem, None)
        self.patch(sys, "path", [folder, *sys.path])

    def test_check(self) -> None:
        """It defers at night, but for those who are expected."""
        self._page("policy.rst")
        kind = import_module("night_check").NightCheck
        for hour, local, decision in (
            (3, "alice", Decision.DEFER),
            (3, "bob", None),
            (9, "alice", None),
        ):
            check = kind(lambda hour=hour: hour, ["bob"])
            verifyObject(IMessageCheck, check)
            memory = self.message(check)
            self.says(check.rcpt(memory, rcpt(f"{local}@example.org")), decision)

    def test_check_factory(self) -> None:
        """It makes the check."""
        self._page("policy.rst")
        factory: Any = import_module("night_plugin").night
        verifyObject(ICheckFactory, factory)
        self.assertEqual(factory.make_check("a,b", None).expected, ["a", "b"])

    def test_table(self) -> None:
        """It knows one address, and what day it is."""
        self._page("addresses.rst")
        kind = import_module("birthday_table").BirthdayTable
        table = kind(lambda: "11-21", {"11-21": ["alice"]})
        verifyObject(ILookup, table)
        found = self.run_now(table.lookup("Birthday@example.org"))
        self.assertEqual(found, ["alice"])
        self.assertIsNone(self.run_now(table.lookup("alice@example.org")))

    def test_table_factory(self) -> None:
        """It makes the table."""
        self._page("addresses.rst")
        factory: Any = import_module("birthday_plugin").birthday
        verifyObject(ILookupFactory, factory)
        table = factory.make_lookup("11-21=alice;12-24=bob", None)
        self.assertEqual(table.birthdays["12-24"], ["bob"])
