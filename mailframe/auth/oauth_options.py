"""What the OAuth checker can be told, checked before it serves anybody."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mailframe.auth.http_client import HTTPLimits, authorization
from mailframe.auth.http_options import LIMIT_KEYS, limits_of, policy_of, url_of
from mailframe.auth.toml_file import TOMLFile
from mailframe.model.secret import Secret

KEYS = {
    "issuer": "text",
    "audience": "texts",
    "keys": "text",
    "algorithms": "texts",
    "claim": "text",
    "scopes": "texts",
    "leeway": "number",
    "refresh": "number",
    "introspection": "text",
    "client.user": "text",
    "client.password": "text",
    "client.password-file": "text",
    **LIMIT_KEYS,
}
"""Every key of the file and its kind; docs/howto/auth.rst explains each."""

ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
"""What may sign a token. None with a shared key: whoever can check could sign."""

_DEFAULT = ("RS256", "PS256", "ES256", "EdDSA")


@dataclass(frozen=True, slots=True)
class OAuthOptions:
    """All the checker needs to know.

    Attributes:
        issuer: Who makes the tokens, exactly as ``iss`` has it; ``""`` only
            without ``keys``.
        audience: Whom a token may be for; one of them must be in ``aud``.
            Empty only without ``keys``: whoever is asked knows.
        keys: Where the issuer's keys are, a JWK set; ``""``: tokens are only
            introspected.
        algorithms: What may sign.
        claim: What says the user's address.
        scopes: What a token must allow, all of them.
        leeway: Seconds by which clocks may differ.
        refresh: Seconds keys are used before they are fetched again.
        introspection: Where tokens are asked about, or ``""``.
        headers: Who we are, there.
        policy: Verifies servers; ``None``: by the system's certificates.
        limits: How long, how many, how much.
    """

    issuer: str
    audience: tuple[str, ...]
    keys: str = ""
    algorithms: tuple[str, ...] = _DEFAULT
    claim: str = "email"
    scopes: tuple[str, ...] = ()
    leeway: float = 30.0
    refresh: float = 3600.0
    introspection: str = ""
    headers: Mapping[str, Secret] = field(default_factory=dict)
    policy: object = None
    limits: HTTPLimits = field(default_factory=HTTPLimits)


def read_options(argstring: str) -> OAuthOptions:
    """Return the options of a TOML file.

    Raises:
        ValueError: Something is wrong; one line that names the file and key.
    """
    if not argstring:
        raise ValueError("oauth needs a FILE")
    file = TOMLFile(argstring, KEYS)
    keys, introspection = url_of(file, "keys"), url_of(file, "introspection")
    if not keys and not introspection:
        raise ValueError(f"{file.path}: keys or introspection is missing")
    algorithms = tuple(file.get("algorithms", _DEFAULT))
    for name in algorithms:
        if name not in ALGORITHMS:
            raise file.wrong("algorithms", f"may be {', '.join(ALGORITHMS)}")
    password = file.secret("client.")
    if password and not introspection:
        raise file.wrong("client.password", "is for introspection, which is missing")
    if keys:
        for key in ("issuer", "audience"):
            # Without them a token made for anybody else would do.
            if not file.need(key):
                raise file.wrong(key, "is empty")
    if not algorithms:
        raise file.wrong("algorithms", "is empty")
    return OAuthOptions(
        issuer=file.get("issuer", ""),
        audience=tuple(file.get("audience", ())),
        keys=keys,
        algorithms=algorithms,
        claim=file.get("claim", "email"),
        scopes=tuple(file.get("scopes", ())),
        leeway=file.number("leeway", 30.0, 0, 300),
        refresh=file.number("refresh", 3600.0, 60, 86_400),
        introspection=introspection,
        headers=authorization(file.get("client.user", ""), password),
        policy=policy_of(file),
        limits=limits_of(file),
    )
