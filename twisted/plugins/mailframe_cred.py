"""Offer mailframe's checkers to ``--auth``; see ``twistd mailframe --help-auth``."""

from typing import Any

from twisted.cred.credentials import IUsernamePassword
from twisted.cred.strcred import ICheckerFactory
from twisted.plugin import IPlugin
from zope.interface import implementer


@implementer(ICheckerFactory, IPlugin)
class PasswdCheckerFactory:
    """Make a checker from ``--auth passwd:FILE``."""

    authType = "passwd"
    authHelp = (
        "Users of a file with lines as Dovecot's passwd-file has them:"
        " name:{SCHEME}hash:uid:gid:gecos:home:shell:extra fields. Read again"
        " when it changes. The command mailframe user edits it."
    )
    argStringFormat = "FILE"
    credentialInterfaces = (IUsernamePassword,)

    def generateChecker(self, argstring: str) -> Any:
        """Return a checker for the file ``argstring`` names; it may come later."""
        # Here, so that listing the plugins loads no hashing library.
        from mailframe.auth.passwd_checker import PasswdFileChecker

        if not argstring:
            raise ValueError("passwd needs a FILE")
        return PasswdFileChecker(argstring)


passwd = PasswdCheckerFactory()
