"""One order of a certificate, from account to chain; it blocks, so it has a thread.

The protocol itself is the library ``acme``.

Source: RFC 8555 section 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from acme import client, crypto_util, errors, messages
from acme.challenges import (
    HTTP01,
    Challenge,
    ChallengeResponse,
    KeyAuthorizationChallenge,
    KeyAuthorizationChallengeResponse,
)
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.errors import Error as JOSEError
from josepy.jwa import ES256
from josepy.jwk import JWKEC
from requests import RequestException

from mailframe.net.acme.challenges import Challenges
from mailframe.net.acme.service import NotIssued
from mailframe.replaced_file import replace_file

ORDER_TIMEOUT = 120.0
"""Seconds the authority has to validate and to issue."""


@ChallengeResponse.register
class _TLSALPN01Response(KeyAuthorizationChallengeResponse):
    """That we are ready for TLS-ALPN-01."""

    typ = "tls-alpn-01"


@Challenge.register
class _TLSALPN01(KeyAuthorizationChallenge):
    """TLS-ALPN-01, which the library knows no more.

    Source: RFC 8737 section 3.
    """

    response_cls = _TLSALPN01Response
    typ = "tls-alpn-01"

    def validation(self, account_key: Any, **kwargs: Any) -> str:
        """Return the key authorization; the certificate is made of it."""
        return self.key_authorization(account_key)


@dataclass(frozen=True, slots=True)
class Authority:
    """Whom to ask, and as whom.

    Attributes:
        directory: The URL of its directory.
        account_key: PEM file of our account's key; made when missing.
        contact: A mail address it may write to, or ``None``.
        ca: PEM file to trust for the directory; ``None``: as the system does.
        kinds: Challenges that can be answered: ``http-01``, ``tls-alpn-01``.
    """

    directory: str
    account_key: Path
    contact: str | None
    ca: Path | None
    kinds: Sequence[str]


def obtain(authority: Authority, names: Sequence[str], challenges: Challenges) -> bytes:
    """Return key and chain of a new certificate, PEM.

    Naming the authority is agreeing to its terms.

    Args:
        authority: Whom to ask.
        names: DNS names, A-labels; the first is the subject.
        challenges: Where the proofs are shown meanwhile.

    Raises:
        NotIssued: The authority refused, or cannot be asked.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    key_pem = _pem(key)
    try:
        chain = _ordered(authority, names, key_pem, challenges)
    except errors.ValidationError as error:
        raise NotIssued(_said(error)) from None
    except (errors.Error, messages.Error, JOSEError, RequestException) as error:
        raise NotIssued(" ".join(str(error).split()) or type(error).__name__) from None
    finally:
        challenges.clear()
    return key_pem + chain.encode("ascii")


def _ordered(
    authority: Authority,
    names: Sequence[str],
    key_pem: bytes,
    challenges: Challenges,
) -> str:
    account_key = JWKEC(key=_account_key(authority.account_key))
    network = client.ClientNetwork(
        account_key,
        alg=ES256,
        verify_ssl=str(authority.ca) if authority.ca else True,  # type: ignore[arg-type]
        user_agent="mailframe",
    )
    directory = client.ClientV2.get_directory(authority.directory, network)
    asked = client.ClientV2(directory, network)
    _log_in(asked, authority.contact)
    order = asked.new_order(crypto_util.make_csr(key_pem, list(names)))
    for authorization in order.authorizations:
        if authorization.body.status == messages.STATUS_VALID:
            continue
        name = authorization.body.identifier.value
        body = _chosen(authorization.body.challenges, authority.kinds, name)
        response, proof = body.chall.response_and_validation(account_key)
        challenges.show(body.chall.encode("token"), name, proof)
        asked.answer_challenge(body, response)
    # The library counts in local time.
    deadline = datetime.now() + timedelta(seconds=ORDER_TIMEOUT)
    chain: str = asked.poll_and_finalize(order, deadline).fullchain_pem
    return chain


def _log_in(asked: client.ClientV2, contact: str | None) -> None:
    """Have an account: the one of our key, or a new one.

    Source: RFC 8555 section 7.3.
    """
    wanted = messages.NewRegistration.from_data(
        email=contact, terms_of_service_agreed=True
    )
    try:
        asked.new_account(wanted)
    except errors.ConflictError as known:
        asked.query_registration(
            messages.RegistrationResource(uri=known.location, body=wanted)
        )


def _chosen(bodies: Sequence[Any], kinds: Sequence[str], name: str) -> Any:
    """Return the first challenge that can be answered."""
    for kind in kinds:
        for body in bodies:
            if body.chall.typ == kind and isinstance(body.chall, HTTP01 | _TLSALPN01):
                return body
    raise NotIssued(f"{name}: the authority offers no {' or '.join(kinds)}")


def _account_key(path: Path) -> ec.EllipticCurvePrivateKey:
    if not path.exists():
        replace_file(path, _pem(ec.generate_private_key(ec.SECP256R1())))
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError):
        raise NotIssued(f"{path}: no PEM private key in it") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise NotIssued(f"{path}: not a key on an elliptic curve")
    return key


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _said(error: errors.ValidationError) -> str:
    """Return why the authority did not believe us."""
    reasons = [
        f"{one.body.identifier.value}: {body.error.detail}"
        for one in error.failed_authzrs
        for body in one.body.challenges
        if body.error is not None
    ]
    return "; ".join(reasons)
