"""Check passwords against a file of Apache's ``htpasswd``.

Source: https://httpd.apache.org/docs/2.4/misc/password_encryptions.html
"""

import os
import re
import time
from collections.abc import Callable, Iterator

from passlib.hash import apr_md5_crypt, des_crypt

from mailframe.auth.passwd_line import PasswdUser, name_of
from mailframe.auth.passwd_table import PasswdTable
from mailframe.auth.password_hash import check_scheme, is_usable, verify
from mailframe.auth.table_checker import TableChecker
from mailframe.auth.watched_file import WatchedFile
from mailframe.auth.worker_threads import WorkerThreads

# Two characters of salt, eleven of hash.
_DES = re.compile(r"[./0-9A-Za-z]{13}\Z")
_APR1 = re.compile(r"\$apr1\$[^$]{1,8}\$[./0-9A-Za-z]{22}\Z")


def verify_htpasswd(secret: bytes, stored: str) -> bool:
    """Tell whether ``secret`` is the password that ``stored`` was made of.

    Takes as long as the scheme was meant to take: call it in a thread.

    Args:
        secret: The password.
        stored: bcrypt (``$2y$``), MD5 as Apache has it (``$apr1$``),
            ``{SHA}``, or of crypt(3) ``$1$``, ``$5$``, ``$6$`` and DES.

    Raises:
        ValueError: The hash is damaged; the text repeats nothing of it.
        TemporaryFailure: There is not the memory that the hash asks for.
    """
    if stored.startswith("$apr1$") or _DES.match(stored):
        scheme = des_crypt if stored[0] != "$" else apr_md5_crypt
        return is_usable(secret) and bool(scheme.verify(secret, stored))
    return verify(secret, stored)


def parse_htpasswd(octets: bytes) -> Iterator[PasswdUser | tuple[int, str]]:
    """Yield the users of a whole file, and where a line is wrong its number and why.

    A hash of a scheme we do not know, such as a password in the clear, does not
    make the user unknown: mail for that address would be sent back.
    """
    for number, line in enumerate(octets.split(b"\n"), 1):
        line = line.rstrip()
        if not line or line.startswith(b"#"):
            continue
        name = name_of(line)
        if name is None:
            yield number, "does not begin with a user name and ':'"
            continue
        # What follows a second colon are notes, as Apache has it.
        stored = line.split(b":", 2)[1].decode("utf-8", "replace")
        yield _user(number, name, stored)


def _user(number: int, name: str, stored: str) -> PasswdUser:
    if not (_DES.match(stored) or _APR1.match(stored)):
        try:
            check_scheme(stored)
        except ValueError:
            trouble = "not a hash that htpasswd makes; no login"
            return PasswdUser(number, name, "", trouble=trouble)
    return PasswdUser(number, name, stored)


class HtpasswdChecker(TableChecker):
    """Let in, and know, the users of one file; what changes in it counts at once."""

    def __init__(
        self,
        path: str,
        threads: WorkerThreads,
        default_domain: str = "localhost",
        *,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use the file ``path``; it is first read when somebody asks.

        Args:
            path: The file.
            threads: Where it is read, and hashes are computed.
            default_domain: For names without one.
            seconds: A clock.
        """
        path = os.path.abspath(path)
        super().__init__(
            path, threads, default_domain, seconds=seconds, verify=verify_htpasswd
        )
        self._file = WatchedFile(path, self._parse, seconds, threads.run)

    async def table(self) -> PasswdTable:
        """Return the users of the file."""
        return await self._file.current()

    def forget(self) -> None:
        """Read the file again when it is next asked for."""
        self._file.expire()

    def _parse(self, octets: bytes) -> PasswdTable:
        return PasswdTable(parse_htpasswd(octets), self.default_domain)
