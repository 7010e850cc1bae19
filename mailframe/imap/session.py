"""One client: who it is, what it selected, what goes out to it.

Commands get this object; only :mod:`mailframe.imap.server` drives it.

Source: RFC 9051 section 3 (states).
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, Protocol

from mailframe.errors import NoSuchMailbox, TemporaryFailure
from mailframe.imap.command import Command, Extension, State
from mailframe.imap.fetch import run_fetch
from mailframe.imap.language import DEFAULT, LANGUAGES
from mailframe.imap.responses import Refused
from mailframe.imap.serialize import mailbox_out
from mailframe.imap.unasked import Unasked
from mailframe.imap.url_access import URLAccess
from mailframe.imap.view import View
from mailframe.interfaces.auth import ILoginPortal, LoginFailed, Mind
from mailframe.interfaces.connection import IConnection
from mailframe.interfaces.content import IIntake
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.limits import IMAPLimits
from mailframe.model.flag import FlagSet
from mailframe.model.mailbox import MailboxName
from mailframe.model.uid_set import UIDSet
from mailframe.sasl.mechanisms import offered

_UTF8 = frozenset(("IMAP4REV2", "UTF8=ACCEPT"))
"""What makes mailbox names UTF-8 when it is switched on."""

_PROGRESS_SECONDS = 10.0
"""Between two INPROGRESS of a command (RFC 9585 section 4)."""

OUTPUT = 262_144
"""Octets of output after which a command waits for the peer to read."""


class Notification(Protocol):
    """Tells a client what happens, though no command runs.

    Source: RFC 5465 section 3.1.
    """

    def news(self, idling: bool = False) -> Coroutine[Any, Any, None] | None:
        """Return what tells what there is to be told now, if anything.

        Args:
            idling: Whether the client waits in IDLE.
        """

    def made(self, name: MailboxName, messages: Mapping[int, FlagSet]) -> None:
        """Note messages that the client itself has put into a mailbox.

        Args:
            name: Which mailbox.
            messages: Their flags, by UID.
        """

    def left(self, view: View, expunged: UIDSet) -> None:
        """Note that a mailbox is selected no more.

        Args:
            view: What the client knows of it.
            expunged: What the client expunged, leaving it.
        """


class Session:
    """What is known of one client.

    Attributes:
        connection: Its transport.
        hostname: Our name.
        limits: What it may use.
        intake: Where appended messages rest.
        url_access: Follows URLs with tokens; ``None`` on a host that does not.
        now: Returns seconds since 1970.
        extensions: What CAPABILITY may announce, in this order.
        account: Its mail, once it is logged in.
        view: The selected mailbox, or ``None``.
        enabled: What ENABLE switched on, in capitals.
        checks: What may refuse a command, because of what is switched on.
        starting_tls: TLS begins after the output.
        compressed: Both directions are compressed after the next tagged OK.
        closing: The connection is closed after the output.
        failed_logins: How often a login was refused.
        tag: Of the command that runs, for responses that name it.
        language: In which texts are said.
        unasked: What is told unasked of whatever mailbox is selected.
        notification: What is told of other mailboxes, and between commands.
        rousings: How often the selected mailbox said that it may have changed.
    """

    def __init__(
        self,
        portal: ILoginPortal,
        *,
        hostname: str,
        limits: IMAPLimits,
        intake: IIntake,
        now: Callable[[], float],
        extensions: tuple[Extension, ...],
        url_access: URLAccess | None = None,
    ) -> None:
        """Begin before the login."""
        self.portal = portal
        self.hostname = hostname
        self.limits = limits
        self.intake = intake
        self.url_access = url_access
        self.now = now
        self.extensions = extensions
        self.connection: IConnection
        self.account: IMailAccount | None = None
        self.view: View | None = None
        self.enabled: set[str] = set()
        self.checks: list[Callable[[Session, Command, Any], None]] = []
        self.starting_tls = False
        self.compressed = False
        self.closing = False
        self.failed_logins = 0
        self.tag = b""
        self.language = LANGUAGES[DEFAULT]
        self.unasked = Unasked()
        self.notification: Notification | None = None
        self.rousings = 0
        self.wake: Callable[[], None] = lambda: None
        self._logout: Callable[[], Any] | None = None
        self._output: list[bytes] = []
        self._output_size = 0
        self._progress = (b"", 0.0)

    # What goes out.

    def put(self, octets: bytes) -> None:
        """Send octets."""
        self._output.append(octets)
        self._output_size += len(octets)

    def say(self, octets: bytes) -> None:
        """Send status responses, whole lines, with their texts in the language."""
        self.put(self.language.said(octets))

    def take_output(self) -> bytes:
        """Return what is to be sent, once."""
        output = self._output
        if not output:
            return b""
        self._output = []
        self._output_size = 0
        return output[0] if len(output) == 1 else b"".join(output)

    def progress(self, done: int, of: int) -> None:
        """Tell how far the command that runs is, if that was not told just now.

        Args:
            done: How much of the work is done, in messages.
            of: How much there is.

        Source: RFC 9585 section 4.
        """
        now = self.now()
        if self._progress[0] != self.tag:
            self._progress = self.tag, now
        elif now - self._progress[1] >= _PROGRESS_SECONDS:
            self._progress = self.tag, now
            tag = b"NIL" if b"]" in self.tag else b'"%b"' % self.tag
            self.say(b"* OK [INPROGRESS (%b %d %d)] Working\r\n" % (tag, done, of))

    def pause(self) -> Awaitable[None] | None:
        """Return what to wait for before sending more, or ``None``."""
        if self._output_size < OUTPUT:
            return None
        return self.connection.drain()

    # What it is.

    @property
    def state(self) -> State:
        """Where the session is."""
        if self.view is not None:
            return State.SELECTED
        return State.NOT_AUTHENTICATED if self.account is None else State.AUTHENTICATED

    @property
    def selected(self) -> View:
        """The selected mailbox; only for commands that need one."""
        assert self.view is not None
        return self.view

    @property
    def mail(self) -> IMailAccount:
        """The account; only for commands after login."""
        assert self.account is not None
        return self.account

    @property
    def safe(self) -> bool:
        """Whether secrets may cross the connection."""
        return self.connection.tls is not None or bool(self.connection.trusted)

    @property
    def utf8(self) -> bool:
        """Whether mailbox names are UTF-8 rather than modified UTF-7.

        Source: RFC 9051 section 5.1, RFC 6855 section 3.
        """
        return not _UTF8.isdisjoint(self.enabled)

    def name_out(self, name: MailboxName | str) -> bytes:
        """Return a mailbox name as this client reads it.

        Source: RFC 9051 section 5.1, RFC 3501 section 5.1.3.
        """
        return mailbox_out(name, utf8=self.utf8)

    def enable(self, name: str) -> None:
        """Switch an extension on, and what it implies. Again is nothing.

        Args:
            name: Its capability, in capitals.

        Source: RFC 5161 section 3.1, RFC 7162 section 3.1 (commands that do
        it on their own).
        """
        if name in self.enabled:
            return
        self.enabled.add(name)
        for extension in self.extensions:
            if extension.name == name:
                for other in extension.implies:
                    self.enable(other)
                if extension.check is not None:
                    self.checks.append(extension.check)
                if extension.switched_on is not None:
                    extension.switched_on(self)

    def capability(self) -> bytes:
        """Return what CAPABILITY says now.

        Source: RFC 9051 sections 6.1.1 and 7.2.2.
        """
        found = [b"IMAP4rev1"]
        found += [
            one.capability if one.told is None else one.told(self)
            for one in self.extensions
            if one.announced(self)
        ]
        if self.account is None:
            if not self.safe:
                found.append(b"LOGINDISABLED")
            mechanisms = offered(self.portal, self.connection)
            found += [b"AUTH=" + name.encode("ascii") for name in mechanisms]
        return b" ".join(found)

    # What it does.

    async def log_in(self, credentials: Any) -> bytes:
        """Log in, and return the text of the tagged OK.

        Raises:
            Refused: Not with these credentials.
            TemporaryFailure: The question could not be asked.

        Source: RFC 9051 section 6.2.3, RFC 5530 section 3.
        """
        mind = Mind(
            "imap", self.connection.client_address, self.connection.tls is not None
        )
        try:
            _, account, logout = await self.portal.login(
                credentials, mind, IMailAccount
            )
        except LoginFailed:
            self.failed_logins += 1
            raise denied() from None
        except NotImplementedError:
            # What a realm says that has no avatar of this kind (IRealm).
            raise Refused(b"[CONTACTADMIN] No IMAP for this user") from None
        self.account, self._logout = account, logout
        self.checks += [
            one.check
            for one in self.extensions
            if one.check is not None and not one.can_be_enabled and one.announced(self)
        ]
        return b"[CAPABILITY %b] Logged in" % self.capability()

    def deselect(self, expunged: UIDSet = UIDSet.EMPTY) -> None:
        """Leave the selected mailbox, if there is one; expunge nothing.

        Args:
            expunged: What the client has expunged just now.
        """
        view, self.view = self.view, None
        if view is not None:
            if self.notification is not None:
                self.notification.left(view, expunged)
            view.close()

    def made(self, name: MailboxName, messages: Mapping[int, FlagSet]) -> None:
        """Note messages that the client has put into a mailbox, with their flags."""
        if self.view is not None:
            self.view.made(name, messages)
        if self.notification is not None:
            self.notification.made(name, messages)

    def new_view(self, mailbox: Any, read_only: bool) -> View:
        """Return a view of an opened mailbox, not selected yet."""
        view = View(
            mailbox,
            read_only=read_only or bool(mailbox.read_only),
            put=self.put,
            say=self.say,
            pause=self.pause,
            wake=self._changed,
            enabled=self.enabled,
            now=self.now,
            limit=self.limits.messages,
            progress=self.progress,
        )
        view.unasked = self.unasked
        return view

    def _changed(self) -> None:
        self.rousings += 1
        self.wake()

    async def announce(self, *, expunges: bool, with_uid: bool = False) -> None:
        """Tell what is new in the selected mailbox, if there is one."""
        view = self.view
        if view is None:
            return
        if view.stale or view.behind:
            try:
                if view.stale:
                    await view.refresh()
                await view.follow()
            except NoSuchMailbox:
                # Every command that needs it will say so; this one is done.
                view.followers.clear()
            except TemporaryFailure:
                view.stale = True
        view.announce(expunges=expunges, with_uid=with_uid)
        if view.arriving:
            for request, uids in view.take_arrived():
                with suppress(NoSuchMailbox, TemporaryFailure):
                    await run_fetch(view, request, uids, by_uid=False)

    def release(self) -> Coroutine[Any, Any, None] | None:
        """Let go of everything; return the logout to wait for, or ``None``."""
        self.deselect()
        logout, self._logout = self._logout, None
        self.account = None
        self.enabled.clear()
        self.checks.clear()
        for extension in self.extensions:
            if extension.reset is not None:
                extension.reset(self)
        if logout is None:
            return None
        return _finish(logout)


async def _finish(logout: Callable[[], Any]) -> None:
    left = logout()
    if hasattr(left, "__await__"):
        await left


def denied() -> Refused:
    """Return the one refusal of every failed login.

    Source: RFC 5530 section 3 (AUTHENTICATIONFAILED).
    """
    return Refused(b"[AUTHENTICATIONFAILED] Authentication failed")
