"""Where a benchmark's servers keep their files: a fresh ext4 image for each.

What ext4 did before decides what it costs now (a file made where many were
just deleted takes 20 times as long), so each server gets a file system of its
own, made for it: an image on a loop device, in the temporary directory. That
takes root; elsewhere it is a directory.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

IMAGE_OCTETS = 8 << 30
"""Size of an image; it is sparse, and takes what is written to it."""


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--disk``; its value is what :func:`directory` takes."""
    parser.add_argument(
        "--disk",
        metavar="image|DIR",
        help="a fresh ext4 image for each server (default where it can be"
        " mounted), or a directory",
    )


def describe(where: str | None) -> str:
    """Say where the files are, for the output."""
    if where not in (None, "image"):
        return f"directories in {where}"
    if where is None and not _can_mount():
        return f"directories in {tempfile.gettempdir()}"
    return "a fresh ext4 image on a loop device for each server"


@contextlib.contextmanager
def directory(where: str | None) -> Iterator[Path]:
    """Give a new directory, gone afterwards.

    Args:
        where: ``image``, a directory to make it in, or ``None`` for an image
            where that works.
    """
    image = where == "image" or (where is None and _can_mount())
    parent = None if image else where
    path = Path(tempfile.mkdtemp(prefix="mailframe-bench-", dir=parent))
    try:
        if image:
            with _mounted(path):
                yield path / "disk"
        else:
            path.chmod(0o755)
            yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _mounted(path: Path) -> Iterator[None]:
    image, mount = path / "image", path / "disk"
    path.chmod(0o755)
    mount.mkdir()
    with open(image, "wb") as file:
        os.truncate(file.fileno(), IMAGE_OCTETS)
    options = "lazy_itable_init=0,lazy_journal_init=0,nodiscard"
    _run("mkfs.ext4", "-q", "-m", "0", "-E", options, str(image))
    _run("mount", "-o", "loop", str(image), str(mount))
    try:
        os.sync()
        yield
    finally:
        # Lazy: a server that is still ending must not keep the image for ever.
        _run("umount", "--lazy", str(mount))


def _run(*command: str) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise OSError(f"{command[0]}: {done.stderr.strip()}")


@cache
def _can_mount() -> bool:
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as path:
        try:
            with _mounted(Path(path)):
                return True
        except OSError as error:
            print(f"no image can be mounted: {error}", file=sys.stderr)
            return False
