"""FILTERS: searches that are kept under a name.

Capability ``FILTERS``, RFC 5466, after login, when the account keeps notes
(``IAnnotatedAccount``). Filters are made with SETMETADATA, where a value that
is no search program is refused.

Source: RFC 5466 section 3.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mailframe.errors import BadSyntax, MailError
from mailframe.imap.annotation import ENTRY_CHECKS, keeps_annotations
from mailframe.imap.command import Extension
from mailframe.imap.criterion import Binding, SearchKey, UnboundKey, rebuilt
from mailframe.imap.cursor import Cursor
from mailframe.imap.responses import Refused, Rejected
from mailframe.imap.search import search_keys
from mailframe.imap.search_keys import SEARCH_KEYS
from mailframe.interfaces.mailbox import IAnnotatedAccount

_VALUES = "/filters/values/"
_DEPTH = 8
"""Filters in filters; RFC 5466 section 3.1 asks for 3 at least."""
_CHARSETS = ("utf-8", "ascii")

# filter-name = 1*<any ATOM-CHAR except "/">            ; RFC 5466 section 4
_NAME = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]/]+")


@dataclass(frozen=True, slots=True)
class Filter(UnboundKey):
    """Stands for the search program kept under a name.

    Attributes:
        name: As the client wrote it.
        depth: In how many filters this one is.
    """

    name: bytes
    depth: int = 0

    async def bind(self, binding: Binding) -> SearchKey:
        """Return what the filter says now; a private one goes before a shared.

        Raises:
            Refused: There is no such filter, it is in itself, or it is no
                search program.
        """
        account = IAnnotatedAccount(binding.account, None)
        kept: Mapping[str, bytes] = {}
        if account is not None and self.depth < _DEPTH:
            kept = await account.annotations(None)
        entry = _VALUES + self.name.decode("ascii").lower()
        program = kept.get("/private" + entry, kept.get("/shared" + entry))
        if program is None:
            raise self._undefined()
        try:
            return rebuilt(read_filter(program), self._inside)
        except (BadSyntax, MailError):
            raise self._undefined() from None

    def _inside(self, key: SearchKey) -> SearchKey:
        return Filter(key.name, self.depth + 1) if isinstance(key, Filter) else key

    def _undefined(self) -> Refused:
        return Refused(b"[UNDEFINED-FILTER %b] There is no such filter" % self.name)


def read_filter(program: bytes) -> SearchKey:
    """Read ``search-criteria``, in UTF-8.

    Raises:
        BadSyntax: It is not that.

    Source: RFC 5466 section 4.
    """
    return search_keys(Cursor(program), "utf-8")


def _key(cursor: Cursor, charset: str) -> SearchKey:
    """``"FILTER" SP filter-name``.

    Raises:
        Rejected: The search is in another charset than filters are.
    """
    cursor.space()
    found = cursor.match(_NAME)
    if found is None:
        cursor.fail("the name of a filter")
    if charset not in _CHARSETS:
        raise Rejected(b"[BADCHARSET (UTF-8)] A FILTER is in UTF-8")
    return Filter(found[0])


def _check(value: bytes) -> None:
    """Refuse to keep what is no search program.

    Source: RFC 5466 section 3.2.
    """
    try:
        read_filter(value)
    except (BadSyntax, MailError):
        raise Refused(b"[CANNOT] A filter must be a search program") from None


SEARCH_KEYS[b"FILTER"] = _key
ENTRY_CHECKS.update({"/private" + _VALUES: _check, "/shared" + _VALUES: _check})

EXTENSION = Extension(b"FILTERS", announced=keeps_annotations)
