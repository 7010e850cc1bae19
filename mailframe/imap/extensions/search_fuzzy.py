"""SEARCH=FUZZY: find what is like what is looked for, and say how like.

Capability ``SEARCH=FUZZY``, RFC 6203, after login. How it matches is in
:mod:`mailframe.imap.fuzzy`.

Source: RFC 6203 sections 3, 4 and 6.
"""

from mailframe.errors import BadSyntax
from mailframe.imap.command import Extension
from mailframe.imap.fuzzy import fuzzy
from mailframe.imap.search import OPERATORS, Operator
from mailframe.imap.search_return import RETURN_OPTIONS, ReturnOption, SearchResult
from mailframe.imap.searching import Search
from mailframe.imap.session import Session
from mailframe.imap.sort_keys import SORT_KEYS, SortKey


def _item(result: SearchResult) -> bytes:
    scores = b" ".join(b"%d" % result.scores[uid] for uid in result.uids)
    return b"RELEVANCY (%b)" % scores


def _check(session: Session, search: Search) -> None:
    """Refuse the option without a key that makes scores."""
    if not search.request.fuzzy:
        raise BadSyntax("a search that is FUZZY")


_RELEVANCY = ReturnOption(b"RELEVANCY", _item, check=_check)

OPERATORS[b"FUZZY"] = Operator(1, lambda keys: fuzzy(keys[0]))
RETURN_OPTIONS[b"RELEVANCY"] = lambda cursor: _RELEVANCY
# The best comes first, whereas all other keys ascend.
SORT_KEYS[b"RELEVANCY"] = SortKey(
    lambda columns: [-columns.scores[uid] for uid in columns.uids], fuzzy=True
)

EXTENSION = Extension(b"SEARCH=FUZZY")
