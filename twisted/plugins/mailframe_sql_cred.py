"""Offer SQL databases to ``--auth``; see ``twistd mailframe --help-auth``."""

from typing import Any

from twisted.cred.credentials import IUsernamePassword
from twisted.cred.strcred import ICheckerFactory
from twisted.plugin import IPlugin
from zope.interface import implementer


@implementer(ICheckerFactory, IPlugin)
class SQLCheckerFactory:
    """Make a checker from ``--auth sql:FILE``."""

    authType = "sql"
    authHelp = (
        "Users in the tables of a database, who may also receive mail. FILE is a"
        " TOML file: database (sqlite:PATH or postgresql://USER@HOST/NAME),"
        " password-file, login.query (columns password and address), find.query,"
        " aliases.query, shared.query, and tables limits and cache;"
        " docs/howto/sql.rst explains every key. Queries have :user, :local and"
        " :domain, which reach the database as parameters. Passwords are"
        " {SCHEME}hash, as in a passwd file."
    )
    argStringFormat = "FILE"
    credentialInterfaces = (IUsernamePassword,)

    def generateChecker(self, argstring: str) -> Any:
        """Return a checker for what ``argstring`` names; it may come later."""
        # Here, so that listing the plugins loads neither library nor reactor.
        from twisted.internet import reactor  # noqa: TID251 - threads need one

        from mailframe.auth.sql.checker import SQLChecker
        from mailframe.auth.sql.options import read_options

        return SQLChecker(read_options(argstring), reactor)


sql = SQLCheckerFactory()
