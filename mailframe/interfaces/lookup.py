"""Tables: one text in, some texts out. Files, SQL, LDAP: it is all the same.

An alias, a virtual address, a list of relay recipients: each is a question to
a table. ``twisted.plugin`` finds the factories.
"""

from collections.abc import Awaitable

from zope.interface import Attribute, Interface

from mailframe.interfaces.plugin import Host

__all__ = ["Host", "ILookup", "ILookupFactory", "IOperatorsTable"]


class ILookup(Interface):
    """One table."""

    def lookup(key: str) -> Awaitable[list[str] | None]:
        """Look something up.

        Args:
            key: For addresses ``local@domain`` (unquoted; the domain in lower
                case, U-labels when internationalised), ``@domain`` for what
                stands for all of a domain, or a bare local part for
                aliases(5). Local parts keep their case; the table compares
                without it. At most ``AddressLimits.key`` characters, from
                anybody: a provider quotes it for its source.

        Returns:
            What the table has, in its order: addresses, or for aliases(5) also
            ``|command``, ``/file`` and ``\\\\user``. ``None`` when it does not
            have the key; empty is an entry without a value.

        Raises:
            TemporaryFailure: The table cannot be asked now. Never reported as
                a missing entry.
        """


class IOperatorsTable(Interface):
    """Mark of a table that only the operator can write.

    What it says may name programs, files and servers, where those are allowed;
    of any other table only addresses are believed.
    """


class ILookupFactory(Interface):
    """Makes a table from ``TYPE:ARGS``.

    Put an instance into a module of ``twisted.plugins`` (one file, no
    ``__init__.py``) and import what is heavy inside ``make_lookup``.
    """

    lookup_type = Attribute("The TYPE, a ``str`` of letters, digits and ``-``.")
    lookup_help = Attribute("What it is, for people; a ``str``.")
    arg_string_format = Attribute("What ARGS look like; a ``str``.")

    def make_lookup(argstring: str, host: Host) -> ILookup:
        """Return the table; nothing is read or connected to before it is asked.

        If it also provides :class:`twisted.application.service.IService`, it
        is started and stopped with the host.

        Args:
            argstring: What came after ``TYPE:``; empty without a colon.
            host: The host it is for.

        Raises:
            ValueError: The arguments are wrong; the text is shown to the
                operator in one line.
        """
