"""Offer ``--auth shared:DOMAIN:FILE``."""

from twisted.cred.credentials import IUsernamePassword
from twisted.cred.strcred import ICheckerFactory
from twisted.plugin import IPlugin
from zope.interface import implementer


@implementer(ICheckerFactory, IPlugin)
class SharedSecretFactory:
    """Makes the checker from its arguments."""

    authType = "shared"
    authHelp = "One secret, read from a file, for every user of one domain."
    argStringFormat = "DOMAIN:FILE"
    credentialInterfaces = (IUsernamePassword,)

    def generateChecker(self, argstring):
        """Return the checker; what is wrong becomes one line for the operator."""
        from shared_secret import SharedSecret

        domain, _, path = argstring.partition(":")
        if not (domain and path):
            raise ValueError("shared needs DOMAIN:FILE")
        return SharedSecret(domain, path)


shared_secret = SharedSecretFactory()
