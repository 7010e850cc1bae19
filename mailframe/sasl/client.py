"""The client's side: which mechanism to use, and its lines of base64.

Source: RFC 4422 section 3, RFC 4954 section 4.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from mailframe.errors import BadSyntax
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.model.secret import Secret
from mailframe.sasl.cram_md5 import CramMD5Client
from mailframe.sasl.encoding import decoded, encoded
from mailframe.sasl.external import ExternalClient
from mailframe.sasl.login import LoginClient
from mailframe.sasl.mechanism import ClientMechanism
from mailframe.sasl.oauthbearer import OAuthBearerClient
from mailframe.sasl.plain import PlainClient
from mailframe.sasl.scram_sha_1 import ScramSHA1Client, ScramSHA1PlusClient
from mailframe.sasl.scram_sha_256 import ScramSHA256Client, ScramSHA256PlusClient
from mailframe.sasl.xoauth2 import XOAuth2Client

MAX_CHALLENGE = 12_288
"""Octets of base64 a challenge may have (RFC 4954 section 4)."""

_SCRAM = {
    one.name: one
    for one in (
        ScramSHA256PlusClient,
        ScramSHA1PlusClient,
        ScramSHA256Client,
        ScramSHA1Client,
    )
}
_TOKEN = {one.name: one for one in (OAuthBearerClient, XOAuth2Client)}
_PLAINTEXT = {one.name: one for one in (PlainClient, LoginClient)}


@dataclass(frozen=True, slots=True)
class Login:
    """What we have to log in with.

    Attributes:
        username: In UTF-8; may be empty with a certificate or a token.
        password: The password, or ``None``.
        token: An OAuth 2.0 access token, or ``None``.
        certificate: Whether the TLS session has shown one of ours.
    """

    username: bytes
    password: Secret | None = None
    token: Secret | None = None
    certificate: bool = False


@dataclass(frozen=True, slots=True)
class Carrier:
    """What is known of the connection to log in by.

    Attributes:
        safe: Whether a secret may cross it: TLS with a verified server, or no
            network at all.
        nonce: 18 octets that nobody can foresee, new for each login.
        bindings: Of the TLS session, by kind; see ``IConnection.channel_binding``.
    """

    safe: bool
    nonce: bytes = field(repr=False)
    bindings: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)


def best(
    offered: Collection[str], login: Login, carrier: Carrier
) -> ClientMechanism | None:
    """Return the best mechanism that the server offers and we can use.

    A certificate goes before a token, a token before a password, and of the
    password mechanisms the one that shows least and proves most goes first.

    Args:
        offered: Names as the server gave them, in any case.
        login: What we have.
        carrier: The connection.

    Returns:
        ``None`` when there is none.
    """
    names = {name.upper() for name in offered}
    if login.certificate and "EXTERNAL" in names:
        return ExternalClient(login.username)
    if login.token is not None and carrier.safe:
        for name, bearer in _TOKEN.items():
            if name in names and (login.username or name == "OAUTHBEARER"):
                return bearer(login.username, login.token.reveal())
    if login.password is not None:
        return _with_password(names, login.username, login.password.reveal(), carrier)
    return None


def _with_password(
    names: Collection[str], username: bytes, password: bytes, carrier: Carrier
) -> ClientMechanism | None:
    can_bind = bool(carrier.bindings)
    for name, scram in _SCRAM.items():
        binds = name.endswith("-PLUS")
        if name not in names or binds > can_bind:
            continue
        try:
            return scram(
                username,
                password,
                nonce=carrier.nonce,
                binding=carrier.bindings[0] if binds else None,
                could_bind=can_bind and not binds,
            )
        except ValueError:
            # SASLprep prohibits a character of it; the others send it as it is.
            break
    if carrier.safe:
        for name, plaintext in _PLAINTEXT.items():
            if name in names:
                return plaintext(username, password)
    if CramMD5Client.name in names:
        return CramMD5Client(username, password)
    return None


class ClientExchange:
    """One dialogue as lines of base64.

    It goes like this::

        exchange = ClientExchange(mechanism)
        send(b"AUTH %b %b" % (exchange.name, exchange.begin()))
        # for every challenge, ``334 `` or ``+ `` cut off:
        send(exchange.feed(challenge))
        # when the server says that we are logged in:
        exchange.finish()

    After an exception send ``*``: it cancels the dialogue.
    """

    def __init__(self, mechanism: ClientMechanism) -> None:
        """Begin with a fresh ``mechanism``."""
        self._mechanism = mechanism
        self._initial: bytes | None = None

    @property
    def name(self) -> bytes:
        """The mechanism's name."""
        return self._mechanism.name.encode("ascii")

    def begin(self, with_response: bool = True) -> bytes | None:
        """Return what follows the name in the command.

        Args:
            with_response: Whether the server takes an initial response here;
                if not, it is kept until the first challenge.

        Returns:
            Base64, ``=`` for an empty response, or ``None`` for nothing.

        Source: RFC 4954 section 4, RFC 4959 section 3.
        """
        initial = self._mechanism.initial()
        if initial is None:
            return None
        if not with_response:
            self._initial = initial
            return None
        return encoded(initial) or b"="

    def feed(self, challenge: bytes) -> bytes:
        """Return the line that answers a challenge.

        Args:
            challenge: Base64, perhaps empty.

        Raises:
            BadSyntax: It is not base64, or not what the mechanism's grammar
                allows.
            UnauthorizedLogin: The server is not who it should be, or refuses.
        """
        initial, self._initial = self._initial, None
        if initial is not None:
            return encoded(initial)
        if len(challenge) > MAX_CHALLENGE:
            raise BadSyntax("a shorter challenge")
        return encoded(self._mechanism.respond(decoded(challenge)))

    def finish(self) -> None:
        """Do nothing if the server may say that we are logged in.

        Raises:
            UnauthorizedLogin: It has not proven who it is.
        """
        if not self._mechanism.done:
            raise UnauthorizedLogin("the server has not proven who it is")
