"""Offer the Kerberos checker to ``--auth``; see ``twistd mailframe --help-auth``."""

from typing import Any

from twisted.cred.strcred import ICheckerFactory
from twisted.plugin import IPlugin
from zope.interface import implementer

from mailframe.interfaces.credentials import IKerberosName


@implementer(ICheckerFactory, IPlugin)
class KerberosCheckerFactory:
    """Make a checker from ``--auth kerberos:REALM:KEYTAB``."""

    authType = "kerberos"
    authHelp = (
        "Users of a Kerberos realm, by the SASL mechanism GSSAPI: user@REALM comes"
        " in as user of the default domain. KEYTAB has the keys of imap/HOST,"
        " pop/HOST and smtp/HOST. Needs the Python package gssapi."
    )
    argStringFormat = "REALM:KEYTAB"
    credentialInterfaces = (IKerberosName,)

    def generateChecker(self, argstring: str) -> Any:
        """Return a checker for a realm and a keytab."""
        realm, _, keytab = argstring.partition(":")
        if not realm or not keytab:
            raise ValueError("kerberos needs REALM:KEYTAB")
        try:
            # Here, since few have it.
            from mailframe.auth.kerberos import KerberosChecker
        except ImportError:
            raise ValueError("kerberos needs the Python package gssapi") from None
        return KerberosChecker(keytab, realm)


kerberos = KerberosCheckerFactory()
