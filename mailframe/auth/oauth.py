"""Take OAuth 2.0 access tokens: signed ones by their signature, any by asking.

With ``keys`` a token is a JWT of the issuer's, verified here. With
``introspection`` the issuer is asked whether it is still good. With both, both.

Source: RFC 7519 section 7.2 (JWT), RFC 7662 section 2 (introspection), RFC 7628.
"""

import time
from collections.abc import Callable
from typing import Any

import jwt
from jwt.exceptions import PyJWTError
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger
from zope.interface import implementer

from mailframe.auth.account_name import account_name
from mailframe.auth.http_client import HTTPClient
from mailframe.auth.oauth_keys import KeySet
from mailframe.auth.oauth_options import OAuthOptions
from mailframe.auth.table_checker import AvatarId
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.credentials import IBearerToken

_log = Logger()

_TOKEN_OCTETS = 12_288
"""A token that is longer came over none of our protocols."""


@implementer(ICredentialsChecker)
class OAuthChecker:
    """Let in whom an issuer's token names. Who exists, OAuth does not say."""

    credentialInterfaces = (IBearerToken,)

    def __init__(
        self,
        options: OAuthOptions,
        reactor: Any,
        default_domain: str = "localhost",
        *,
        seconds: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Connect to nothing yet.

        Args:
            options: Whose tokens, and how.
            reactor: Provides time and connections.
            default_domain: For names without one.
            seconds: A clock, for the age of keys.
            now: Seconds since 1970.
        """
        self.default_domain = default_domain
        self._options = options
        self._now = now
        keys = HTTPClient(reactor, options.policy, options.limits)
        # A client of its own: our secret is not for where the keys are.
        self._introspection = HTTPClient(
            reactor, options.policy, options.limits, dict(options.headers)
        )
        self._clients = (keys, self._introspection)
        self._keys = KeySet(lambda: keys.get(options.keys), seconds, options.refresh)

    def requestAvatarId(self, credentials: Any) -> "Deferred[AvatarId]":
        """Return the address the token is for, ``local@domain`` in UTF-8.

        Raises:
            UnauthorizedLogin: The token is not good, or not for that user.
            TemporaryFailure: The issuer does not answer.
        """
        return Deferred.fromCoroutine(
            self._check(credentials.token.reveal(), credentials.username)
        )

    def close(self) -> "Deferred[Any]":
        """Close idle connections."""
        return gatherResults([client.close() for client in self._clients])

    async def _check(self, token: bytes, username: bytes | None) -> AvatarId:
        if not 0 < len(token) <= _TOKEN_OCTETS or not token.isascii():
            raise UnauthorizedLogin("nothing that can be a token")
        text = token.decode("ascii")
        claims: dict[str, Any] = {}
        if self._options.keys:
            claims = await self._verified(text)
        if self._options.introspection:
            claims = {**claims, **await self._introspected(text)}
        self._check_scopes(claims)
        address = self._address(claims)
        if username is not None:
            wanted = account_name(
                username.decode("utf-8", "replace"), self.default_domain
            )
            if wanted is None or wanted.user.casefold() != address.casefold():
                raise UnauthorizedLogin("the token is another user's")
        return address.encode()

    async def _verified(self, token: str) -> dict[str, Any]:
        """Return the claims of a signed token.

        Raises:
            UnauthorizedLogin: It is not one, or not a good one.
            TemporaryFailure: The issuer's keys are not to be had.

        Source: RFC 7519 section 7.2, RFC 8725 section 3.
        """
        options = self._options
        try:
            header = jwt.get_unverified_header(token)
            key_id, algorithm = header.get("kid"), header.get("alg")
            # Before a key is looked for; nothing else the header says is used.
            if algorithm not in options.algorithms:
                raise UnauthorizedLogin("not signed in a way that is allowed")
            key = await self._keys.find(key_id, algorithm)
            if key is None:
                raise UnauthorizedLogin("not signed with a key of the issuer's")
            return jwt.decode(
                token,
                key,
                algorithms=list(options.algorithms),
                issuer=options.issuer,
                audience=options.audience,
                leeway=options.leeway,
                options={
                    "require": ["exp", "iss", "aud"],
                    "enforce_minimum_key_length": True,
                },
            )
        except (PyJWTError, ValueError) as error:
            raise UnauthorizedLogin(type(error).__name__) from None

    async def _introspected(self, token: str) -> dict[str, Any]:
        """Return what the issuer says of a token.

        Raises:
            UnauthorizedLogin: It is not good.
            TemporaryFailure: The issuer does not say.

        Source: RFC 7662 section 2.2.
        """
        answer = await self._introspection.post_form(
            self._options.introspection,
            {"token": token, "token_type_hint": "access_token"},
        )
        said = answer.value
        if answer.status != 200 or not isinstance(said, dict):
            # 401 too: it is us who are not known there.
            _log.error("introspection: status {status}", status=answer.status)
            raise TemporaryFailure("the token cannot be asked about")
        if said.get("active") is not True:
            raise UnauthorizedLogin("the token is not active")
        self._check_introspected(said)
        return said

    def _check_introspected(self, said: dict[str, Any]) -> None:
        options, now = self._options, self._now()
        expires, begins = said.get("exp"), said.get("nbf")
        if expires is not None and not _before(now - options.leeway, expires):
            raise UnauthorizedLogin("the token has expired")
        if begins is not None and _before(now + options.leeway, begins):
            raise UnauthorizedLogin("the token is not good yet")
        if options.issuer and said.get("iss", options.issuer) != options.issuer:
            raise UnauthorizedLogin("another issuer's")
        audience = said.get("aud", [])
        if isinstance(audience, str):
            audience = [audience]
        # Signed tokens have been asked for theirs.
        if (
            options.audience
            and ("aud" in said or not options.keys)
            and not (isinstance(audience, list) and _any_of(audience, options.audience))
        ):
            raise UnauthorizedLogin("for another audience")

    def _check_scopes(self, claims: dict[str, Any]) -> None:
        # A text (RFC 8693 section 4.2), or with some issuers a list, or "scp".
        said = claims.get("scope", claims.get("scp", ""))
        granted = said.split() if isinstance(said, str) else said
        if self._options.scopes and not (
            isinstance(granted, list)
            and all(scope in granted for scope in self._options.scopes)
        ):
            raise UnauthorizedLogin("the token does not allow mail")

    def _address(self, claims: dict[str, Any]) -> str:
        claim = self._options.claim
        said = claims.get(claim)
        if claim == "email" and claims.get("email_verified", True) is not True:
            raise UnauthorizedLogin("the issuer has not verified the address")
        name = (
            account_name(said, self.default_domain) if isinstance(said, str) else None
        )
        if name is None:
            raise UnauthorizedLogin(f"the claim {claim} is no address")
        return name.user


def _before(moment: float, claim: Any) -> bool:
    """Tell whether a moment is before that of a claim; it is not if that is none."""
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        raise UnauthorizedLogin("a date that is no number")
    return moment < claim


def _any_of(said: list[Any], wanted: tuple[str, ...]) -> bool:
    return any(one in wanted for one in said)
