"""What is shipped: a wheel and an sdist, built from a copy of the checkout."""

import functools
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.peers import missing

CHECKOUT = Path(__file__).resolve().parent.parent

SETUPTOOLS = 77
"""The oldest that pyproject.toml accepts."""

DROPINS = {
    f"twisted/plugins/{path.name}"
    for path in (CHECKOUT / "twisted" / "plugins").glob("*.py")
}


@functools.cache
def built() -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return the files of the wheel and of the sdist, by their names in them.

    The wheel is made from the sdist, so what a packager gets is proved too.
    """
    require_build()
    with tempfile.TemporaryDirectory(prefix="mailframe-build-") as scratch:
        copy, into = Path(scratch, "checkout"), Path(scratch, "dist")
        shutil.copytree(
            CHECKOUT,
            copy,
            ignore=shutil.ignore_patterns(
                ".git", "build", "dist", "*.egg-info", "__pycache__", "mailframe-data",
                "_trial_temp*", ".*_cache", "venv", ".venv", "dropin.cache",
            ),
        )  # fmt: skip
        ended = subprocess.run(
            [sys.executable, "-m", "build", "--no-isolation", "--outdir", into, copy],
            # Nothing but what the copy holds.
            env={**os.environ, "PYTHONPATH": ""},
            cwd=scratch,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if ended.returncode:
            raise AssertionError(ended.stdout[-3000:] + ended.stderr[-3000:])
        with zipfile.ZipFile(next(into.glob("*.whl"))) as wheel:
            in_wheel = {name: wheel.read(name) for name in wheel.namelist()}
        with tarfile.open(next(into.glob("*.tar.gz"))) as sdist:
            in_sdist = {
                member.name.partition("/")[2]: opened.read()
                for member in sdist
                if (opened := sdist.extractfile(member)) is not None
            }
    return in_wheel, in_sdist


def require_build() -> None:
    """Do not run the test where the build tools are not installed."""
    for tool, oldest in (("setuptools", SETUPTOOLS), ("build", 1)):
        try:
            major = int(version(tool).partition(".")[0])
        except PackageNotFoundError:
            major = 0
        if major < oldest:
            missing(f"{tool} {oldest} or newer")


class PackagingTests(SynchronousTestCase):
    """A stranger's ``pip install`` gets all of mailframe and nothing else."""

    def test_dropins(self) -> None:
        """Wheel and sdist carry every file that twistd looks for."""
        self.assertIn("twisted/plugins/mailframe_plugin.py", DROPINS)
        for files in built():
            found = {name for name in files if name.startswith("twisted/")}
            self.assertEqual(found, DROPINS)

    def test_no_package_in_twisted(self) -> None:
        """Nothing makes a package of a folder that is Twisted's."""
        for files in built():
            self.assertNotIn("twisted/__init__.py", files)
            self.assertNotIn("twisted/plugins/__init__.py", files)

    def test_every_module(self) -> None:
        """Every module of the house is in both, and the mark of types."""
        house = {
            path.relative_to(CHECKOUT).as_posix()
            for path in (CHECKOUT / "mailframe").rglob("*.py")
        }
        for files in built():
            self.assertEqual((house | {"mailframe/py.typed"}) - set(files), set())

    def test_nothing_else_is_installed(self) -> None:
        """The wheel puts nothing beside mailframe and its dropins."""
        wheel, _ = built()
        tops = {name.split("/")[0] for name in wheel if ".dist-info/" not in name}
        self.assertEqual(tops, {"mailframe", "twisted"})

    def test_command(self) -> None:
        """The wheel brings the command ``mailframe``."""
        wheel, _ = built()
        entries = next(
            text for name, text in wheel.items() if name.endswith("entry_points.txt")
        )
        self.assertIn(b"mailframe = mailframe.cli:main", entries)

    def test_sdist_is_whole(self) -> None:
        """The sdist has what a packager needs to build, test and document."""
        _, sdist = built()
        wanted = {
            "LICENSE",
            "README.rst",
            "CHANGELOG.rst",
            "setup.cfg",
            "pyproject.toml",
            "docs/standards.rst",
            "tests/__main__.py",
            "tests/rfc_sections.txt",
        }
        self.assertEqual(wanted - set(sdist), set())

    def test_twistd_finds_the_wheel(self) -> None:
        """Unpacked where Python looks, the wheel is listed by ``twistd --help``."""
        wheel, _ = built()
        site = Path(self.mktemp())
        for name, content in wheel.items():
            (site / name).parent.mkdir(parents=True, exist_ok=True)
            (site / name).write_bytes(content)
        shown = subprocess.run(
            [
                *(sys.executable, "-c"),
                "from twisted.scripts.twistd import run; run()",
                "--help",
            ],
            env={**os.environ, "PYTHONPATH": str(site.resolve())},
            cwd=site,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertRegex(shown.stdout, r"(?m)^ +mailframe  +A mail host")
