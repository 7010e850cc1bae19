"""The mail programs of others that some tests talk to.

On a developer's machine a program that is missing skips the test; where the
environment variable ``CI`` is set it fails it, so that a test run there never
passes by having tested less.
"""

import os
import shutil
from typing import NoReturn
from unittest import SkipTest

SYSTEM_DIRECTORIES = "/usr/local/sbin:/usr/sbin:/sbin:/usr/libexec:/usr/lib/dovecot"
"""Where Debian puts programs that are not on an ordinary user's PATH."""


def require(program: str) -> str:
    """Return the path of ``program``, or do not run the test.

    Args:
        program: The name of an executable, such as ``swaks`` or ``doveadm``.

    Raises:
        SkipTest: It is not installed.
        AssertionError: It is not installed, and ``CI`` is set.
    """
    path = os.environ.get("PATH", os.defpath)
    found = shutil.which(program, path=f"{path}{os.pathsep}{SYSTEM_DIRECTORIES}")
    if found is not None:
        return found
    missing(program)


def missing(what: str) -> NoReturn:
    """Do not run the test, for want of ``what``.

    Raises:
        SkipTest: On a developer's machine.
        AssertionError: ``CI`` is set.
    """
    reason = f"{what} is not installed (see README.rst)"
    if os.environ.get("CI"):
        raise AssertionError(reason)
    raise SkipTest(reason)
