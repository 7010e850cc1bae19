"""Who may come in: twisted.cred's contracts, and the directory of users.

Floors below the adapters reach :mod:`twisted.cred` through this module only.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import (
    IAnonymous,
    ICredentials,
    IUsernameHashedPassword,
    IUsernamePassword,
    UsernamePassword,
)
from twisted.cred.error import LoginDenied, LoginFailed, UnauthorizedLogin
from twisted.cred.portal import IRealm
from zope.interface import Interface

__all__ = [
    "IAnonymous",
    "IAwaitedRealm",
    "ICredentials",
    "ICredentialsChecker",
    "ILoginPortal",
    "IRealm",
    "IUserDirectory",
    "IUsernameHashedPassword",
    "IUsernamePassword",
    "LoginDenied",
    "LoginFailed",
    "Mind",
    "UnauthorizedLogin",
    "UserEntry",
    "UsernamePassword",
]


@dataclass(frozen=True, slots=True)
class Mind:
    """What a checker or realm may want to know of who is logging in.

    Handed to ``Portal.login`` as its ``mind``.

    Attributes:
        service: ``imap``, ``pop3``, ``smtp``, ``submission`` or ``lmtp``.
        client_address: The peer's address as text, or ``None`` (Unix socket).
        secure: Whether TLS protects the connection.
    """

    service: str
    client_address: str | None
    secure: bool


class IAwaitedRealm(IRealm):
    """A realm that gives accounts without a Deferred for each.

    For deliveries, which ask for an account each.
    """

    def account(address: str) -> Awaitable[Any]:
        """Return the account ``requestAvatar`` gives for ``IMailAccount``.

        Args:
            address: Canonical; who has it is the avatar ID.

        Raises:
            NoSuchUser: There cannot be such an account.
            TemporaryFailure: There is none now.
        """


class ILoginPortal(Interface):
    """What a protocol needs of :class:`twisted.cred.portal.Portal`."""

    def login(
        credentials: Any, mind: Any, *interfaces: Any
    ) -> Awaitable[tuple[Any, Any, Callable[[], Any]]]:
        """Log in.

        Args:
            credentials: Provides one of the credentials interfaces.
            mind: A :class:`Mind`.
            interfaces: What the avatar should provide, best first.

        Returns:
            The interface chosen, the avatar, and what to call at logout
            (it may return an awaitable; it is called exactly once).

        Raises:
            LoginFailed: Wrong secret, unknown user, or no checker for these
                credentials; which of them is never told to the peer.
            TemporaryFailure: The question could not be asked.
        """

    def listCredentialsInterfaces() -> list[Any]:
        """Return the credentials interfaces some checker can serve."""


@dataclass(frozen=True, slots=True)
class UserEntry:
    """What is known of one user without a password.

    Attributes:
        address: The canonical address, ``local@domain``; also the avatar ID.
        aliases: Other addresses whose mail this user gets.
        quota: Octets the account may hold, or ``None`` for no bound.
        home: The home directory, or ``None``.
        extra: What else the source says, by name. Of it, logins look at
            ``nologin``, ``allow_nets``, ``deny_nets`` and ``services``.
    """

    address: str
    aliases: tuple[str, ...] = ()
    quota: int | None = None
    home: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def forward(self) -> tuple[str, ...]:
        """Where mail for the user goes instead, from ``extra["forward"]``.

        Addresses with commas or white space between them; empty for into the
        account. The user's own address among them keeps a copy.
        """
        said = self.extra.get("forward")
        return tuple(said.replace(",", " ").split()) if said else ()


class IUserDirectory(Interface):
    """Knows users without their password; RCPT TO needs it."""

    def find(address: str) -> Awaitable[UserEntry | None]:
        """Look an address up.

        Args:
            address: ``local@domain``, the domain in lower case and, when
                internationalised, as U-labels; compared as the source does.

        Returns:
            The user, or ``None`` when there is none of this address.

        Raises:
            TemporaryFailure: The source cannot be asked now. Never reported
                as an unknown user.
        """
