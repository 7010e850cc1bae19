"""One POP3 session, pulled by whoever has its octets.

Source: RFC 1939 section 3 (states), RFC 2595 section 4 (STLS).
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from zope.interface import implementer

from mailframe.errors import BadSyntax, MailError
from mailframe.interfaces.auth import (
    ILoginPortal,
    LoginFailed,
    Mind,
)
from mailframe.interfaces.connection import IConnection, IServer
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.interfaces.maildrop import IMaildrop, IMaildropAhead, MaildropMessage
from mailframe.limits import POP3Limits
from mailframe.pace import LoginPace
from mailframe.pop3.command import Command, State
from mailframe.pop3.commands import COMMANDS
from mailframe.pop3.extensions import apop
from mailframe.pop3.framing import Lines
from mailframe.pop3.options import POP3Options
from mailframe.pop3.replies import INTERNAL_ERROR, LOGIN_DELAY, refusal


@implementer(IServer)
class POP3Server:
    """A session: AUTHORIZATION, then TRANSACTION, then UPDATE."""

    def __init__(
        self,
        portal: ILoginPortal,
        *,
        maildrop_of: Callable[[IMailAccount], IMaildrop],
        hostname: str,
        limits: POP3Limits,
        report: Callable[[BaseException], None],
        now: Callable[[], float],
        options: POP3Options | None = None,
    ) -> None:
        """Wait for a connection.

        Args:
            portal: Who may log in.
            maildrop_of: Makes a maildrop of an account.
            hostname: Our name.
            limits: What the session may use.
            report: Told of our own bugs.
            now: Returns seconds since 1970.
            options: What the operator decided; ``None`` for the defaults.
        """
        self.portal = portal
        self.limits = limits
        self.options = options or POP3Options()
        self.hostname = hostname.encode("ascii", "replace")
        self.state = State.AUTHORIZATION
        self.user: bytes | None = None
        self.maildrop: IMaildrop | None = None
        self.messages: tuple[MaildropMessage, ...] = ()
        self.at_hand: Callable[[int], bytes | None] = _nothing
        self.deleted: set[int] = set()
        self.retrieved: set[int] = set()
        self.utf8 = False
        self.timestamp: bytes | None = None
        self.closing = False
        self.starting_tls = False
        self.expects: Callable[[bytes], Coroutine[Any, Any, None] | None] | None = None
        self._maildrop_of = maildrop_of
        self._report = report
        self._lines = Lines()
        self._now = now
        self._pace = LoginPace(limits, self._now())
        self._output: list[bytes] = []
        self._logout: Callable[[], Any] | None = None
        self._errors = 0
        self._failed_logins = 0

    connection: IConnection

    # What the pump calls: IServer.

    @property
    def timeout(self) -> float:
        """Seconds the client may be silent now."""
        return self._pace.timeout

    def connected(self, connection: IConnection) -> None:
        """Greet."""
        self.connection = connection
        self.timestamp = apop.timestamp(self)
        proof = b"" if self.timestamp is None else b" " + self.timestamp
        self.put(b"+OK %b POP3 ready%b\r\n" % (self.hostname, proof))

    def receive(self, octets: bytes) -> None:
        """Take octets."""
        self._pace.came(len(octets), self._now())
        self._lines.feed(octets)

    def next_step(self) -> Coroutine[Any, Any, None] | None:
        """Answer commands until one has to wait for a store or a checker."""
        if self._pace.left <= 0 and not self.closing:
            self.timed_out()
        while not (self.closing or self.starting_tls):
            answering = self.expects
            limit = self.limits.auth_line if answering else self.limits.command_line
            try:
                line = self._lines.next(limit)
                if line is None:
                    return None
                self._pace.ended()
                step = answering(line) if answering else self._dispatch(line)
            except BadSyntax as error:
                self._pace.ended()
                self.expects = None
                self.count_error(b"-ERR expected %b\r\n" % error.expected.encode())
                continue
            if step is not None:
                return self._guarded(step)
        return None

    def take_output(self) -> bytes:
        """Return what is to be sent."""
        output = b"".join(self._output)
        self._output.clear()
        return output

    def tls_started(self) -> None:
        """Forget what was said in the clear (RFC 2595 section 4)."""
        self._lines.forget()
        self.starting_tls = False
        self.user = None

    def timed_out(self) -> None:
        """Close without UPDATE: nothing is removed (RFC 1939 section 3)."""
        self.put(b"-ERR [SYS/TEMP] waited too long\r\n")
        self.closing = True

    def shut_down(self) -> None:
        """The host stops."""
        self.put(b"-ERR [SYS/TEMP] shutting down\r\n")
        self.closing = True

    def lost(self) -> Coroutine[Any, Any, None] | None:
        """Give maildrop and login back."""
        return self._leave() if self._logout is not None else None

    # What the commands use.

    def put(self, octets: bytes) -> None:
        """Add whole lines, or part of a multi-line reply, to the output."""
        self._output.append(octets)

    def count_error(self, reply: bytes) -> None:
        """Refuse a command; too many of them end the session."""
        self.put(reply)
        self._errors += 1
        if self._errors >= self.limits.errors:
            self.put(b"-ERR too many errors\r\n")
            self.closing = True

    @property
    def may_log_in(self) -> bool:
        """Whether a password may cross this connection."""
        return bool(self.connection.tls or self.connection.trusted)

    def count_failed_login(self) -> None:
        """Refuse credentials; too many of them end the session."""
        self.user = None
        self._failed_logins += 1
        self.put(b"-ERR [AUTH] wrong user name or password\r\n")
        if self._failed_logins >= self.limits.login_attempts:
            self.closing = True

    async def log_in(
        self, credentials: Any, refused: Callable[[], None] | None = None
    ) -> None:
        """Try to enter TRANSACTION, and reply.

        Args:
            credentials: Who it may be.
            refused: Called when the portal refuses them, instead of
                ``count_failed_login``.
        """
        self.user = None
        mind = Mind("pop3", self.connection.client_address, bool(self.connection.tls))
        try:
            found, avatar, logout = await self.portal.login(
                credentials, mind, IMaildrop, IMailAccount
            )
        except LoginFailed:
            (refused or self.count_failed_login)()
            return
        self._logout = logout
        delays = self.options.login_delays
        user = _user(avatar, credentials)
        if delays is not None and not delays.may_come(user):
            await self._leave()
            self.put(LOGIN_DELAY)
            return
        maildrop = avatar if found is IMaildrop else self._maildrop_of(avatar)
        try:
            self.messages = tuple(await maildrop.lock())
        except BaseException:
            await self._leave()
            raise
        if delays is not None:
            delays.came(user)
        self.maildrop = maildrop
        if IMaildropAhead.providedBy(maildrop):
            ahead: Any = maildrop
            self.at_hand = ahead.at_hand
        self.state = State.TRANSACTION
        self.put(b"+OK %d messages\r\n" % len(self.messages))

    async def update(self) -> None:
        """Enter UPDATE: remove what was deleted, all or none, and say goodbye."""
        assert self.maildrop is not None
        reply = b"+OK bye\r\n"
        self.closing = True
        removed = frozenset(self.deleted)
        if self.options.expire == 0:
            removed |= self.retrieved
        try:
            if removed:
                await self.maildrop.commit(removed)
        except MailError as error:
            reply = refusal(error)
        await self._leave()
        self.put(reply)

    # Inside.

    def _dispatch(self, line: bytes) -> Coroutine[Any, Any, None] | None:
        name, _, argument = line.partition(b" ")
        command: Command | None = COMMANDS.get(name.upper())
        if command is None:
            raise BadSyntax("a command this server has")
        if self.state not in command.states:
            raise BadSyntax(f"{command.name} {command.when}")
        return command.run(self, argument)

    async def _guarded(self, step: Awaitable[None]) -> None:
        """Run a step; what goes wrong becomes a reply."""
        self._pace.stop()
        try:
            await step
        except MailError as error:
            self.put(refusal(error))
        except BadSyntax as error:
            self.count_error(b"-ERR expected %b\r\n" % error.expected.encode())
        except Exception as error:
            self._report(error)
            self.put(INTERNAL_ERROR)
        self._pace.answered(self.maildrop is not None, self._now())

    async def _leave(self) -> None:
        maildrop, self.maildrop = self.maildrop, None
        logout, self._logout = self._logout, None
        try:
            if maildrop is not None:
                await maildrop.unlock()
        finally:
            if logout is not None:
                left = logout()
                if isinstance(left, Awaitable):
                    await left


def _nothing(index: int) -> None:
    """Stand for a maildrop that has nothing in memory."""


def _user(avatar: Any, credentials: Any) -> str:
    """Return whose login this is, in one spelling where the avatar has one."""
    address = getattr(avatar, "address", None)
    if isinstance(address, str):
        return address
    name = getattr(credentials, "username", b"")
    return name.decode("utf-8", "replace").casefold() if name else ""
