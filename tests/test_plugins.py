"""What ``twistd`` shows of mailframe and of plugins of others."""

import os
import subprocess
import sys
from pathlib import Path

from twisted.plugin import getPlugins
from twisted.trial.unittest import SynchronousTestCase

from mailframe.config_keys import KEYS
from mailframe.interfaces.check import ICheckFactory

CHECKOUT = Path(__file__).resolve().parent.parent

TWISTD = "from twisted.scripts.twistd import run; run()"

STRANGER = """
from zope.interface import implementer

from mailframe.interfaces.plugin import IPlugin, IRealmFactory


@implementer(IRealmFactory, IPlugin)
class ShoeboxFactory:
    realm_type = "shoebox"
    realm_help = "Keeps mail under the bed."
    arg_string_format = "SIZE"

    def make_realm(self, argstring, host):
        raise ValueError("no room under the bed")


shoebox = ShoeboxFactory()
"""


def python(program: str, *arguments: str, path: tuple[str, ...] = ()) -> str:
    """Run ``program`` in a fresh Python and return what it says.

    Args:
        program: Python source.
        arguments: ``sys.argv[1:]``.
        path: Where else plugins are looked for.
    """
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(CHECKOUT), *path))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return ended.stdout + ended.stderr


class TwistdTests(SynchronousTestCase):
    """``twistd`` knows mailframe, and mailframe says what it can be told."""

    def test_listed(self) -> None:
        """``twistd --help`` lists mailframe."""
        self.assertRegex(python(TWISTD, "--help"), r"(?m)^ +mailframe  +A mail host")

    def test_every_option(self) -> None:
        """``--help`` shows every option there is."""
        shown = python(TWISTD, "mailframe", "--help")
        missing = [key.name for key in KEYS if f"--{key.name}" not in shown]
        self.assertEqual(missing, [], shown)

    def test_help_realm(self) -> None:
        """``--help-realm`` shows each kind of realm and its arguments."""
        shown = python(TWISTD, "mailframe", "--help-realm")
        self.assertIn("maildir:ARGS", shown)
        self.assertIn("memory:ARGS", shown)
        self.assertIn("%u is the whole address", shown)

    def test_help_check(self) -> None:
        """``--help-check`` shows each kind of check and its arguments."""
        shown = python(TWISTD, "mailframe", "--help-check")
        for factory in getPlugins(ICheckFactory):
            self.assertIn(f"{factory.check_type}:ARGS\n", shown)
            self.assertIn(f"    ARGS: {factory.arg_string_format}\n", shown)

    def test_help_auth(self) -> None:
        """``--help-auth`` shows the password file."""
        self.assertRegex(
            python(TWISTD, "mailframe", "--help-auth"), r"(?m)^\s*passwd\b"
        )


class StrangerTests(SynchronousTestCase):
    """A file in somebody's ``twisted/plugins`` is enough."""

    def setUp(self) -> None:
        """Put a realm factory where nothing else of mailframe is."""
        self.elsewhere = self.mktemp()
        plugins = Path(self.elsewhere, "twisted", "plugins")
        plugins.mkdir(parents=True)
        (plugins / "shoebox_plugin.py").write_text(STRANGER)

    def test_listed(self) -> None:
        """It is shown with our own."""
        shown = python(
            TWISTD, "mailframe", "--help-realm", path=(os.path.abspath(self.elsewhere),)
        )
        self.assertIn("shoebox:ARGS", shown)
        self.assertIn("Keeps mail under the bed.", shown)

    def test_its_refusal(self) -> None:
        """Its ``ValueError`` becomes one line, with no traceback."""
        state = os.path.abspath(self.mktemp())
        said = python(
            TWISTD,
            *("-n", "--pidfile", "", "mailframe"),
            *("--state-dir", state, "--realm", "shoebox:9"),
            path=(os.path.abspath(self.elsewhere),),
        )
        self.assertIn("no room under the bed", said)
        self.assertNotIn("Traceback", said)


class WeightTests(SynchronousTestCase):
    """Looking for plugins loads nothing that is only needed to serve."""

    def test_listing_is_light(self) -> None:
        """No store, checker, protocol or network code is loaded by listing."""
        loaded = python(
            "import sys\n"
            "from twisted.application.service import IServiceMaker\n"
            "from twisted.cred.strcred import ICheckerFactory\n"
            "from twisted.plugin import getPlugins\n"
            "from mailframe.interfaces.plugin import IRealmFactory\n"
            "for kind in (IServiceMaker, ICheckerFactory, IRealmFactory):\n"
            "    list(getPlugins(kind))\n"
            "print(*sorted(n for n in sys.modules if n.startswith('mailframe')))"
        ).split()
        self.assertIn("mailframe.interfaces.plugin", loaded)
        heavy = [
            name
            for name in loaded
            if name.split(".")[1:2]
            and name.split(".")[1]
            not in {"interfaces", "model", "errors", "limits", "config"}
        ]
        self.assertEqual(heavy, [])
