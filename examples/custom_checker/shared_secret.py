"""A checker of our own: one secret for every user of one domain.

Together with ``twisted/plugins/shared_secret_cred.py`` this is all that
``--auth shared:DOMAIN:FILE`` needs::

    cd examples/custom_checker
    echo wonderland > secret
    PYTHONPATH=. twistd -n mailframe --domain example.org \\
        --auth shared:example.org:secret
"""

import hmac
from pathlib import Path

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import fail, succeed
from zope.interface import implementer

from mailframe.interfaces.auth import IUserDirectory, UserEntry


@implementer(ICredentialsChecker, IUserDirectory)
class SharedSecret:
    """Lets in everybody of a domain who knows its secret."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, domain, path):
        self.domain = domain
        self.secret = Path(path).read_bytes().strip()

    def requestAvatarId(self, credentials):
        """Check a password; the avatar ID is the user's address."""
        name = credentials.username
        if name.endswith(b"@" + self.domain.encode()) and hmac.compare_digest(
            credentials.password, self.secret
        ):
            return succeed(name)
        return fail(UnauthorizedLogin())

    async def find(self, address):
        """Say who gets mail: every address of the domain."""
        if address.endswith("@" + self.domain):
            return UserEntry(address)
        return None
