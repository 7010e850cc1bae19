"""One IMAP session as octets in, steps and octets out.

The server finds commands, looks each up in the table, runs it and has what
comes of it answered (``answers.py``). What a command means is in ``commands/``
and ``extensions/``. Everything that decides what the next octets are is here
together, since each way to read them begins where another has ended.

Source: RFC 3501 sections 2.2, 3, 5.4, 5.5 and 7.
"""

from collections.abc import Callable, Coroutine
from enum import Enum
from functools import partial
from typing import Any

from zope.interface import implementer

from mailframe.errors import BadSyntax, LineTooLong
from mailframe.imap.answers import Answers
from mailframe.imap.appending import Appending
from mailframe.imap.capabilities import COMMANDS, EXTENSIONS
from mailframe.imap.command import Answer, Command, Completed, Dialogue
from mailframe.imap.command_head import HEAD, command_head, is_http, tag_of
from mailframe.imap.compression import Layer
from mailframe.imap.cursor import Cursor
from mailframe.imap.framing import SKIPPED, Announced, Framer
from mailframe.imap.responses import Rejected
from mailframe.imap.session import Session
from mailframe.imap.url_access import URLAccess
from mailframe.interfaces.auth import ILoginPortal
from mailframe.interfaces.connection import IConnection, IServer
from mailframe.interfaces.content import IIntake
from mailframe.limits import IMAPLimits
from mailframe.pace import LoginPace

_ABSURD = 10
"""A literal this many times larger than a message may be is not read to its end."""

Step = Coroutine[Any, Any, None]


class _More(Enum):
    MORE = "more"


_MORE = _More.MORE
"""Something was done; there may be more to do at once."""
_Outcome = Step | _More | None
"""What is to be run, ``_MORE``, or ``None`` when octets are needed."""
_Refusal = Callable[[], _Outcome]


