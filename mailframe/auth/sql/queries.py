"""A query as the operator writes it, with named parameters and never a value in it.

``:user``, ``:local`` and ``:domain`` stand for what a name consists of; whichever
database it is, they reach it apart from the query's text.
"""

import difflib
import re

NAMES = ("user", "local", "domain")
"""The parameters there are."""

# What can hold a ":" or "%" that is no parameter, then what could be one.
_TOKEN = re.compile(
    r"""
    [eE]'(?:[^'\\]|\\.|'')*+' | '(?:[^']|'')*+' | "(?:[^"]|"")*+"
    | --[^\n]*+ | /\*.*?\*/ | \$(?P<tag>\w*+)\$.*?\$(?P=tag)\$
    | ::
    | :(?P<name>[A-Za-z_]\w*+)
    | (?P<open>['"] | /\*)
    """,
    re.DOTALL | re.VERBOSE,
)


class Query:
    """One query.

    Attributes:
        text: As it was written, which is how SQLite takes it.
        percent: The same with ``%(user)s`` for ``:user``, as psycopg takes it.
    """

    def __init__(self, text: str) -> None:
        """Take the query apart.

        Raises:
            ValueError: It asks for no name, for a parameter that does not
                exist, or has a quote that does not end.
        """
        self.text = text
        pieces = []
        position = 0
        asked = set()
        for token in _TOKEN.finditer(text):
            if token["open"]:
                raise ValueError("has a quote or comment that does not end")
            if token["name"] is None:
                continue
            asked.add(_known(token["name"]))
            pieces.append(text[position : token.start()].replace("%", "%%"))
            pieces.append(f"%({token['name']})s")
            position = token.end()
        pieces.append(text[position:].replace("%", "%%"))
        self.percent = "".join(pieces)
        if not asked & {"user", "local"}:
            raise ValueError("asks for nobody: it has neither :user nor :local")


def _known(name: str) -> str:
    if name in NAMES:
        return name
    [near] = difflib.get_close_matches(name, NAMES, 1, 0.0)
    raise ValueError(f"has :{name}, which does not exist; nearest is :{near}")
