"""SCRAM: a password is proven without being shown, by both sides.

Each hash function has a file of its own; what they share is here. The grammar
is that of RFC 5802 section 7.

Source: RFC 5802, RFC 5801 section 4 (the GS2 header).
"""

import re
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, ClassVar

from mailframe.errors import BadSyntax
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.interfaces.connection import IConnection
from mailframe.interfaces.credentials import IScramKeySource
from mailframe.model.saslprep import saslprep
from mailframe.model.scram_keys import ScramKeys
from mailframe.sasl.channel_binding import bound_kind
from mailframe.sasl.encoding import decoded, encoded
from mailframe.sasl.mechanism import Answer, Challenge, Mechanism, Question, Success
from mailframe.sasl.saslname import unescaped

NONCE_OCTETS = 18

# gs2-header      = gs2-cbind-flag "," [ authzid ] ","
# gs2-cbind-flag  = ("p=" cb-name) / "n" / "y"
# client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions]
# A reserved-mext begins with "m=" and so does not match.
# saslname        = 1*(value-safe-char / "=2C" / "=3D")
# nonce           = "r=" 1*(%x21-2B / %x2D-7E)
_CLIENT_FIRST = re.compile(
    rb"((?:p=([A-Za-z0-9.-]+)|[ny]),(?:a=([^\0,]+))?,)"
    rb"(n=([^\0,]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^\0,]+)*)\Z"
)
# client-final-message-without-proof = channel-binding "," nonce ["," extensions]
# client-final-message = client-final-message-without-proof "," proof
_CLIENT_FINAL = re.compile(
    rb"(c=([A-Za-z0-9+/=]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^\0,]+)*)"
    rb",p=([A-Za-z0-9+/=]+)\Z"
)


@dataclass(frozen=True, slots=True)
class _First:
    """What the client's first message said, and what we answered.

    Attributes:
        header: The GS2 header.
        bare: The rest of the client's message.
        username: The login name.
        nonce: Both nonces, one after the other.
    """

    header: bytes
    bare: bytes
    username: bytes
    nonce: bytes


class Scram(Mechanism):
    """The server's side, whatever the hash function.

    Attributes:
        proof: What makes credentials of a proof.
        bound: Whether the dialogue is bound to the TLS session (``-PLUS``).
    """

    source_interface = IScramKeySource
    plaintext = False
    proof: ClassVar[Any]
    bound: ClassVar[bool] = False

    def __init__(self, connection: IConnection) -> None:
        """Begin before the client's first message."""
        super().__init__(connection)
        self._first: _First | None = None
        self._server_first = b""
        self._keys: ScramKeys | None = None
        self._proven: Success | None = None

    @classmethod
    def usable(cls, connection: IConnection) -> bool:
        """Tell whether there is something to bind to, if that is to be done."""
        return not cls.bound or bound_kind(connection) is not None

    def respond(self, octets: bytes) -> Answer:
        """Take a name, then a proof, then nothing.

        Raises:
            BadSyntax: It is not what is to come now.
            UnauthorizedLogin: Another authorization identity, a name that
                cannot be one, or another TLS session.
        """
        if self._proven is not None:
            # Nothing is sent with success: the client acknowledges our proof
            # by an empty response first (RFC 4422 section 3.6).
            if octets:
                raise BadSyntax("an empty response")
            return self._proven
        if self._first is None:
            return self._take_first(octets)
        return self._take_final(self._first, octets)

    def _take_first(self, octets: bytes) -> Question:
        found = _CLIENT_FIRST.match(octets)
        if found is None:
            raise BadSyntax("a GS2 header, a name and a nonce")
        header, kind, authzid, bare, username, client_nonce = found.groups()
        self._check_binding(header, kind)
        name = _prepared(unescaped(username))
        if authzid is not None and _prepared(unescaped(authzid)) != name:
            raise UnauthorizedLogin("another authorization identity")
        ours = encoded(self.connection.nonce(NONCE_OCTETS))
        self._first = _First(header, bare, name, client_nonce + ours)

        def ask(source: Any) -> Awaitable[ScramKeys]:
            keys: Awaitable[ScramKeys] = source.scram_keys(name, self.proof.digest)
            return keys

        return Question(ask, self._take_keys)

    def _check_binding(self, header: bytes, kind: bytes | None) -> None:
        """Refuse a header that is not this mechanism's.

        Raises:
            BadSyntax: It binds where nothing is bound, or the reverse, or to
                what this connection has not.
            UnauthorizedLogin: The client would bind, and was made to believe
                that we cannot.

        Source: RFC 5802 section 6.
        """
        if self.bound is not (kind is not None):
            raise BadSyntax("channel binding with -PLUS, and only with it")
        if kind is not None and self._binding(kind) is None:
            raise BadSyntax("a channel binding that this connection has")
        if header.startswith(b"y") and bound_kind(self.connection) is not None:
            raise UnauthorizedLogin("somebody took -PLUS out of the offer")

    def _binding(self, kind: bytes) -> bytes | None:
        return self.connection.channel_binding(kind.decode("ascii"))

    def _take_keys(self, keys: ScramKeys) -> Challenge:
        """Return the server's first message."""
        assert self._first is not None
        self._keys = keys
        self._server_first = b"r=%b,s=%b,i=%d" % (
            self._first.nonce,
            encoded(keys.salt),
            keys.iterations,
        )
        return Challenge(self._server_first)

    def _take_final(self, first: _First, octets: bytes) -> Answer:
        found = _CLIENT_FINAL.match(octets)
        if found is None or self._keys is None:
            raise BadSyntax("the channel binding, the nonce and a proof")
        without_proof, binding, nonce, proof = found.groups()
        if nonce != first.nonce:
            raise BadSyntax("the nonce as it was sent")
        if decoded(binding) != self._expected_binding(first):
            raise UnauthorizedLogin("bound to something else")
        message = b",".join((first.bare, self._server_first, without_proof))
        credentials = self.proof(first.username, message, decoded(proof))
        success = Success(credentials)
        if not credentials.proven_by(self._keys):
            # The portal will refuse it, and whoever counts refusals sees it.
            return success
        self._proven = success
        signature = self._keys.server_signature(message)
        return Challenge(b"v=" + encoded(signature))

    def _expected_binding(self, first: _First) -> bytes:
        # cbind-input = gs2-header [ cbind-data ]
        if not self.bound:
            return first.header
        kind = first.header[2:].partition(b",")[0]
        return first.header + (self._binding(kind) or b"")


def _prepared(name: bytes) -> bytes:
    """Return a name after SASLprep.

    Raises:
        UnauthorizedLogin: It cannot be one.

    Source: RFC 5802 section 5.1.
    """
    try:
        prepared = saslprep(name.decode("utf-8"))
    except ValueError:
        prepared = ""
    if not prepared:
        raise UnauthorizedLogin("nobody has such a name")
    return prepared.encode()
