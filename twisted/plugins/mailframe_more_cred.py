"""Offer more checkers to ``--auth``; see ``twistd mailframe --help-auth``."""

from typing import Any

from twisted.cred.credentials import IUsernamePassword
from twisted.cred.strcred import ICheckerFactory
from twisted.plugin import IPlugin
from zope.interface import implementer

from mailframe.interfaces.credentials import IBearerToken


def _reactor() -> Any:
    # Here, so that listing the plugins installs none.
    from twisted.internet import reactor  # noqa: TID251 - threads need one

    return reactor


def _threads(name: str, bounds: Any) -> Any:
    from mailframe.auth.worker_threads import WorkerThreads

    return WorkerThreads(_reactor(), name, **bounds)


@implementer(ICheckerFactory, IPlugin)
class HtpasswdCheckerFactory:
    """Make a checker from ``--auth htpasswd:FILE``."""

    authType = "htpasswd"
    authHelp = (
        "Users of a file that Apache's htpasswd made: bcrypt, apr1, SHA or"
        " crypt, not plain text. Read again when it changes."
    )
    argStringFormat = "FILE"
    credentialInterfaces = (IUsernamePassword,)

    def generateChecker(self, argstring: str) -> Any:
        """Return a checker for the file ``argstring`` names; it may come later."""
        from mailframe.auth.htpasswd import HtpasswdChecker
        from mailframe.auth.table_checker import VERIFIERS

        if not argstring:
            raise ValueError("htpasswd needs a FILE")
        return HtpasswdChecker(argstring, _threads("htpasswd", VERIFIERS))


@implementer(ICheckerFactory, IPlugin)
class StaticCheckerFactory:
    """Make a checker from ``--auth static:USER:{SCHEME}hash``."""

    authType = "static"
    authHelp = (
        "One user, with what is stored of his password as in a passwd file; for"
        " tests and a host that is one person's. With * for USER, every name"
        " comes in with that password, and every address exists."
    )
    argStringFormat = "USER:{SCHEME}hash"
    credentialInterfaces = (IUsernamePassword,)

    def generateChecker(self, argstring: str) -> Any:
        """Return a checker for the user that ``argstring`` names."""
        from mailframe.auth.static import static_checker
        from mailframe.auth.table_checker import VERIFIERS

        return static_checker(argstring, _threads("static", VERIFIERS))


@implementer(ICheckerFactory, IPlugin)
class ShadowCheckerFactory:
    """Make a checker from ``--auth shadow``."""

    authType = "shadow"
    authHelp = (
        "People who have an account on this machine, by its shadow file, which we"
        " must be able to read; FILE is /etc/shadow if it is left out. Expired"
        " accounts and passwords do not come in; user IDs other than those of"
        " uid, 1000-59999 if it is left out, do not exist."
    )
    argStringFormat = "[FILE][:uid=MIN-MAX]"
    credentialInterfaces = (IUsernamePassword,)

    def generateChecker(self, argstring: str) -> Any:
        """Return a checker for this machine's accounts."""
        from mailframe.auth.argument_words import argument_words
        from mailframe.auth.shadow import SHADOW, ShadowChecker
        from mailframe.auth.system_users import PEOPLE, SystemUsers, uid_range
        from mailframe.auth.table_checker import VERIFIERS

        path, words = argument_words(argstring, ("uid",))
        uids = uid_range(words["uid"]) if "uid" in words else PEOPLE
        threads = _threads("shadow", VERIFIERS)
        return ShadowChecker(SystemUsers(threads, uids=uids), threads, path or SHADOW)


@implementer(ICheckerFactory, IPlugin)
class PAMCheckerFactory:
    """Make a checker from ``--auth pam:SERVICE``."""

    authType = "pam"
    authHelp = (
        "Whom PAM lets in by /etc/pam.d/SERVICE, which is mailframe if it is left"
        " out. Mail is for the people who have an account on this machine, with a"
        " user ID of uid, 1000-59999 if it is left out. names=full: PAM's users"
        " have a domain, local@domain. Needs the package python-pam."
    )
    argStringFormat = "[SERVICE][:uid=MIN-MAX][:names=local|full]"
    credentialInterfaces = (IUsernamePassword,)

    def generateChecker(self, argstring: str) -> Any:
        """Return a checker for the service ``argstring`` names."""
        from mailframe.auth.argument_words import argument_words
        from mailframe.auth.pam import PAM_THREADS, SERVICE, PAMChecker
        from mailframe.auth.system_users import PEOPLE, SystemUsers, uid_range

        service, words = argument_words(argstring, ("uid", "names"))
        if "/" in service:
            raise ValueError("SERVICE is the name of a file in /etc/pam.d")
        try:
            import pam  # type: ignore[import-untyped]  # noqa: F401
        except ImportError:
            raise ValueError("it needs the package python-pam") from None
        uids = uid_range(words["uid"]) if "uid" in words else PEOPLE
        threads = _threads("pam", PAM_THREADS)
        return PAMChecker(
            SystemUsers(threads, uids=uids),
            threads,
            service or SERVICE,
            full_names=_full_names(words, "local"),
        )


