"""Offer mailframe's tables of addresses: files, patterns, a few words."""

from typing import Any

from zope.interface import implementer

from mailframe.interfaces.lookup import Host, ILookupFactory
from mailframe.interfaces.plugin import IPlugin


@implementer(ILookupFactory, IPlugin)
class FileLookupFactory:
    """Make a table from ``file:PATH``."""

    lookup_type = "file"
    lookup_help = (
        "An alias file (aliases(5): NAME: VALUE, VALUE, with :include:) or a"
        " virtual one (ADDRESS VALUE, VALUE; @DOMAIN for all others of a domain)."
        " Read again when it changes."
    )
    arg_string_format = "PATH"

    def make_lookup(self, argstring: str, host: Host) -> Any:
        """Return the table."""
        from mailframe.delivery.lookups.table_file import TableFile

        return TableFile(_path(self, argstring), **_means(host))


@implementer(ILookupFactory, IPlugin)
class PatternLookupFactory:
    """Make a table from ``regex:PATH``."""

    lookup_type = "regex"
    lookup_help = (
        "A file of lines /PATTERN/i VALUE, VALUE in which $1 is what the first"
        " group matched. Read again when it changes."
    )
    arg_string_format = "PATH"

    def make_lookup(self, argstring: str, host: Host) -> Any:
        """Return the table."""
        from mailframe.delivery.lookups.pattern_file import PatternFile

        return PatternFile(_path(self, argstring), **_means(host))


@implementer(ILookupFactory, IPlugin)
class StaticLookupFactory:
    """Make a table from ``static:KEY=VALUE``."""

    lookup_type = "static"
    lookup_help = "A few entries, written here."
    arg_string_format = "KEY=VALUE,VALUE;KEY=VALUE"

    def make_lookup(self, argstring: str, host: Host) -> Any:
        """Return the table."""
        from mailframe.delivery.lookups.static import StaticTable

        return StaticTable.from_text(argstring)


@implementer(ILookupFactory, IPlugin)
class SQLLookupFactory:
    """Make a table from ``sql:FILE``."""

    lookup_type = "sql"
    lookup_help = (
        "A query to SQLite or PostgreSQL. FILE is a TOML file: database, password-file"
        " and lookup.query, in which :user is what is looked up, :local and :domain"
        " its parts; docs/howto/sql.rst."
    )
    arg_string_format = "FILE"

    def make_lookup(self, argstring: str, host: Host) -> Any:
        """Return the table."""
        from mailframe.auth.sql.lookup import sql_table

        return sql_table(argstring, host.reactor)


@implementer(ILookupFactory, IPlugin)
class LDAPLookupFactory:
    """Make a table from ``ldap:FILE``."""

    lookup_type = "ldap"
    lookup_help = (
        "A search in an LDAP directory. FILE is a TOML file: servers, base, table"
        " service, lookup.filter, in which {user} is what is looked up, {local} and"
        " {domain} its parts, and lookup.attributes; docs/howto/ldap.rst."
    )
    arg_string_format = "FILE"

    def make_lookup(self, argstring: str, host: Host) -> Any:
        """Return the table."""
        from mailframe.auth.ldap.lookup import ldap_table

        return ldap_table(argstring, host.reactor)


def _path(factory: Any, argstring: str) -> str:
    if not argstring:
        raise ValueError(f"{factory.lookup_type} needs a PATH")
    return argstring


def _means(host: Host) -> dict[str, Any]:
    """Return the clock and the threads of a host."""
    from twisted.internet.threads import deferToThreadPool

    reactor = host.reactor

    def run(call: Any, *args: Any) -> Any:
        return deferToThreadPool(reactor, reactor.getThreadPool(), call, *args)

    return {"seconds": reactor.seconds, "run": run}


file = FileLookupFactory()
regex = PatternLookupFactory()
static = StaticLookupFactory()
sql = SQLLookupFactory()
ldap = LDAPLookupFactory()
