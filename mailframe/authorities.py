"""Authorities that an operator names instead of the system's. For the adapters."""

import re
from os import PathLike
from typing import Any

from twisted.internet.ssl import Certificate, trustRootFromCertificates

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.S)


def read_authorities(path: str | PathLike[str]) -> Any:
    """Return the ``IOpenSSLTrustRoot`` of a file of certificates in PEM.

    Raises:
        ValueError: There are none in it.
        OSError: It cannot be read.
    """
    with open(path, "rb") as file:
        found = _PEM.findall(file.read())
    try:
        roots = [Certificate.loadPEM(pem) for pem in found]
    except Exception:
        # Whatever the library calls it.
        roots = []
    if not roots:
        raise ValueError(f"{path}: no certificates in it")
    return trustRootFromCertificates(roots)  # type: ignore[no-untyped-call]