@implementer(ICheckerFactory, IPlugin)
class DovecotCheckerFactory:
    """Make a checker from ``--auth dovecot:PATH``."""

    authType = "dovecot"
    authHelp = (
        "Users of a Dovecot on this machine. PATH is its socket auth-client; with"
        " users, its socket auth-userdb, mail for them is taken too."
        " names=local: its users have no domain. service is what it is told of"
        " who asks; smtp if it is left out."
    )
    argStringFormat = "PATH[:users=PATH][:names=full|local][:service=NAME]"
    credentialInterfaces = (IUsernamePassword,)

    def generateChecker(self, argstring: str) -> Any:
        """Return a checker for the socket ``argstring`` names."""
        from mailframe.auth.argument_words import argument_words
        from mailframe.auth.dovecot import DovecotChecker
        from mailframe.auth.dovecot_socket import DovecotSocket

        path, words = argument_words(argstring, ("users", "names", "service"))
        if not path:
            raise ValueError("dovecot needs the PATH of a socket")
        users = None
        if "users" in words:
            users = DovecotSocket(_reactor(), words["users"], lookups=True)
        return DovecotChecker(
            DovecotSocket(_reactor(), path),
            users,
            full_names=_full_names(words, "full"),
            service=words.get("service", "smtp"),
        )


@implementer(ICheckerFactory, IPlugin)
class HTTPCheckerFactory:
    """Make a checker from ``--auth http:FILE`` or ``--auth http:URL``."""

    authType = "http"
    authHelp = (
        "Asks a web service. A login is a POST of JSON with username, password,"
        " service and client_address: 200 lets in, 401, 403 and 404 refuse,"
        " everything else is a temporary failure. FILE is a TOML file: login and"
        " users (URLs; users gets a POST with address), ca, and tables api,"
        " limits and cache; docs/howto/auth.rst explains every key. A URL alone"
        " is for logins. https only, but to this machine itself."
    )
    argStringFormat = "FILE or https://HOST/PATH"
    credentialInterfaces = (IUsernamePassword,)

    def generateChecker(self, argstring: str) -> Any:
        """Return a checker for the service ``argstring`` names."""
        from mailframe.auth.http import HTTPChecker
        from mailframe.auth.http_options import read_options

        return HTTPChecker(read_options(argstring), _reactor())


@implementer(ICheckerFactory, IPlugin)
class OAuthCheckerFactory:
    """Make a checker from ``--auth oauth:FILE``."""

    authType = "oauth"
    authHelp = (
        "Takes OAuth 2.0 access tokens (OAUTHBEARER, XOAUTH2). FILE is a TOML"
        " file: issuer, audience, keys (URL of a JWK set), algorithms, claim,"
        " scopes, introspection (URL), ca, and tables client and limits;"
        " docs/howto/auth.rst explains every key. It does not know who exists:"
        " add a checker that does. Needs the package PyJWT."
    )
    argStringFormat = "FILE"
    credentialInterfaces = (IBearerToken,)

    def generateChecker(self, argstring: str) -> Any:
        """Return a checker for the issuer that a file names."""
        from mailframe.auth.oauth_options import read_options

        options = read_options(argstring)
        try:
            from mailframe.auth.oauth import OAuthChecker
        except ImportError:
            raise ValueError("it needs the package PyJWT") from None
        return OAuthChecker(options, _reactor())


def _full_names(words: dict[str, str], default: str) -> bool:
    names = words.get("names", default)
    if names not in ("local", "full"):
        raise ValueError("names must be local or full")
    return names == "full"


htpasswd = HtpasswdCheckerFactory()
static = StaticCheckerFactory()
shadow = ShadowCheckerFactory()
pam = PAMCheckerFactory()
dovecot = DovecotCheckerFactory()
http = HTTPCheckerFactory()
oauth = OAuthCheckerFactory()
