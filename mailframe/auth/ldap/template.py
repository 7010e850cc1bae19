"""Names put into filters and DNs so that they stay names.

Every octet that could mean something is written as ``\\XX``, which filters and
DNs both allow for any octet.

Source: RFC 4515 section 3 (filters), RFC 4514 section 3 (DNs).
"""

import re
from collections.abc import Mapping

from ldap3.core.exceptions import LDAPExceptionError
from ldap3.operation.search import parse_filter
from ldap3.utils.dn import parse_dn

_HOLE = re.compile(r"\{(\w*)\}")
_PLAIN = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@"
)


def escaped(text: str) -> str:
    """Return ``text`` as a value of a filter or a DN.

    Source: RFC 4515 section 3 (escaped), RFC 4514 section 3 (hexpair).
    """
    return "".join(
        chr(octet) if octet in _PLAIN else f"\\{octet:02x}" for octet in text.encode()
    )


class Template:
    """A filter or DN with holes such as ``{user}``."""

    def __init__(self, text: str, names: tuple[str, ...]) -> None:
        """Check that every hole has one of ``names``.

        Raises:
            ValueError: One has not.
        """
        self._text = text
        self.names = frozenset(_HOLE.findall(text))
        for name in sorted(self.names):
            if name not in names:
                known = ", ".join(f"{{{one}}}" for one in names)
                raise ValueError(f"has {{{name}}}; there are only {known}")

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the text with the values in their holes, escaped."""
        return _HOLE.sub(lambda hole: escaped(values[hole[1]]), self._text)


def filter_template(text: str, names: tuple[str, ...]) -> Template:
    """Return the template of a filter.

    Raises:
        ValueError: It is not a filter, or has a hole it cannot have.

    Source: RFC 4515 section 3.
    """
    template = Template(text, names)
    tried = template.fill(dict.fromkeys(names, "x"))
    try:
        parse_filter(tried, None, False, True, None, False)
    except (LDAPExceptionError, IndexError):
        raise ValueError("is not a filter, such as (mail={user})") from None
    return template


def dn_template(text: str, names: tuple[str, ...] = ()) -> Template:
    """Return the template of a DN, which may be empty (the root).

    Raises:
        ValueError: It is not a DN, or has a hole it cannot have.

    Source: RFC 4514 section 3.
    """
    template = Template(text, names)
    try:
        if text:
            parse_dn(template.fill(dict.fromkeys(names, "x")))
    except LDAPExceptionError:
        raise ValueError("is not a DN, such as uid=alice,dc=example,dc=org") from None
    return template
