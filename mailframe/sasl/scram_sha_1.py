"""SCRAM-SHA-1 and SCRAM-SHA-1-PLUS.

Source: RFC 5802.
"""

from mailframe.interfaces.credentials import IScramSHA1, ScramSHA1Proof
from mailframe.sasl.scram import Scram
from mailframe.sasl.scram_client import ScramClient


class ScramSHA1(Scram):
    """SCRAM with SHA-1."""

    name = "SCRAM-SHA-1"
    credentials_interface = IScramSHA1
    proof = ScramSHA1Proof


class ScramSHA1Plus(ScramSHA1):
    """The same, bound to the TLS session."""

    name = "SCRAM-SHA-1-PLUS"
    bound = True


class ScramSHA1Client(ScramClient):
    """The client's side of SCRAM with SHA-1."""

    name = "SCRAM-SHA-1"
    digest = "sha1"


class ScramSHA1PlusClient(ScramSHA1Client):
    """The same, bound to the TLS session."""

    name = "SCRAM-SHA-1-PLUS"
