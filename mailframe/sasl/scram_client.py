"""SCRAM, the client's side; what both hash functions share.

Source: RFC 5802.
"""

import hmac
import re
from typing import ClassVar

from mailframe.errors import BadSyntax
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.model.saslprep import saslprep
from mailframe.model.scram_keys import ITERATIONS, ScramSecret, derived
from mailframe.sasl.encoding import decoded, encoded
from mailframe.sasl.mechanism import ClientMechanism
from mailframe.sasl.saslname import escaped

MAX_ITERATIONS = 100_000
"""Iterations a server may ask of us: some 50 ms, in which nothing else runs."""

# server-first-message = [reserved-mext ","] nonce "," salt "," iteration-count
#                        ["," extensions]
_SERVER_FIRST = re.compile(
    rb"r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/=]+),i=([1-9][0-9]{0,9})"
    rb"(?:,[A-Za-z]=[^\0,]+)*\Z"
)
# server-final-message = (server-error / verifier) ["," extensions]
_SERVER_FINAL = re.compile(
    rb"(?:e=[^\0,]+|v=([A-Za-z0-9+/=]+))(?:,[A-Za-z]=[^\0,]+)*\Z"
)


class ScramClient(ClientMechanism):
    """Prove a password, and demand the server's proof.

    Attributes:
        digest: The hash function.
    """

    digest: ClassVar[str]
    done = False

    def __init__(
        self,
        username: bytes,
        password: bytes,
        *,
        nonce: bytes,
        binding: tuple[str, bytes] | None = None,
        could_bind: bool = False,
    ) -> None:
        """Log in as ``username``.

        Args:
            username: In UTF-8.
            password: In UTF-8.
            nonce: 16 octets or more that nobody can foresee.
            binding: The kind and the octets of the TLS session, for ``-PLUS``.
            could_bind: Whether there is a TLS session to bind to, though the
                server has not offered that.

        Raises:
            ValueError: Name or password have what SASLprep prohibits.
        """
        name = saslprep(username.decode("utf-8")).encode()
        self._password = saslprep(password.decode("utf-8")).encode()
        flag = b"y" if could_bind else b"n"
        self._binding = b""
        if binding is not None:
            flag = b"p=" + binding[0].encode("ascii")
            self._binding = binding[1]
        self._header = flag + b",,"
        self._nonce = encoded(nonce)
        self._bare = b"n=%b,r=%b" % (escaped(name), self._nonce)
        self._signature: bytes | None = None

    def initial(self) -> bytes:
        """Return the first message."""
        return self._header + self._bare

    def respond(self, challenge: bytes) -> bytes:
        """Answer with the proof, then check the server's.

        Takes some milliseconds the first time, for the password is hashed as
        often as the server asks.

        Raises:
            BadSyntax: It is not what is to come now.
            UnauthorizedLogin: The server wants an unsafe number of iterations,
                refuses, or does not know the password itself.
        """
        if self.done:
            raise BadSyntax("nothing more")
        if self._signature is None:
            return self._prove(challenge)
        found = _SERVER_FINAL.match(challenge)
        if found is None:
            raise BadSyntax("a verifier")
        if found[1] is None:
            raise UnauthorizedLogin("the server refuses")
        if not hmac.compare_digest(decoded(found[1]), self._signature):
            raise UnauthorizedLogin("the server does not know the password")
        self.done = True
        return b""

    def _prove(self, challenge: bytes) -> bytes:
        found = _SERVER_FIRST.match(challenge)
        if found is None:
            raise BadSyntax("a nonce, a salt and a number of iterations")
        nonce, salt, iterations = found.groups()
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise UnauthorizedLogin("not our nonce and the server's")
        if not ITERATIONS <= int(iterations) <= MAX_ITERATIONS:
            raise UnauthorizedLogin("an unsafe number of iterations")
        secret = self._secret(decoded(salt), int(iterations))
        binding = encoded(self._header + self._binding)
        without_proof = b"c=%b,r=%b" % (binding, nonce)
        message = b",".join((self._bare, challenge, without_proof))
        self._signature = secret.keys.server_signature(message)
        return without_proof + b",p=" + encoded(secret.proof(message))

    def _secret(self, salt: bytes, iterations: int) -> ScramSecret:
        return derived(self._password, salt, iterations, self.digest)
