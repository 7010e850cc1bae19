"""One-time codes of an authenticator app, and the file of who has one.

They guard the making of app passwords: mail programs cannot ask for a code at
each login, so it is asked once, when their password is made.

Source: RFC 6238 section 4, RFC 4226 sections 5.3 and 7.3.
"""

import base64
import hmac
import os
import struct
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from mailframe.auth.edited_file import EditedFile
from mailframe.auth.passwd_line import is_name

STEP = 30
"""Seconds a code is for (RFC 6238 section 4.1)."""

_DIGITS = 6
_DRIFT = 1
"""Steps by which a clock may be off, either way (RFC 6238 section 5.2)."""

_KEY_OCTETS = 20
"""As long as a SHA-1 digest (RFC 4226 section 4)."""

_FAILURES = 10
"""Wrong codes in a row after which none is right any more (RFC 4226 section 7.3)."""


def code_at(key: bytes, step: int) -> str:
    """Return the code of one step.

    Args:
        key: What the app and we share.
        step: Seconds since 1970 by :data:`STEP`, rounded down.

    Source: RFC 4226 section 5.3, RFC 6238 section 4.2.
    """
    digest = hmac.digest(key, struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**_DIGITS:0{_DIGITS}}"


def step_of(key: bytes, code: str, now: float, after: int) -> int | None:
    """Return the step a code is of, or ``None`` if it is of none that counts.

    Args:
        key: What the app and we share.
        code: As typed; blanks do not count.
        now: Seconds since 1970.
        after: The step that was used last: a code is good once.

    Source: RFC 6238 section 5.2.
    """
    typed = "".join(code.split()).encode()
    current = int(now // STEP)
    found = None
    # All of them, whichever it is.
    for step in range(current - _DRIFT, current + _DRIFT + 1):
        if (
            step >= 0
            and hmac.compare_digest(code_at(key, step).encode(), typed)
            and step > after
        ):
            found = step
    return found


def enrolment_uri(key: bytes, address: str, issuer: str) -> str:
    """Return what the QR code for an authenticator app says.

    Source: https://github.com/google/google-authenticator/wiki/Key-Uri-Format
    """
    label = quote(f"{issuer}:{address}", safe="@:")
    return f"otpauth://totp/{label}?" + urlencode(
        {"secret": _text(key), "issuer": issuer, "digits": _DIGITS, "period": STEP}
    )


@dataclass(frozen=True, slots=True)
class _Enrolment:
    """One line: ``address:KEY:last step:failures``."""

    address: str
    key: bytes
    last: int = -1
    failures: int = 0

    def line(self) -> str:
        return f"{self.address}:{_text(self.key)}:{self.last}:{self.failures}"


class TOTPFile:
    """Who has an authenticator app; everything blocks."""

    def __init__(self, path: str) -> None:
        """Use ``path``; it need not exist yet."""
        self._file = EditedFile(path)

    def has(self, address: str) -> bool:
        """Tell whether a user has one.

        Raises:
            OSError: The file cannot be read.
        """
        return _found(self._file.lines(), address) is not None

    def enrol(self, address: str) -> bytes:
        """Give a user a new key, instead of one there may be, and return it.

        Raises:
            ValueError: It cannot be an address.
            OSError: The file cannot be replaced; nothing was changed.
        """
        if not is_name(address) or "@" not in address:
            raise ValueError(f"{address!r} cannot be the address of a user")
        enrolment = _Enrolment(address, os.urandom(_KEY_OCTETS))
        self._file.change(
            lambda lines: [*_others(lines, address), enrolment.line()],
        )
        return enrolment.key

    def remove(self, address: str) -> None:
        """Take a user's away.

        Raises:
            ValueError: There is none.
            OSError: The file cannot be replaced; nothing was changed.
        """

        def removed(lines: list[str]) -> list[str]:
            if _found(lines, address) is None:
                raise ValueError(f"{address} has no authenticator app")
            return _others(lines, address)

        self._file.change(removed)

    def check(self, address: str, code: str, now: float) -> None:
        """Do nothing if a code is right, and let it be right once only.

        Args:
            address: The user.
            code: As typed.
            now: Seconds since 1970.

        Raises:
            ValueError: It is not, or too many were not.
            OSError: The file cannot be replaced; the code does not count.
        """
        trouble = ""

        def checked(lines: list[str]) -> list[str]:
            nonlocal trouble
            enrolment = _found(lines, address)
            if enrolment is None:
                raise ValueError(f"{address} has no authenticator app")
            if enrolment.failures >= _FAILURES:
                raise ValueError("too many wrong codes; enrol again")
            step = step_of(enrolment.key, code, now, enrolment.last)
            if step is None:
                trouble = "the code is wrong, or was used"
                enrolment = replace(enrolment, failures=enrolment.failures + 1)
            else:
                enrolment = replace(enrolment, last=step, failures=0)
            return [*_others(lines, address), enrolment.line()]

        self._file.change(checked)
        if trouble:
            raise ValueError(trouble)


def _text(key: bytes) -> str:
    return base64.b32encode(key).decode().rstrip("=")


def _is_of(line: str, address: str) -> bool:
    return line.partition(":")[0].casefold() == address.casefold()


def _others(lines: list[str], address: str) -> list[str]:
    return [line for line in lines if not _is_of(line, address)]


def _found(lines: list[str], address: str) -> _Enrolment | None:
    """Return a user's enrolment.

    Raises:
        ValueError: The line is damaged.
    """
    for line in lines:
        if not _is_of(line, address):
            continue
        try:
            name, text, last, failures = line.split(":")
            key = base64.b32decode(text + "=" * (-len(text) % 8))
            return _Enrolment(name, key, int(last), int(failures))
        except ValueError:
            raise ValueError(f"the line of {address} is damaged") from None
    return None
