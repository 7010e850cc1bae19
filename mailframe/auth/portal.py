"""The door every protocol knocks at: who may come in, and one line in the log for it.

Around :class:`twisted.cred.portal.Portal`, whose realm and checkers it uses. What
comes to them all is here, so that no protocol has to know it: waiting after wrong
passwords, networks, the word to the log, and that checkers learn where a login
comes from.
"""

import re
from collections.abc import Callable
from typing import Any

from twisted.cred.error import LoginFailed, UnhandledCredentials
from twisted.cred.portal import Portal
from twisted.internet.defer import CancelledError, maybeDeferred
from twisted.logger import Logger
from zope.interface import implementer, providedBy

from mailframe.auth.account_name import account_name
from mailframe.auth.networks import NetworkGuard
from mailframe.auth.refusal import reason_of
from mailframe.auth.throttle import Throttle
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import ILoginPortal, Mind

_log = Logger()

_SHOWN = 128
"""Characters of a user name in the log."""

_UNSAFE = re.compile(r'[^ -~]|["\\]')


@implementer(ILoginPortal)
class LoginPortal:
    """Let in whom the checkers know, and write down who came.

    The lines are::

        login accepted service=imap client=192.0.2.1 user="alice" as="alice@a.example"
        login refused service=imap client=192.0.2.1 user="alice" reason=credentials
        login deferred service=imap client=192.0.2.1 user="alice" reason=temporary

    ``user`` is what the client sent, in quotes, with ``?`` for whatever could be
    taken for something else; nothing of a secret is ever in it. ``client`` is
    ``local`` for a Unix socket. What ``docs/fail2ban/mailframe.conf`` matches is
    the second one with this reason.
    """

    def __init__(
        self,
        portal: Portal,
        *,
        default_domain: str,
        throttle: Throttle | None = None,
        networks: NetworkGuard | None = None,
        separator: str = "",
    ) -> None:
        """Use the realm and the checkers of ``portal``.

        Args:
            portal: Their holder.
            default_domain: For names without one.
            throttle: Makes guessers wait; ``None`` lets them guess.
            networks: Knows from where who may come; ``None``: from anywhere.
            separator: Between a user and the master who logs in as that one;
                ``""`` if there are none.
        """
        self._portal = portal
        self._default_domain = default_domain
        self._throttle = throttle
        self._networks = networks
        self._separator = separator

    @property
    def checkers(self) -> dict[Any, Any]:
        """The checkers by credentials interface, as ``Portal`` has them."""
        found: dict[Any, Any] = self._portal.checkers
        return found

    def listCredentialsInterfaces(self) -> list[Any]:
        """Return the credentials interfaces some checker can serve."""
        return list(self._portal.listCredentialsInterfaces())

    async def login(
        self, credentials: Any, mind: Any, *interfaces: Any
    ) -> tuple[Any, Any, Callable[[], Any]]:
        """Log in; see :class:`ILoginPortal`.

        Raises:
            LoginFailed: Wrong secret, unknown user, or not so and from there.
            TemporaryFailure: The question could not be asked, or too many of
                the kind wait.
        """
        line = _Line(mind, _name(credentials))
        request: Any = self._portal.realm.requestAvatar
        try:
            avatar_id = await self._avatar_id(credentials, mind, line.user)
            found: tuple[Any, Any, Callable[[], Any]] = await maybeDeferred(
                request, avatar_id, mind, *interfaces
            )
        except LoginFailed as error:
            line.refused(reason_of(error))
            raise
        except TemporaryFailure:
            line.deferred("temporary")
            raise
        except NotImplementedError:
            # What a realm says that has no avatar of this kind (IRealm).
            line.refused("realm")
            raise
        except CancelledError:
            line.deferred("gone")
            raise
        except Exception:
            # Told of, with its traceback, by whoever asked.
            line.deferred("error")
            raise
        line.accepted(avatar_id)
        return found

    async def _avatar_id(self, credentials: Any, mind: Any, name: str) -> Any:
        asked = mind if isinstance(mind, Mind) else None
        if self._networks is not None:
            self._networks.check_service(asked)
        address = asked.client_address if asked else None
        user = self._counted_as(name)
        if self._throttle is not None:
            await self._throttle.wait(address, user)
        try:
            avatar_id = await self._asked(MindfulCredentials(credentials, asked))
            if self._networks is not None:
                await self._networks.check_user(avatar_id.decode(), asked)
        except LoginFailed:
            # Whatever the reason: one that is not counted would tell that the
            # secret was right.
            if self._throttle is not None:
                await self._throttle.failed(address, user)
            raise
        if self._throttle is not None:
            await self._throttle.succeeded(address, user)
        return avatar_id

    async def _asked(self, credentials: Any) -> Any:
        for interface, checker in self._portal.checkers.items():
            if interface.providedBy(credentials):
                return await maybeDeferred(checker.requestAvatarId, credentials)
        raise UnhandledCredentials("no checker for these credentials")

    def _counted_as(self, name: str) -> str:
        """Return whose guess it is, in one spelling."""
        if self._separator:
            # The master's: there are as many to be as there are users.
            name = name.rpartition(self._separator)[2]
        found = account_name(name, self._default_domain)
        return found.user.casefold() if found else name[:_SHOWN].casefold()


class MindfulCredentials:
    """Credentials as they came, and beside them where they come from.

    Attributes:
        mind: A :class:`Mind`, or ``None``.
    """

    def __init__(self, credentials: Any, mind: Mind | None) -> None:
        """Put ``mind`` beside ``credentials``; those are not changed."""
        self._credentials = credentials
        self.mind = mind

    @property
    def __providedBy__(self) -> Any:  # noqa: N802
        """What the credentials provide; zope.interface asks for it by this name."""
        return providedBy(self._credentials)

    def __getattr__(self, name: str) -> Any:
        """Return what the credentials have of this name."""
        return getattr(self._credentials, name)


class _Line:
    """The line about one login."""

    def __init__(self, mind: Any, user: str) -> None:
        known = isinstance(mind, Mind)
        self.user = user
        self._service = mind.service if known else "unknown"
        self._client = (mind.client_address if known else None) or "local"

    def accepted(self, avatar_id: Any) -> None:
        _log.info(
            "login accepted service={service} client={client} user={user} as={avatar}",
            service=self._service,
            client=self._client,
            user=_quoted(self.user),
            avatar=_quoted(_text(avatar_id)),
        )

    def refused(self, reason: str) -> None:
        self._failed("refused", reason)

    def deferred(self, reason: str) -> None:
        self._failed("deferred", reason)

    def _failed(self, result: str, reason: str) -> None:
        _log.warn(
            "login {result} service={service} client={client} user={user}"
            " reason={reason}",
            result=result,
            service=self._service,
            client=self._client,
            user=_quoted(self.user),
            reason=reason,
        )


def _name(credentials: Any) -> str:
    """Return whom the client says it is; ``""`` if it does not say."""
    for attribute in ("username", "principal", "subject"):
        value = getattr(credentials, attribute, None)
        if value:
            return _text(value)
    return ""


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _quoted(text: str) -> str:
    """Return text in quotes that nothing in it can end, on one line of ASCII."""
    return f'"{_UNSAFE.sub("?", text[:_SHOWN])}"'
