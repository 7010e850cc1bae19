"""What the web hook can be told, checked before it serves anybody."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mailframe.auth.http_client import (
    HTTPLimits,
    authorization,
    check_url,
    tls_policy,
)
from mailframe.auth.toml_file import TOMLFile
from mailframe.model.secret import Secret

LIMIT_KEYS = {
    "ca": "text",
    "limits.timeout": "number",
    "limits.connections": "number",
    "limits.waiting": "number",
    "limits.body": "number",
}
"""Keys that every checker has that asks over HTTP."""

KEYS = {
    "login": "text",
    "users": "text",
    "api.user": "text",
    "api.password": "text",
    "api.password-file": "text",
    "cache.positive": "number",
    "cache.negative": "number",
    **LIMIT_KEYS,
}
"""Every key of the file and its kind; docs/howto/auth.rst explains each."""


@dataclass(frozen=True, slots=True)
class HTTPOptions:
    """All the hook needs to know.

    Attributes:
        login: Where passwords are sent, or ``""``.
        users: Where addresses are looked up, or ``""``.
        policy: Verifies servers; ``None``: by the system's certificates.
        headers: Sent with every question.
        limits: How long, how many, how much.
        positive: Seconds a user is remembered for.
        negative: Seconds an address nobody has is remembered for.
    """

    login: str
    users: str = ""
    policy: object = None
    headers: Mapping[str, Secret] = field(default_factory=dict)
    limits: HTTPLimits = field(default_factory=HTTPLimits)
    positive: float = 60.0
    negative: float = 10.0


def read_options(argstring: str) -> HTTPOptions:
    """Return the options of a TOML file, or of the URL for logins alone.

    Raises:
        ValueError: Something is wrong; one line that names the file and key.
    """
    if argstring.startswith(("http://", "https://")):
        try:
            return HTTPOptions(check_url(argstring))
        except ValueError as error:
            raise ValueError(f"the URL {error}") from None
    if not argstring:
        raise ValueError("http needs a FILE or a URL")
    file = TOMLFile(argstring, KEYS)
    login, users = url_of(file, "login"), url_of(file, "users")
    if not login and not users:
        raise ValueError(f"{file.path}: login or users is missing")
    return HTTPOptions(
        login=login,
        users=users,
        policy=policy_of(file),
        headers=authorization(file.get("api.user", ""), file.secret("api.")),
        limits=limits_of(file),
        positive=file.number("cache.positive", 60.0, 0, 86_400),
        negative=file.number("cache.negative", 10.0, 0, 86_400),
    )


def url_of(file: TOMLFile, key: str) -> str:
    """Return the URL of a key, ``""`` when the file has none.

    Raises:
        ValueError: Secrets cannot be sent to it.
    """
    text: str = file.checked(key, lambda text: text and check_url(text), "")
    return text


def policy_of(file: TOMLFile) -> object:
    """Return what verifies servers.

    Raises:
        ValueError: The file of ``ca`` cannot be used.
    """
    ca = file.readable("ca")
    try:
        return tls_policy(ca)
    except ValueError as error:
        raise file.wrong("ca", str(error)) from None


def limits_of(file: TOMLFile) -> HTTPLimits:
    """Return how long, how many and how much.

    Raises:
        ValueError: A number is out of its range.
    """
    default = HTTPLimits()
    return HTTPLimits(
        timeout=file.number("limits.timeout", default.timeout, 0.1, 120),
        connections=int(file.number("limits.connections", default.connections, 1, 500)),
        waiting=int(file.number("limits.waiting", default.waiting, 0, 10_000)),
        body=int(file.number("limits.body", default.body, 1024, 10_485_760)),
    )
