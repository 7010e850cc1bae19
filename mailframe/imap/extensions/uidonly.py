"""UIDONLY: a client that never uses message numbers, and is never told one.

Capability ``UIDONLY``, RFC 9586, after login. After ``ENABLE UIDONLY`` FETCH
responses are UIDFETCH and expunges VANISHED (``wording.py``); what names messages
by number is refused here.

Source: RFC 9586 section 3.
"""

from typing import Any

from mailframe.imap.command import Command, Extension
from mailframe.imap.commands.select import Select
from mailframe.imap.responses import Rejected
from mailframe.imap.searching import Search, names_numbers
from mailframe.imap.session import Session

# UID FETCH, UID STORE and so on stand for these.
_PROHIBITED = frozenset(
    (
        *(b"FETCH", b"STORE", b"SEARCH", b"COPY", b"MOVE"),
        *(b"SORT", b"THREAD", b"REPLACE"),
    )
)


def _check(session: Session, command: Command, arguments: Any) -> None:
    """Refuse message numbers.

    Source: RFC 9586 sections 3.2, 3.5, 3.7 and 3.8.
    """
    search = getattr(arguments, "search", arguments)
    if (
        command.name in _PROHIBITED
        or (isinstance(search, Search) and names_numbers(search.request))
        or (isinstance(arguments, Select) and _has_sample(arguments))
    ):
        raise Rejected(b"[UIDREQUIRED] No message numbers after ENABLE UIDONLY")


def _has_sample(command: Select) -> bool:
    known = command.parameters.get(b"QRESYNC")
    return known is not None and bool(known.sample)


EXTENSION = Extension(b"UIDONLY", can_be_enabled=True, check=_check)
