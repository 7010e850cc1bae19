"""The keys an issuer signs its tokens with: fetched, kept, and fetched again.

Source: RFC 7517 section 5 (JWK set).
"""

from collections.abc import Awaitable, Callable
from typing import Any

from jwt import PyJWK
from jwt.exceptions import PyJWTError
from twisted.logger import Logger

from mailframe.auth.http_client import Answer
from mailframe.errors import TemporaryFailure
from mailframe.joined import Joined

_log = Logger()

_PAUSE = 30.0
"""Seconds between two fetches at least: tokens with invented key IDs must not
make us ask the issuer for each of them."""


class KeySet:
    """The keys of one issuer.

    Those that are known stay in use while fetching fails.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Answer]],
        seconds: Callable[[], float],
        refresh: float = 3600.0,
    ) -> None:
        """Fetch nothing yet.

        Args:
            fetch: Gets the JWK set.
            seconds: A clock.
            refresh: Seconds keys are used before they are fetched again.
        """
        self._fetch = fetch
        self._seconds = seconds
        self._refresh = refresh
        self._fetching = Joined(self._fetch_now)
        self._fetched: float | None = None
        self._tried: float | None = None
        self._keys: tuple[dict[str, Any], ...] = ()

    async def find(self, key_id: str | None, algorithm: str) -> PyJWK | None:
        """Return the key a token says it was signed with, or ``None``.

        Args:
            key_id: The token's ``kid``; ``None`` if it has none: then the one
                key that fits.
            algorithm: The token's ``alg``.

        Raises:
            TemporaryFailure: The keys could never be fetched.
        """
        if self._is_old():
            await self._renew()
        found = self._found(key_id, algorithm)
        if found is None:
            # A new key, perhaps.
            await self._renew()
            found = self._found(key_id, algorithm)
        if found is None and self._fetched is None:
            raise TemporaryFailure("the issuer's keys are not known")
        return found

    def _found(self, key_id: str | None, algorithm: str) -> PyJWK | None:
        fitting = [
            key
            for key in self._keys
            if key_id in (None, key.get("kid"))
            and key.get("alg", algorithm) == algorithm
            and _fits(key, algorithm)
        ]
        if len(fitting) != 1:
            return None
        try:
            return PyJWK(fitting[0], algorithm)
        except PyJWTError:
            _log.error("one of the issuer's keys is damaged")
            return None

    def _is_old(self) -> bool:
        return self._fetched is None or self._seconds() - self._fetched >= self._refresh

    async def _renew(self) -> None:
        # Who comes while they are fetched waits for that.
        if self._fetching.running or self._may_try():
            await self._fetching.run()

    def _may_try(self) -> bool:
        return self._tried is None or self._seconds() - self._tried >= _PAUSE

    async def _fetch_now(self) -> None:
        self._tried = self._seconds()
        try:
            answer = await self._fetch()
            if answer.status != 200:
                raise TemporaryFailure(f"status {answer.status}")
            self._keys = _usable(answer.value)
        except TemporaryFailure as failure:
            _log.error("the issuer's keys: {why}", why=str(failure))
            return
        self._fetched = self._seconds()


def _usable(value: Any) -> tuple[dict[str, Any], ...]:
    """Return the keys of a set that may verify; others are passed over.

    Raises:
        TemporaryFailure: It is not a set with such keys.

    Source: RFC 7517 sections 4 and 5.
    """
    keys = value.get("keys") if isinstance(value, dict) else None
    found = tuple(
        key
        for key in (keys if isinstance(keys, list) else ())
        # A shared key ("oct") could sign as well as check.
        if isinstance(key, dict)
        and key.get("kty") in ("RSA", "EC", "OKP")
        and key.get("use", "sig") == "sig"
    )
    if not found:
        raise TemporaryFailure("not a JWK set with public keys")
    return found


def _fits(key: dict[str, Any], algorithm: str) -> bool:
    """Tell whether a key can have made a signature of an algorithm.

    Source: RFC 7518 sections 3.1 and 6.1.
    """
    kind = (key.get("kty"), key.get("crv"))
    if kind[0] == "RSA":
        return algorithm[:2] in ("RS", "PS")
    return kind in _CURVES.get(algorithm, ())


_CURVES = {
    "ES256": (("EC", "P-256"),),
    "ES384": (("EC", "P-384"),),
    "ES512": (("EC", "P-521"),),
    "EdDSA": (("OKP", "Ed25519"), ("OKP", "Ed448")),
}
