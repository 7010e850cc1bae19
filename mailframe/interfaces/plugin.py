"""What ``twisted.plugin`` finds: factories named on the command line.

Checkers are offered by :class:`twisted.cred.strcred.ICheckerFactory`
(``--auth``); realms, in the same shape, by :class:`IRealmFactory`.
"""

from dataclasses import dataclass
from typing import Any

from twisted.cred.portal import IRealm
from twisted.plugin import IPlugin, getPlugins
from zope.interface import Attribute, Interface

__all__ = ["Host", "IHomeRealm", "IPlugin", "IRealm", "IRealmFactory", "getPlugins"]


@dataclass(frozen=True, slots=True)
class Host:
    """What a realm may need of the host it serves.

    Attributes:
        state_dir: The directory mailframe keeps everything in.
        domains: The domains we receive for, the first being the default.
        reactor: Provides IReactorTime, IReactorThreads and the rest.
    """

    state_dir: str
    domains: tuple[str, ...]
    reactor: Any


class IRealmFactory(Interface):
    """Makes a realm from ``--realm TYPE:ARGS``.

    Put an instance into a module of ``twisted.plugins`` (one file, no
    ``__init__.py``) and import what is heavy inside ``make_realm``.
    """

    realm_type = Attribute("The TYPE, a ``str`` of letters, digits and ``-``.")
    realm_help = Attribute("What it is, for ``--help-realm``; a ``str``.")
    arg_string_format = Attribute("What ARGS look like; a ``str``.")

    def make_realm(argstring: str, host: Host) -> IRealm:
        """Return the realm.

        Its ``requestAvatar`` answers for :class:`IMailAccount` or
        :class:`IMaildrop`. If it also provides
        :class:`twisted.application.service.IService`, it is started and
        stopped with the host.

        Args:
            argstring: What came after ``TYPE:``; empty without a colon.
            host: The host it is for.

        Raises:
            ValueError: The arguments are wrong; the text is shown to the
                operator in one line.
        """


class IHomeRealm(Interface):
    """Optional power of a realm: it asks where users are at home."""

    directory = Attribute(
        """The host's :class:`IUserDirectory`, set before the realm is started;
        ``None`` if nobody knows who exists."""
    )
