"""URLs that carry their own authorization: made, checked and followed.

The token of the one mechanism there is, INTERNAL, is ``01`` and the HMAC-SHA-256
of the URL before it, under a key that is drawn for each mailbox and kept by the
account; the two digits are there to change the algorithm one day.

Source: RFC 4467 sections 2, 5 and 6, RFC 5092 section 6.1, RFC 4468 section 3.3.
"""

from collections.abc import Awaitable, Callable, Iterable
from hashlib import sha256
from hmac import compare_digest, digest
from typing import Any

from zope.interface import implementer

from mailframe.errors import (
    AccessRefused,
    BadMailboxName,
    BadSyntax,
    NoSuchContent,
    NoSuchMailbox,
    NotPermitted,
    UntrustedServer,
)
from mailframe.imap.message_url import Excerpt, open_excerpt
from mailframe.interfaces.access_keys import IAccessKeys
from mailframe.interfaces.content import IContentByURL
from mailframe.model.imap_url import IMAPURL, imap_url
from mailframe.model.mailbox import mailbox_name

MECHANISM = "INTERNAL"
KEY_OCTETS = 32

_ALGORITHM = "01"
_PLAUSIBLE = bytes(KEY_OCTETS)


def token(key: bytes, rump: str) -> str:
    """Return what proves that whoever has the key made a URL.

    Source: RFC 4467 sections 2.4.1 and 5.
    """
    return _ALGORITHM + digest(key, rump.encode(), sha256).hex()


@implementer(IContentByURL)
class URLAccess:
    """Follows URLs into the accounts of this host."""

    def __init__(
        self,
        account_of: Callable[[str], Awaitable[Any]],
        *,
        default_domain: str,
        hostname: str,
        now: Callable[[], float],
        submitters: Iterable[str] = (),
    ) -> None:
        """Follow nothing yet.

        Args:
            account_of: Returns the account of an address, ``None`` when there
                is no such user.
            default_domain: Of users who are written without one.
            hostname: Our name; URLs without a token have to have it.
            now: Seconds since 1970.
            submitters: Users who fetch for a submission server.
        """
        self._account_of = account_of
        self._default_domain = default_domain
        self.hostname = hostname
        self._now = now
        self._submitters = frozenset(map(self.address, submitters))

    def address(self, user: str) -> str:
        """Return the address of a user as a URL has it."""
        name = user.casefold()
        return name if "@" in name else f"{name}@{self._default_domain}"

    def may_fetch(self, url: IMAPURL, address: str) -> bool:
        """Tell whether a session may use a URL, if its token is right.

        Args:
            url: One with a token.
            address: Of the session's user.

        Source: RFC 5092 section 6.1.2.
        """
        access = url.access
        if access is None:
            return False
        if access.kind == "submit+":
            return address.casefold() in self._submitters
        if access.kind == "user+":
            return self.address(access.user) == address.casefold()
        return access.kind == "anonymous" or not address.startswith("anonymous@")

    async def owner(self, url: IMAPURL) -> Any:
        """Return the account that a URL leads into, its token proved.

        It takes as long to refuse a mailbox that is not there as a token.

        Raises:
            AccessRefused: It has none that is right, or is too old.
            TemporaryFailure: That cannot be found out now.

        Source: RFC 4467 section 6.
        """
        account = None
        if url.user is not None and url.host:
            account = await self._account_of(self.address(url.user))
        key = None
        keys = IAccessKeys(account, None)
        if keys is not None and url.mailbox is not None:
            try:
                key = await keys.access_key(mailbox_name(url.mailbox), None)
            except (BadMailboxName, NoSuchMailbox, NotPermitted):
                pass
        right = token(key or _PLAUSIBLE, url.rump)
        proved = compare_digest(right, url.token.lower())
        access = url.access
        if (
            not (proved and key)
            or url.mechanism != MECHANISM
            or access is None
            or (access.expire is not None and access.expire < self._now())
        ):
            raise AccessRefused(url.rump)
        return account

    async def open(self, url: str, user: str) -> Excerpt:
        """Return what a URL means, for a message that a user submits.

        Raises:
            NoSuchContent: It is no URL of a message, or what it means is not
                there.
            AccessRefused: It is not for this user, or its token is wrong.
            UntrustedServer: It has no token, and is not for our own server.
            TemporaryFailure: It cannot be read now.

        Source: RFC 4468 section 3.3.
        """
        try:
            found = imap_url(url)
        except BadSyntax:
            raise NoSuchContent("no URL of a message") from None
        access = found.access
        if access is None:
            return await open_excerpt(await self._own(found, user), found)
        if access.kind == "user+" or (
            access.kind == "submit+" and self.address(access.user) != user.casefold()
        ):
            raise AccessRefused(found.rump)
        return await open_excerpt(await self.owner(found), found)

    async def _own(self, url: IMAPURL, user: str) -> Any:
        """Return the user's account, which a URL without a token is about."""
        if url.host != self.hostname.lower():
            raise UntrustedServer(url.host)
        if url.user is None or self.address(url.user) != user.casefold():
            raise AccessRefused(url.rump)
        account = await self._account_of(user)
        if account is None:
            raise AccessRefused(url.rump)
        return account