@implementer(IServer)
class IMAPServer:
    """Serves one client.

    Source: :class:`mailframe.interfaces.connection.IServer`.
    """

    def __init__(
        self,
        portal: ILoginPortal,
        *,
        hostname: str = "localhost",
        limits: IMAPLimits | None = None,
        intake: IIntake,
        report: Callable[[BaseException], None],
        now: Callable[[], float],
        url_access: URLAccess | None = None,
    ) -> None:
        """Prepare to serve.

        Args:
            portal: Its realm answers for ``IMailAccount``.
            hostname: Our name, for the greeting.
            limits: What the session may use.
            intake: Where appended messages rest while they arrive.
            report: Takes our own bugs.
            now: Returns seconds since 1970.
            url_access: Follows URLs with tokens (URLAUTH); ``None`` for none.
        """
        limits = limits or IMAPLimits()
        self._limits = limits
        self._report = report
        self._framer = Framer(limits.line)
        self._session = Session(
            portal,
            hostname=hostname,
            limits=limits,
            intake=intake,
            now=now,
            extensions=EXTENSIONS,
            url_access=url_access,
        )
        self._layer = Layer(self._framer, limits.inflated)
        self._answers = Answers(self._session, limits, report)
        self._pace = LoginPace(limits, self._session.now(), limits.data_rate)
        self._refusal: _Refusal | None = None
        self._appending: tuple[bytes, Command, Appending] | None = None
        self._dialogue: tuple[bytes, Command, Dialogue] | None = None
        self._connection: IConnection

    # The contract.

    @property
    def timeout(self) -> float:
        """Seconds of silence that are allowed now."""
        return self._pace.timeout

    @property
    def closing(self) -> bool:
        """Whether the connection is to be closed after the output."""
        return self._session.closing

    @property
    def starting_tls(self) -> bool:
        """Whether TLS begins after the output."""
        return self._session.starting_tls

    def connected(self, connection: IConnection) -> None:
        """Greet."""
        session = self._session
        self._connection = session.connection = connection
        session.wake = self._woken
        session.put(
            b"* OK [CAPABILITY %b] %b ready\r\n"
            % (session.capability(), session.hostname.encode("ascii", "replace"))
        )

    def receive(self, octets: bytes) -> None:
        """Take what the transport read."""
        self._pace.came(len(octets), self._session.now())
        self._layer.receive(octets)

    def take_output(self) -> bytes:
        """Return what is to be sent, once."""
        return self._layer.outgoing(self._session.take_output())

    def next_step(self) -> Step | None:
        """Do what needs no waiting; return the first thing that does."""
        session = self._session
        if self._pace.left <= 0:
            self.timed_out()
        while not session.closing and not session.starting_tls:
            try:
                if self._dialogue is not None:
                    step = self._next_line(*self._dialogue)
                elif self._appending is not None:
                    step = self._next_of_message(*self._appending)
                else:
                    step = self._next_command()
            except LineTooLong:
                if self._dialogue is not None or self._appending is not None:
                    # Where the next command begins is not known any more.
                    self._answers.goodbye(b"Line too long")
                    return None
                step = self._pass_over()
            if step is not _MORE:
                if step is None and self._layer.more:
                    # A step of its own, so that others get their turn.
                    step = self._inflate()
                if step is None and not (self._appending or self._dialogue):
                    step = self._push()
                return None if step is None else self._run(step)
        return None

    async def _run(self, step: Step) -> None:
        self._pace.stop()
        await self._answers.during(step)
        session = self._session
        self._pace.answered(session.account is not None, session.now())

    def _push(self) -> Step | None:
        """Tell a client that wants it what happens, though it asked nothing."""
        notification = self._session.notification
        news = None if notification is None else notification.news()
        return None if news is None else self._pushed(news)

    async def _pushed(self, news: Step) -> None:
        try:
            await news
        except Exception as error:
            # What was cut off could be anywhere in a response.
            self._report(error)
            self._session.closing = True
        paused = self._session.pause()
        if paused is not None:
            await paused

    async def _inflate(self) -> None:
        try:
            self._layer.inflate()
        except BadSyntax:
            self._answers.goodbye(b"That is not compressed")

    def tls_started(self) -> None:
        """Forget what came without protection."""
        self._framer.reset()
        self._session.starting_tls = False

    def timed_out(self) -> None:
        """Say goodbye to a client that is silent, or takes too long."""
        self._answers.leave(b"Autologout; idle for too long")

    def shut_down(self) -> None:
        """Say goodbye because the host stops."""
        self._answers.leave(b"[UNAVAILABLE] The server is shutting down")

    def lost(self) -> Step | None:
        """Release everything."""
        self._session.closing = True
        if self._appending is not None:
            self._appending[-1].discard()
            self._appending = None
        self._dialogue = None
        # Or each would hold the other until Python looks for cycles.
        self._session.wake = lambda: None
        return self._session.release()

    # Commands.

    def _next_command(self) -> _Outcome:
        limits = self._limits
        if self._session.account is None:
            self._framer.max_line = min(limits.line, limits.login_command)
        else:
            self._framer.max_line = limits.line
        piece = self._framer.next_piece()
        if piece is None:
            if self._framer.passed > limits.passed_over:
                self._answers.goodbye(b"Line too long")
            return None
        if isinstance(piece, Announced):
            return self._literal(piece)
        self._pace.ended()
        if isinstance(piece, bytes):
            return self._command(piece)
        assert piece is SKIPPED
        refuse, self._refusal = self._refusal, None
        assert refuse is not None
        return refuse()

    def _command(self, octets: bytes) -> _Outcome:
        found = command_head(octets)
        if found is None:
            return self._garbage(octets)
        tag, name = found.groups()
        command = COMMANDS.get(name.upper())
        session = self._session
        if command is None or session.state not in command.states:
            return self._bad(tag, _unfit(command))
        session.tag = tag
        try:
            arguments = command.parse(Cursor(octets, found.end(), session.utf8))
            for check in session.checks:
                check(session, command, arguments)
            result = command.run(session, arguments)
        except Exception as error:
            return self._failed(tag, error)
        if isinstance(result, bytes):
            return self._complete(tag, command, result)
        if isinstance(result, Coroutine):
            return self._wait(tag, command, result)
        self._dialogue = (tag, command, result)
        return self._answered(tag, command, result.begin)

    def _garbage(self, octets: bytes) -> _Outcome:
        if self._session.account is None and is_http(octets):
            self._answers.goodbye(b"This is an IMAP server")
            return None
        tag = tag_of(octets)
        what = b"a tag and a command" if tag == b"*" else b"a command"
        return self._bad(tag, b"expected " + what)

    def _complete(self, tag: bytes, command: Command, text: bytes) -> _Outcome:
        """Answer OK, and what is new before it."""
        session = self._session
        view = session.view
        if view is not None:
            if view.stale or view.behind or view.arriving:
                return self._wait(tag, command, _already(text))
            view.announce(
                expunges=not command.uses_sequence_numbers, with_uid=command.by_uid
            )
        self._put_ok(tag, text)
        return _MORE

    def _put_ok(self, tag: bytes, text: bytes) -> None:
        """Put the tagged OK, behind which all may be compressed."""
        self._answers.ok(tag, text)
        if self._session.compressed is not self._layer.compresses:
            self._layer.change(self._session.take_output())

    async def _wait(
        self, tag: bytes, command: Command, result: Coroutine[Any, Any, bytes]
    ) -> None:
        """Wait for a command, then answer it."""
        session = self._session
        try:
            text = await result
            await session.announce(
                expunges=not command.uses_sequence_numbers, with_uid=command.by_uid
            )
            self._put_ok(tag, text)
        except Exception as error:
            self._failed(tag, error)
        paused = session.pause()
        if paused is not None:
            await paused

    # Refusals.

    def _failed(self, tag: bytes, error: Exception) -> _Outcome:
        self._answers.failed(tag, error)
        return _MORE

    def _bad(self, tag: bytes, text: bytes) -> _Outcome:
        self._answers.bad(tag, text)
        return _MORE

    def _pass_over(self) -> _Outcome:
        """Refuse a command when its line, which is too long, has ended.

        Source: RFC 2683 section 3.2.1.5.
        """
        tag = tag_of(self._framer.so_far(HEAD))
        self._refusal = partial(self._bad, tag, b"Line too long")
        self._framer.pass_over()
        return _MORE

    # Literals.

    def _literal(self, literal: Announced) -> _Outcome:
        if self._refusal is not None:
            # The command is being skipped, and this is one more literal of it.
            return self._refuse_literal(literal, self._refusal)
        head = self._framer.so_far(HEAD)
        found = command_head(head)
        command = COMMANDS.get(found[2].upper()) if found else None
        if found is None:
            return self._argument(literal, head)
        if command is None or self._session.state not in command.states:
            # It is not asked for what would be thrown away (RFC 9051 section 7.6).
            refuse = partial(self._bad, found[1], _unfit(command))
            return self._refuse_literal(literal, refuse)
        if command.appending is None:
            return self._argument(literal, head)
        appending = command.appending(self._session)
        return self._message(literal, found[1], command, appending, found.end())

    def _argument(
        self,
        literal: Announced,
        head: bytes,
        appending: tuple[bytes, Command, Appending] | None = None,
    ) -> _Outcome:
        """Take a literal into its command, or refuse it.

        Args:
            literal: The literal.
            head: How the command begins.
            appending: What goes on behind the literal, if a message has come.
        """
        framer, limits = self._framer, self._limits
        logged_in = self._session.account is not None
        most = limits.command if logged_in else limits.login_command
        if (
            literal.size > limits.literal
            or literal.so_far + literal.size > most
            or self._may_not_come(literal)
        ):
            tag = tag_of(head)
            if appending is not None:
                tag = appending[0]
                appending[-1].discard()
            refuse = partial(self._bad, tag, b"[TOOBIG] Literal too large")
            return self._refuse_literal(literal, refuse)
        framer.gather()
        self._appending = appending
        if literal.synchronizing:
            self._session.put(b"+ OK\r\n")
        return _MORE

    def _may_not_come(self, literal: Announced) -> bool:
        """Tell whether the client had to ask before it sends a literal.

        Source: RFC 7888 section 5 (LITERAL-).
        """
        most = self._limits.unasked_literal
        return bool(most and literal.size > most and not literal.synchronizing)

    def _refuse_literal(
        self, literal: Announced, refuse: Callable[[], _Outcome]
    ) -> _Outcome:
        """Refuse a command at a literal: at once, or when its octets have come."""
        if literal.synchronizing:
            self._refusal = None
            self._framer.drop()
            self._pace.ended()
            return refuse()
        if self._is_absurd(literal.size):
            return None
        self._refusal = refuse
        self._framer.skip()
        return _MORE

    def _is_absurd(self, size: int) -> bool:
        """Say goodbye if a literal is larger than anybody reads to be polite."""
        limits = self._limits
        logged_in = self._session.account is not None
        if size <= (_ABSURD * limits.message_size if logged_in else limits.command):
            return False
        self._answers.goodbye(b"[TOOBIG] Literal too large")
        return True

    # The message of an APPEND.

    def _message(
        self,
        literal: Announced,
        tag: bytes,
        command: Command,
        appending: Appending,
        position: int = 0,
    ) -> _Outcome:
        """Begin to take a message, or refuse it before it comes."""
        octets = self._framer.so_far(literal.so_far)
        cursor = Cursor(octets, position, self._session.utf8)
        try:
            for check in self._session.checks:
                check(self._session, command, None)
            if self._may_not_come(literal):
                raise Rejected(b"[TOOBIG] Literal too large")
            is_message = appending.literal(cursor, literal.size)
        except Exception as error:
            appending.discard()
            return self._refuse_literal(literal, partial(self._failed, tag, error))
        if not is_message:
            kept = (tag, command, appending) if appending.begun else None
            return self._argument(literal, octets, kept)
        if literal.synchronizing:
            return self._invite(literal, tag, command, appending)
        self._take_message(tag, command, appending)
        return _MORE

    async def _invite(
        self, literal: Announced, tag: bytes, command: Command, appending: Appending
    ) -> None:
        """Ask for the message, if there is a mailbox for it."""
        try:
            await appending.check()
        except Exception as error:
            appending.discard()
            self._refuse_literal(literal, partial(self._failed, tag, error))
            return
        self._take_message(tag, command, appending)
        self._session.put(b"+ OK\r\n")

    def _take_message(self, tag: bytes, command: Command, appending: Appending) -> None:
        self._framer.stream()
        appending.begin()
        self._appending = (tag, command, appending)

    def _next_of_message(
        self, tag: bytes, command: Command, appending: Appending
    ) -> _Outcome:
        framer = self._framer
        if framer.streaming:
            octets = framer.next_octets()
            if octets is None:
                return None
            return appending.write(octets) or _MORE
        piece = framer.next_piece()
        if piece is None:
            return None
        self._appending = None
        if isinstance(piece, Announced):
            return self._message(piece, tag, command, appending)
        assert isinstance(piece, bytes)
        self._pace.ended()
        self._session.tag = tag
        cursor = Cursor(piece, utf8=self._session.utf8)
        return self._wait(tag, command, appending.finish(cursor))

    # Dialogues.

    def _next_line(self, tag: bytes, command: Command, dialogue: Dialogue) -> _Outcome:
        line = self._framer.next_line(dialogue.max_line)
        if line is not None:
            self._pace.ended()
            announced = self._framer.skipping
            if announced is not None:
                # The line is answered; what it announced is no command (RFC 7888
                # section 3).
                self._refusal = _no_more
                if self._is_absurd(announced):
                    return None
            return self._answered(tag, command, partial(dialogue.line, line))
        answer = dialogue.woken()
        return None if answer is None else self._converse(tag, command, answer)

    def _answered(
        self, tag: bytes, command: Command, ask: Callable[[], Answer]
    ) -> _Outcome:
        try:
            answer = ask()
        except Exception as error:
            self._dialogue = None
            return self._failed(tag, error)
        if answer is None:
            return _MORE
        if isinstance(answer, bytes):
            self._dialogue = None
            return self._complete(tag, command, answer)
        return self._converse(tag, command, answer)

    async def _converse(
        self, tag: bytes, command: Command, answer: Coroutine[Any, Any, Completed]
    ) -> None:
        try:
            text = await answer
        except Exception as error:
            self._dialogue = None
            self._failed(tag, error)
            return
        if text is not None:
            self._dialogue = None
            await self._wait(tag, command, _already(text))

    def _woken(self) -> None:
        if self._dialogue is not None or self._session.notification is not None:
            self._connection.wake()


def _unfit(command: Command | None) -> bytes:
    """Return what is said of a command that is none, or none of this state."""
    if command is None:
        return b"Unknown command"
    return b"Not a command of this state"


def _no_more() -> _Outcome:
    return _MORE


async def _already(text: bytes) -> bytes:
    return text
