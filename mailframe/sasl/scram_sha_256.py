"""SCRAM-SHA-256 and SCRAM-SHA-256-PLUS.

Source: RFC 7677.
"""

from mailframe.interfaces.credentials import IScramSHA256, ScramSHA256Proof
from mailframe.sasl.scram import Scram
from mailframe.sasl.scram_client import ScramClient


class ScramSHA256(Scram):
    """SCRAM with SHA-256."""

    name = "SCRAM-SHA-256"
    credentials_interface = IScramSHA256
    proof = ScramSHA256Proof


class ScramSHA256Plus(ScramSHA256):
    """The same, bound to the TLS session."""

    name = "SCRAM-SHA-256-PLUS"
    bound = True


class ScramSHA256Client(ScramClient):
    """The client's side of SCRAM with SHA-256."""

    name = "SCRAM-SHA-256"
    digest = "sha256"


class ScramSHA256PlusClient(ScramSHA256Client):
    """The same, bound to the TLS session."""

    name = "SCRAM-SHA-256-PLUS"
