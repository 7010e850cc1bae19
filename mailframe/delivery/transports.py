"""Domains whose mail is not put into accounts here: how it is delivered.

The users of a local or virtual domain may have their mail delivered by another
server over LMTP, into an mbox file each, or by a program. For domains of others
the choice is the next server.

======================  ====================================================
``lmtp:HOST:PORT``      that server, a verdict for each recipient
``lmtp:/SOCKET``        the same on a Unix socket
``smtp:HOST:PORT``      that server
``mbox:/PATH``          a file; ``%n`` is the local part, ``%d`` the domain
``pipe:/PROGRAM ARGS``  a program; the addresses are in its environment
======================  ====================================================
"""

import re
from collections.abc import Mapping

from mailframe.delivery.destination import (
    SERVERS,
    Broken,
    Command,
    Elsewhere,
    File,
    Place,
)
from mailframe.delivery.program import arguments
from mailframe.errors import NotSupported
from mailframe.model.address import Address, canonical_domain

_FIELD = re.compile("%(.)")

# What can be one part of a path: no slash, no control, not "." or "..", and no
# name of the lock file of another.
_PART = re.compile(r"(?!\.{1,2}\Z)[^/\x00-\x1f\x7f]+(?<!\.lock)")


class Transports:
    """How the mail of some domains is delivered."""

    def __init__(self, by_domain: Mapping[str, str]) -> None:
        """Take the table.

        Args:
            by_domain: Transports by domain, in U-labels or A-labels.

        Raises:
            ValueError: One of them is none.
        """
        self._by_domain = {
            canonical_domain(domain): _checked(text)
            for domain, text in by_domain.items()
        }

    def server(self, domain: str) -> str:
        """Return the server that a domain's mail is given to, ``""`` for none.

        Args:
            domain: In its canonical form.
        """
        text = self._by_domain.get(domain, "")
        return text if text.startswith(SERVERS) else ""

    def place(self, user: str, detail: str) -> Place | None:
        """Return where a user's mail goes; ``None``: into his account here.

        Args:
            user: A canonical address.
            detail: What came after the separator.
        """
        if not self._by_domain:
            return None
        local, _, domain = user.rpartition("@")
        text = self._by_domain.get(domain)
        if text is None:
            return None
        if text.startswith(SERVERS):
            return Elsewhere(Address(local, domain), text)
        kind, _, rest = text.partition(":")
        if kind == "pipe":
            return Command(rest, user)
        if not _PART.fullmatch(local) or not _PART.fullmatch(domain):
            # Such a name would be another's file.
            return Broken(None, NotSupported(f"{user}: no name of a file"))
        words = {"n": local, "d": domain, "%": "%"}
        return File(_FIELD.sub(lambda found: words[found[1]], rest), user)


def _checked(text: str) -> str:
    """Return a transport.

    Raises:
        ValueError: It is none.
    """
    kind, _, rest = text.partition(":")
    if kind in ("mbox", "pipe") and not rest.startswith("/"):
        raise ValueError(f"{text}: the path is not absolute")
    if kind == "mbox" and set(_FIELD.findall(rest)) - set("nd%"):
        raise ValueError(f"{text}: only %n, %d and %% are known")
    if kind == "pipe":
        arguments(rest)
    elif kind != "mbox" and not text.startswith(SERVERS):
        raise ValueError(f"{text}: not lmtp:, smtp:, mbox: or pipe:")
    return text
