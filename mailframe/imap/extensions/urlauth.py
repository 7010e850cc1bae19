"""URLAUTH: URLs with which others may fetch one message or part.

Capability ``URLAUTH``, RFC 4467, after login, for an account that keeps keys on a
host that follows URLs (:mod:`mailframe.imap.url_access`). What is fetched is asked
for in ``urlauth_binary.py``.

Source: RFC 4467.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mailframe.errors import (
    BadMailboxName,
    BadSyntax,
    NoSuchMailbox,
    NotSupported,
    TooLarge,
)
from mailframe.imap.command import LOGGED_IN, Command, Extension
from mailframe.imap.commands.select import SELECT_RESPONSES, Select
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import astring, atom, mailbox
from mailframe.imap.responses import Refused
from mailframe.imap.session import Session
from mailframe.imap.url_access import KEY_OCTETS, MECHANISM, URLAccess, token
from mailframe.imap.view import View
from mailframe.interfaces.access_keys import IAccessKeys
from mailframe.model.imap_url import IMAPURL, imap_url
from mailframe.model.mailbox import MailboxName, mailbox_name

_URLS_MAX = 100
_MECHANISMS_MAX = 10
_URLMECH = b"[URLMECH INTERNAL] "
_CHANGED = b"* OK %bThe key was changed\r\n" % _URLMECH


@dataclass(frozen=True, slots=True)
class ResetKey:
    """The arguments of RESETKEY; no name for all mailboxes."""

    name: MailboxName | None
    mechanisms: tuple[bytes, ...] = ()


def _powers(session: Session) -> tuple[IAccessKeys, URLAccess]:
    keys = IAccessKeys(session.mail, None)
    if keys is None or session.url_access is None:
        raise NotSupported
    return keys, session.url_access


def parse_reset(cursor: Cursor) -> ResetKey:
    """``resetkey = "RESETKEY" [SP mailbox *(SP mechanism)]``."""
    if not cursor.rest():
        return ResetKey(None)
    cursor.space()
    name = mailbox(cursor)
    mechanisms = []
    while cursor.rest():
        cursor.space()
        mechanisms.append(atom(cursor).upper())
        if len(mechanisms) > _MECHANISMS_MAX:
            raise TooLarge("fewer mechanisms", cursor.position)
    return ResetKey(name, tuple(mechanisms))


async def reset(session: Session, command: ResetKey) -> bytes:
    """Make all URLs into a mailbox, or into any, invalid.

    Raises:
        Refused: Of a mechanism that is not known.
        NoSuchMailbox: It is not there.

    Source: RFC 4467 section 7 (RESETKEY).
    """
    keys, _ = _powers(session)
    if command.name is None:
        await keys.forget_access_keys()
        return b"All keys removed"
    if not {MECHANISM.encode()}.issuperset(command.mechanisms):
        raise Refused(b"[CANNOT] That mechanism is not known")
    fresh = session.connection.nonce(KEY_OCTETS)
    hushed = set[bytes]() if session.view is None else session.view.hushed
    if session.view is not None and session.view.mailbox.name == command.name:
        # The end of the command tells this session.
        hushed.add(_CHANGED)
    try:
        await keys.change_access_key(command.name, fresh)
    except BaseException:
        hushed.discard(_CHANGED)
        raise
    return _URLMECH + b"RESETKEY completed"


def parse_generate(cursor: Cursor) -> Sequence[IMAPURL]:
    """``genurlauth = "GENURLAUTH" 1*(SP url-rump SP mechanism)``.

    Raises:
        BadSyntax: Something else, or a URL that no token can be made for.
        Refused: Of a mechanism that is not known.

    Source: RFC 4467 sections 7 (GENURLAUTH) and 9.
    """
    urls: list[IMAPURL] = []
    while not urls or cursor.rest():
        cursor.space()
        start = cursor.position
        urls.append(_rump(astring(cursor), start))
        if len(urls) > _URLS_MAX:
            raise TooLarge("fewer URLs", start)
        cursor.space()
        if atom(cursor).upper() != MECHANISM.encode():
            raise Refused(b"[CANNOT] That mechanism is not known")
    return urls


def _rump(octets: bytes, position: int) -> IMAPURL:
    try:
        url = imap_url(octets.decode("ascii"))
    except (UnicodeDecodeError, BadSyntax):
        raise BadSyntax("a URL of a message", position) from None
    if url.access is None:
        raise BadSyntax("an access identifier in the URL", position)
    if url.user is None:
        raise BadSyntax("a user in the URL", position)
    if url.token or not url.host:
        raise BadSyntax("an absolute URL without a token", position)
    return url


async def generate(session: Session, urls: Sequence[IMAPURL]) -> bytes:
    """Make tokens for URLs of the user's own mailboxes.

    Raises:
        BadSyntax: It is another user's, or there is no such mailbox.

    Source: RFC 4467 section 7 (GENURLAUTH).
    """
    keys, access = _powers(session)
    made = []
    for url in urls:
        assert url.user is not None
        assert url.mailbox is not None
        if access.address(url.user) != session.mail.address.casefold():
            raise BadSyntax("a URL of your own")
        fresh = session.connection.nonce(KEY_OCTETS)
        try:
            key = await keys.access_key(mailbox_name(url.mailbox), fresh)
        except (NoSuchMailbox, BadMailboxName):
            raise BadSyntax("a mailbox that exists") from None
        assert key is not None
        made.append(f'"{url.rump}:internal:{token(key, url.rump)}"')
    session.put(f"* GENURLAUTH {' '.join(made)}\r\n".encode("ascii"))
    return b"GENURLAUTH completed"


def can_authorize(session: Session) -> bool:
    """Tell whether URLs can be made and followed in a session."""
    return session.url_access is not None and IAccessKeys.providedBy(session.account)


async def _mechanisms(session: Session, view: View, command: Select) -> bytes:
    """Tell the mechanisms when a mailbox is selected over TLS, and when keys change.

    Source: RFC 4467 sections 7 (RESETKEY), 8 (URLMECH) and 10.
    """
    if session.connection.tls is None or not can_authorize(session):
        return b""

    def changed(mailbox_id: str) -> None:
        if mailbox_id == view.mailbox.mailbox_id:
            view.notice(_CHANGED)

    view.until_close(IAccessKeys(session.mail).watch_access_keys(changed))
    return b"* OK %bMechanisms\r\n" % _URLMECH


SELECT_RESPONSES["URLAUTH"] = _mechanisms

EXTENSION = Extension(
    b"URLAUTH",
    (
        Command(b"RESETKEY", LOGGED_IN, reset, parse_reset),
        Command(b"GENURLAUTH", LOGGED_IN, generate, parse_generate),
    ),
    announced=can_authorize,
)
