"""Reverse-paths of mail that is sent on: SRS, so that SPF lets it through.

``SRS0=hash=days=domain=local@ours`` holds a whole address in a local part of
ours, signed and dated; ``SRS1`` holds another host's SRS0 without growing. A
report about the message comes back to us, and from us to the sender.

The hash is Base32, for hosts on the way may change the case of a local part.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence

from mailframe.errors import NoSuchUser
from mailframe.model.address import Address, ascii_domain

_DAY = 86_400
_DAYS = 1024
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_HASH_OCTETS = 5
_HASH = r"[A-Za-z2-7]{8}"

# A peer that knows our form would still not know the secret. After the tag,
# other programs use + and - as separators too.
_SRS0 = re.compile(
    rf"SRS0[=+-](?P<hash>{_HASH})=(?P<days>[A-Za-z2-7]{{2}})"
    r"=(?P<domain>[^=]+)=(?P<local>.+)",
    re.IGNORECASE | re.DOTALL,
)
_SRS1 = re.compile(
    rf"SRS1[=+-](?P<hash>{_HASH})=(?P<domain>[^=]+)=(?P<rest>[=+-].+)",
    re.IGNORECASE | re.DOTALL,
)
_FOREIGN_SRS0 = re.compile(r"SRS0(?P<rest>[=+-].+)", re.IGNORECASE | re.DOTALL)
_FOREIGN_SRS1 = re.compile(
    r"SRS1[=+-][^=]+=(?P<domain>[^=]+)=(?P<rest>[=+-].+)", re.IGNORECASE | re.DOTALL
)


class SRS:
    """Rewrites senders into addresses of ours, and back."""

    def __init__(
        self,
        domain: str,
        secrets: Sequence[bytes],
        now: Callable[[], float],
        max_days: int = 21,
    ) -> None:
        """Prepare.

        Args:
            domain: Ours; the rewritten addresses are in it, and reports must
                reach us there.
            secrets: At least one of 16 octets or more; the first signs, all of
                them verify, so that they can be changed.
            now: Seconds since 1970.
            max_days: For how long reports are taken back, 1 to 1000.

        Raises:
            ValueError: A secret is too short, or ``max_days`` out of range.
        """
        if not secrets or any(len(secret) < 16 for secret in secrets):
            raise ValueError("an SRS secret needs at least 16 octets")
        if not 1 <= max_days <= 1000:
            raise ValueError("SRS addresses can be valid for 1 to 1000 days")
        self.domain = domain
        self._secrets = tuple(secrets)
        self._now = now
        self._max_days = max_days

    def forward(self, sender: Address) -> Address:
        """Return the reverse-path under which mail from ``sender`` is sent on."""
        again = _FOREIGN_SRS0.fullmatch(sender.local)
        if again is not None:
            return self._srs1(ascii_domain(sender.domain), again["rest"])
        again = _FOREIGN_SRS1.fullmatch(sender.local)
        if again is not None:
            return self._srs1(again["domain"], again["rest"])
        days = self._today()
        signed = f"{_DIGITS[days >> 5]}{_DIGITS[days & 31]}"
        # The domain may not have the separator in it; an address literal has
        # none, and a U-label is told as the A-label every host can send.
        signed += f"={ascii_domain(sender.domain)}={sender.local}"
        return Address(f"SRS0={self._hash(signed)}={signed}", self.domain)

    def reverse(self, local: str) -> Address | None:
        """Return the sender a local part of ours stands for.

        Args:
            local: The local part of an address in our domain.

        Returns:
            Where a report goes, or ``None``: this is no SRS address.

        Raises:
            NoSuchUser: It looks like one, but is not from us or too old.
        """
        if local[:3].upper() != "SRS":
            return None
        found = _SRS1.fullmatch(local)
        if found is not None:
            self._verify(found["hash"], f"{found['domain']}={found['rest']}")
            return Address(f"SRS0{found['rest']}", found["domain"].lower())
        found = _SRS0.fullmatch(local)
        if found is not None:
            signed = f"{found['days']}={found['domain']}={found['local']}"
            self._verify(found["hash"], signed)
            high, low = map(_DIGITS.index, found["days"].upper())
            if (self._today() - (high << 5 | low)) % _DAYS > self._max_days:
                raise NoSuchUser("an SRS address that is too old")
            return Address(found["local"], found["domain"].lower())
        if local[:5].upper() in ("SRS0=", "SRS1="):
            raise NoSuchUser("an SRS address that is not ours")
        return None

    def _srs1(self, domain: str, rest: str) -> Address:
        signed = f"{domain}={rest}"
        return Address(f"SRS1={self._hash(signed)}={signed}", self.domain)

    def _today(self) -> int:
        return int(self._now() // _DAY) % _DAYS

    def _hash(self, text: str, secret: bytes | None = None) -> str:
        # Without regard to case, as some host on the way may have none for it.
        key = self._secrets[0] if secret is None else secret
        digest = hmac.digest(key, text.casefold().encode(), hashlib.sha256)
        return base64.b32encode(digest[:_HASH_OCTETS]).decode()

    def _verify(self, given: str, text: str) -> None:
        for secret in self._secrets:
            if hmac.compare_digest(self._hash(text, secret), given.upper()):
                return
        raise NoSuchUser("an SRS address that is not ours")


def read_secrets(octets: bytes) -> list[bytes]:
    """Return the secrets of a file: one a line, in hexadecimal, newest first.

    Raises:
        ValueError: A line is not; the text names its number, not what it has.
    """
    secrets = []
    for number, line in enumerate(octets.splitlines(), 1):
        if line.strip():
            try:
                secrets.append(binascii.unhexlify(line.strip()))
            except ValueError:
                raise ValueError(f"line {number}: not hexadecimal") from None
    return secrets
