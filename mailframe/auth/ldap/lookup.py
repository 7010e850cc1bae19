"""A table of addresses in an LDAP directory (``--virtual ldap:FILE``).

The file is that of the backend for logins (:mod:`.options`) with ``lookup.filter``,
in which ``{user}`` is the whole key, and ``lookup.attributes``, whose values are
what the key stands for. Entries without such values are an entry without a value.
"""

from typing import Any

from mailframe.auth.ldap.connection import LDAPConnection, Unanswered
from mailframe.auth.ldap.options import KEYS, LDAPOptions, options_of
from mailframe.auth.ldap.servers import Servers
from mailframe.auth.lookup_table import MOST, LookupTable, in_ascii, values_of
from mailframe.auth.toml_file import TOMLFile

LOOKUP_KEYS = {**KEYS, "lookup.filter": "text", "lookup.attributes": "texts"}
"""Every key of the file and its kind; those about logins mean nothing here."""


def ldap_table(argstring: str, reactor: Any) -> LookupTable:
    """Return the table that a TOML file describes.

    Raises:
        ValueError: Something is wrong; one line that names the file and key.
    """
    if not argstring:
        raise ValueError("ldap needs a FILE")
    file = TOMLFile(argstring, LOOKUP_KEYS)
    for key in ("lookup.filter", "lookup.attributes"):
        file.need(key)
    options = options_of(file, find_key="lookup.filter", values="lookup.attributes")
    servers = Servers(options)
    return LookupTable(
        lambda parts: _ask(options, servers, parts),
        servers.close,
        reactor,
        kind="ldap",
        limits=options.limits,
    )


def _ask(
    options: LDAPOptions, servers: Servers, parts: dict[str, str]
) -> list[str] | None:
    attributes = list(options.aliases)
    text = options.find_filter.fill(in_ascii(parts))

    def ask(one: LDAPConnection) -> list[str] | None:
        entries = one.search(options.base, options.scope, text, attributes, MOST + 1)
        if len(entries) > MOST:
            raise Unanswered(f"more than {MOST} entries for {text}")
        if not entries:
            return None
        found = (
            value
            for _, values in entries
            for attribute in attributes
            for value in values.get(attribute.lower(), ())
        )
        # The values of an attribute have no order, and neither have entries.
        return sorted(values_of(list(found)))

    return servers.ask_as_service(ask)
