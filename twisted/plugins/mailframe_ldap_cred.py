"""Offer LDAP directories to ``--auth``; see ``twistd mailframe --help-auth``."""

from typing import Any

from twisted.cred.credentials import IUsernamePassword
from twisted.cred.strcred import ICheckerFactory
from twisted.plugin import IPlugin
from zope.interface import implementer


@implementer(ICheckerFactory, IPlugin)
class LDAPCheckerFactory:
    """Make a checker from ``--auth ldap:FILE`` or ``--auth ldap:URL``."""

    authType = "ldap"
    authHelp = (
        "Users of an LDAP directory, who may also receive mail. FILE is a TOML"
        " file: servers (asked in order), base, and tables service, login"
        " (method search, template or compare), find, attributes, groups,"
        " limits and cache; docs/howto/ldap.rst explains every key. An LDAP URL"
        " ldaps://HOST/BASE?ATTRIBUTE?sub?FILTER is the short form, with {user},"
        " {local} and {domain} in the filter [(mail={user})]. Names are always"
        " escaped, servers verified by name."
    )
    argStringFormat = "FILE or ldaps://HOST/BASE"
    credentialInterfaces = (IUsernamePassword,)

    def generateChecker(self, argstring: str) -> Any:
        """Return a checker for what ``argstring`` names; it may come later."""
        # Here, so that listing the plugins loads neither library nor reactor.
        from twisted.internet import reactor  # noqa: TID251 - threads need one

        from mailframe.auth.ldap.checker import LDAPChecker
        from mailframe.auth.ldap.options import read_options

        return LDAPChecker(read_options(argstring), reactor)


ldap = LDAPCheckerFactory()
