"""Configuration into services: the one place where concrete classes meet.

Nothing else builds objects; whoever wants to know what talks to what reads
this file.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.cred.portal import Portal
from twisted.cred.strcred import InvalidAuthType, makeChecker
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.plugin import getPlugins
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from mailframe.auth.chain import CheckerChain, DirectoryChain
from mailframe.config import IMPLICIT_TLS, BadConfig, HostConfig, Listener
from mailframe.delivery.inbound import InboundReceiver
from mailframe.delivery.submission import SubmissionReceiver
from mailframe.interfaces.auth import IUserDirectory, Mind
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.interfaces.plugin import Host, IRealmFactory
from mailframe.net.factory import MailFactory
from mailframe.net.imap import IMAPFactory
from mailframe.net.mallopt import keep_large_blocks
from mailframe.net.pop3 import POP3Factory
from mailframe.net.self_signed import self_signed
from mailframe.net.smtp import SMTPFactory
from mailframe.net.tls import TLSFileError, server_context
from mailframe.storage.intake import FileIntake

_log = Logger()

_PLANNED = {
    "auth": ("ldap", "sql", "pam", "htpasswd", "static", "dovecot", "http", "oauth"),
    "realm": ("packed", "mbox", "postgresql"),
}
"""TYPEs that are promised but not there yet."""


def realm_factories() -> Iterable[Any]:
    """Return every realm factory that plugins offer."""
    return getPlugins(IRealmFactory)


def make_checker(text: str, default_domain: str) -> Any:
    """Return the checker that ``--auth`` names.

    Raises:
        BadConfig: There is no such type, or its arguments are wrong.
    """
    kind = text.partition(":")[0]
    try:
        checker = makeChecker(text)
    except InvalidAuthType:
        raise BadConfig(_unknown("auth", kind)) from None
    except (ValueError, OSError) as error:
        raise BadConfig(f"--auth {kind}: {error}") from None
    if hasattr(checker, "default_domain"):
        checker.default_domain = default_domain
    return checker


def make_realm(text: str, host: Host) -> Any:
    """Return the realm that ``--realm`` names.

    Raises:
        BadConfig: There is no such type, or its arguments are wrong.
    """
    kind, _, argstring = text.partition(":")
    for factory in realm_factories():
        if factory.realm_type == kind:
            try:
                return factory.make_realm(argstring, host)
            except (ValueError, OSError) as error:
                raise BadConfig(f"--realm {kind}: {error}") from None
    raise BadConfig(_unknown("realm", kind))


def _unknown(option: str, kind: str) -> str:
    if kind in _PLANNED[option]:
        return f"--{option} {kind}: not part of this version of mailframe"
    return f"--{option} {kind}: there is no such type; see --help-{option}"


class MailService(MultiService):
    """A whole mail host.

    Give it a parent, or start it as a part of your own program; everything
    it needs is made when it is constructed, ports are bound when it starts.
    """

    def __init__(self, config: HostConfig, reactor: Any) -> None:
        """Build the host.

        Args:
            config: What it is to be.
            reactor: The reactor to run in.

        Raises:
            BadConfig: Something in it is wrong; nothing was started.
        """
        super().__init__()
        self._config = config
        self._reactor = reactor
        self._bound: list[tuple[Any, MailFactory]] = []
        _make_private(config.state_dir)
        keep_large_blocks()
        default_domain = config.domains[0]
        checkers = [make_checker(text, default_domain) for text in config.auth]
        realm = make_realm(
            config.realm, Host(str(config.state_dir), config.domains, reactor)
        )
        if IService.providedBy(realm):
            realm.setServiceParent(self)
        self._portal = Portal(realm, [CheckerChain(checkers, default_domain)])
        directory = DirectoryChain(
            [one for one in checkers if IUserDirectory.providedBy(one)]
        )
