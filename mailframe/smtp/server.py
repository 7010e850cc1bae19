"""SMTP, submission and LMTP: octets in, steps and octets out.

One command is dealt with at a time, its answer put before the next is looked
at. Most commands are answered in ``next_step`` itself; MAIL, RCPT, VRFY, a
login and the end of a message are steps.

Source: RFC 5321, RFC 2033 (LMTP), RFC 6409 (submission).
"""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from zope.interface import implementer

from mailframe.errors import (
    BadSyntax,
    LineTooLong,
    MailError,
    NoSuchContent,
    TemporaryFailure,
)
from mailframe.interfaces.auth import ILoginPortal
from mailframe.interfaces.connection import IConnection, IServer
from mailframe.interfaces.content import IContent
from mailframe.interfaces.delivery import IMailReceiver, IMailTransaction
from mailframe.limits import SMTPLimits
from mailframe.pace import Pace
from mailframe.smtp import replies
from mailframe.smtp.capabilities import ALL_VERBS, COMMANDS_OF, EXTENSIONS
from mailframe.smtp.chunk import PassedOver
from mailframe.smtp.command import Step
from mailframe.smtp.framing import Received
from mailframe.smtp.judge import ContentJudge
from mailframe.smtp.options import SMTPOptions
from mailframe.smtp.session import Session

# Python looks for a number in octets ten times as fast as for an octet.
_CR, _LF = b"\r\n"

_PIECE = 65_536
"""Octets read at once of what a URL means."""


@implementer(IServer)
class SMTPServer:
    """One session."""

    def __init__(
        self,
        receiver: IMailReceiver,
        *,
        portal: ILoginPortal | None,
        service: str,
        hostname: str,
        limits: SMTPLimits,
        report: Callable[[BaseException], None],
        now: Callable[[], float],
        options: SMTPOptions | None = None,
    ) -> None:
        """Prepare a session.

        Args:
            receiver: Takes the mail, and decides all policy.
            portal: Who may log in; ``None`` for nobody. Asked on submission.
            service: ``smtp``; ``submission``, where a login comes before any
                mail; or ``lmtp``, with a verdict for each recipient.
            hostname: Our own name.
            limits: What the client may use.
            report: Takes our own bugs.
            now: Seconds since 1970.
            options: What the operator decided about the service.
        """
        self._session = Session(
            receiver,
            portal=portal,
            service=service,
            hostname=hostname,
            limits=limits,
            report=report,
            seconds=now,
            options=options or SMTPOptions(),
            extensions=EXTENSIONS,
        )
        self._commands = COMMANDS_OF[service]
        self._received = Received()
        self._pace = Pace(limits.timeout)
        self._paced: object = None
        self._refused: bytes | None = None
        self._running = False
        self._stopping = False
        self._unwelcome = False

    @property
    def timeout(self) -> float | None:
        """Seconds of silence allowed now (RFC 5321 section 4.5.3.2)."""
        return self._pace.left

    @property
    def closing(self) -> bool:
        """Whether the session is over."""
        return self._session.closing

    @property
    def starting_tls(self) -> bool:
        """Whether TLS begins now."""
        return self._session.starting_tls

    def connected(self, connection: IConnection) -> None:
        """Greet, unless the doorkeeper is to be asked (RFC 5321 section 4.3.1)."""
        self._session.connection = connection
        self._session.arriving = True
        if self._session.doorkeeper is None:
            self._greet()

    def _greet(self) -> None:
        session = self._session
        session.arriving = False
        kind = "LMTP" if session.service == "lmtp" else "ESMTP"
        session.put(replies.reply(220, "", f"{session.hostname} {kind}"))

    def receive(self, octets: bytes) -> None:
        """Take what the transport read."""
        self._pace.came(len(octets), self._session.seconds())
        self._received.receive(octets)

    def next_step(self) -> Step | None:
        """Deal with what has come, up to what has to wait."""
        session = self._session
        if self._pace.left <= 0 and not session.closing:
            self.timed_out()
        while not (session.closing or session.starting_tls):
            if session.arriving:
                if session.doorkeeper is not None:
                    session.arriving = False
                    return self._run(self._admit())
                self._greet()
            step: Step | None
            if session.source is not None:
                step = self._fetch(session.source)
            elif session.data is not None:
                step = self._read_content()
                if step is None and session.data is not None:
                    return None
            else:
                try:
                    line = self._received.next_line(self._max_line())
                except LineTooLong as error:
                    self._pass_over(error)
                    step = None
                else:
                    if line is None:
                        if self._received.passed <= session.limits.passed_over:
                            return None
                        session.close(replies.TOO_MANY_ERRORS)
                        break
                    step = self._run_line(line)
            if step is not None:
                return self._run(step)
            self._go_on()
        return None

    def take_output(self) -> bytes:
        """Return what is to be sent."""
        return self._session.take_output()

    def tls_started(self) -> None:
        """Forget all that came before (RFC 3207 section 4.2)."""
        self._received.forget()
        self._session.begin_tls_anew()

    def timed_out(self) -> None:
        """Say goodbye (RFC 5321 section 3.8)."""
        self._session.close(replies.TIMED_OUT)

    def shut_down(self) -> None:
        """Say goodbye, after the answer that is being made."""
        self._stopping = True
        if not self._running:
            self._go_on()

    def lost(self) -> Coroutine[Any, Any, None] | None:
        """Drop the transaction and log out."""
        session = self._session
        session.take_line = None
        session.end_transaction()
        session.leave()
        try:
            left = session.log_out()
        except Exception as error:
            session.report(error)
            return None
        return None if left is None else self._log_out(left)

    async def _log_out(self, left: Awaitable[Any]) -> None:
        try:
            await left
        except Exception as error:
            self._session.report(error)

    def _max_line(self) -> int:
        limits = self._session.limits
        if self._session.take_line is None:
            return limits.command_line
        return limits.auth_line + 2

    def _pass_over(self, error: LineTooLong) -> None:
        session = self._session
        if session.take_line is None:
            self._answer(error)
        else:
            session.take_line = None
            session.put(replies.LOGIN_LINE_TOO_LONG)

    def _run_line(self, line: bytes) -> Step | None:
        """Answer a line, or return what does."""
        session = self._session
        if session.take_line is not None:
            return session.take_line(line)
        verb, _, argument = line.partition(b" ")
        verb = verb.rstrip(b"\t").upper()
        command = self._commands.get(verb)
        if _CR in line or _LF in line:
            session.put(replies.BARE_LINE_END)
        elif self._unwelcome and verb != b"QUIT":
            session.put(replies.UNWELCOME)
        elif command is None:
            known = verb in ALL_VERBS
            session.put(replies.NOT_HERE if known else replies.UNKNOWN_COMMAND)
        else:
            if not command.moves_mail:
                session.idle += 1
            try:
                # Lenient: white space before CRLF (RFC 5321 section 4.1.1).
                return command.run(session, _text(argument).strip(" \t"))
            except Exception as error:
                self._answer(error)
        return None

    async def _admit(self) -> None:
        """Ask the doorkeeper (RFC 5321 section 3.1)."""
        session = self._session
        self._unwelcome = False
        try:
            await session.doorkeeper.connected(session.origin())
        except TemporaryFailure as error:
            session.close(replies.greeting_refusal(421, session.hostname, error))
        except MailError as error:
            session.put(replies.greeting_refusal(554, session.hostname, error))
            self._unwelcome = True
        except Exception as error:
            session.report(error)
            session.close(replies.NOT_NOW)
        else:
            self._greet()

    async def _run(self, step: Step) -> None:
        self._running = True
        self._pace.stop()
        try:
            await step
        except Exception as error:
            self._answer(error)
        finally:
            self._running = False
        self._go_on()
        self._pace.go_on(self._session.seconds())

    def _go_on(self) -> None:
        """End a session that has used up a limit; else it has time for what comes.

        All chunks of a message share one, with what lies between them: there may
        be as many as octets.
        """
        session = self._session
        limits = session.limits
        if session.closing:
            return
        if session.errors >= limits.errors:
            session.close(replies.TOO_MANY_ERRORS)
        elif session.idle >= limits.idle_commands:
            session.close(replies.TOO_MANY_COMMANDS)
        elif self._stopping:
            session.close(replies.SHUTTING_DOWN)
        content = session.chunks or session.data
        if content is None:
            self._pace.begin(limits.timeout)
        elif content is not self._paced:
            self._pace.begin(limits.data_timeout, limits.data_rate, begun=True)
        self._paced = content

    def _answer(self, error: Exception) -> None:
        """Turn what a command raised into its reply."""
        if isinstance(error, BadSyntax):
            self._session.put(replies.bad_syntax(error))
        elif isinstance(error, MailError):
            self._session.put(replies.refusal(error))
        else:
            self._session.report(error)
            self._session.put(replies.OUR_BUG)

    def _read_content(self) -> Step | None:
        """Hand on what has come of a message; return what has to wait, if any."""
        session, received = self._session, self._received
        reader, transaction = session.data, session.transaction
        assert reader is not None
        content, received.start = reader.read(received.octets, received.start)
        if isinstance(reader, PassedOver):
            if reader.paused:
                session.data = None
                session.put(reader.answer)
            return None
        assert transaction is not None
        waiting = None
        if content and self._refused is None and not reader.refused:
            try:
                waiting = transaction.write(content)
            except Exception as error:
                self._refused = self._session.refusal(error)
        if reader.done:
            return self._finish(waiting)
        # A chunk's end is known, and bounded, before it comes.
        most = session.limits.message_size + session.limits.unwanted
        if session.chunks is None and reader.size > most:
            self._break_off(reader)
            return None
        if reader.paused:
            if waiting is not None:
                return self._end_chunk(waiting)
            self._answer_chunk()
            return None
        return None if waiting is None else self._wait(waiting)

    def _break_off(self, reader: ContentJudge) -> None:
        """Answer a message that is too large and does not end; then the session ends.

        The client may read one of the two replies as that to the message, and is
        then told not to send it again.
        """
        session = self._session
        refused = self._fault(reader)
        assert refused is not None
        session.put(refused * (session.accepted if session.service == "lmtp" else 1))
        session.end_transaction()
        session.close(replies.TOO_MUCH_UNWANTED)

    async def _fetch(self, source: IContent) -> None:
        """Read a chunk from where BURL found it.

        Source: RFC 4468 section 3.2.
        """
        session = self._session
        reader, transaction = session.chunks, session.transaction
        assert reader is not None
        assert transaction is not None
        start = 0
        try:
            while start < source.size:
                octets = await source.read(start, start + _PIECE)
                if not octets:
                    raise NoSuchContent("it ended early")
                start += len(octets)
                content, _ = reader.read(octets, 0)
                if content and self._refused is None and not reader.refused:
                    await self._write(transaction, content)
            if not source.size:
                reader.read(b"", 0)
        except Exception as error:
            self._refused = None
            session.end_transaction()
            if isinstance(error, MailError):
                return session.put(replies.url_refusal(error))
            raise
        session.source = None
        source.close()
        if reader.done:
            return await self._finish(None)
        self._answer_chunk()

    async def _write(self, transaction: IMailTransaction, content: bytes) -> None:
        try:
            waiting = transaction.write(content)
            if waiting is not None:
                await waiting
        except Exception as error:
            self._refused = self._session.refusal(error)

    async def _wait(self, waiting: Awaitable[None]) -> None:
        try:
            await waiting
        except Exception as error:
            self._refused = self._session.refusal(error)

    async def _end_chunk(self, waiting: Awaitable[None]) -> None:
        await self._wait(waiting)
        self._answer_chunk()

    def _answer_chunk(self) -> None:
        """Answer a chunk that is not the last; a refusal ends the transaction.

        Source: RFC 3030 section 2.
        """
        session = self._session
        reader = session.chunks
        assert reader is not None
        session.data = None
        refused = self._fault(reader)
        if refused is None:
            return session.put(replies.chunk_taken(reader.chunk_size))
        self._refused = None
        session.end_transaction()
        session.put(refused)

    def _fault(self, reader: ContentJudge) -> bytes | None:
        """Return the reply to what is wrong with the content; it is at its end."""
        fault = self._refused
        if reader.bare:
            fault = replies.BARE_IN_MESSAGE
        elif reader.long_line:
            fault = replies.LONG_LINE
        elif reader.too_large:
            fault = replies.TOO_LARGE
        if fault is not None:
            self._session.note_refusal(fault)
        return fault

    async def _finish(self, waiting: Awaitable[None] | None) -> None:
        """Answer the end of a message (RFC 5321 section 4.1.1.4)."""
        session = self._session
        if waiting is not None:
            await self._wait(waiting)
        answers = await self._verdicts()
        if session.service != "lmtp":
            answers = [_for_all(answers)]
        self._refused = None
        session.messages += 1
        session.idle = 0
        for answer in answers:
            if answer.startswith(b"2"):
                session.errors = 0
        session.end_transaction()
        session.put(b"".join(answers))

    async def _verdicts(self) -> list[bytes]:
        """Return the answer for each recipient."""
        session = self._session
        reader, transaction = session.data, session.transaction
        assert reader is not None
        assert transaction is not None
        assert not isinstance(reader, PassedOver)
        refused = self._fault(reader)
        if refused is None:
            try:
                verdicts: Sequence[MailError | None] = await transaction.finish()
                if len(verdicts) != session.accepted:
                    raise ValueError("as many verdicts as recipients, please")
            except Exception as error:
                refused = self._session.refusal(error)
            else:
                # It is the receiver's now: there is nothing to abort.
                session.transaction = None
                taken = replies.message_taken(transaction.id)
                return [
                    taken if verdict is None else self._session.refusal(verdict)
                    for verdict in verdicts
                ]
        return [refused] * session.accepted


def _text(argument: bytes) -> str:
    try:
        return argument.decode()
    except UnicodeDecodeError:
        raise BadSyntax("ASCII or UTF-8") from None


def _for_all(answers: Sequence[bytes]) -> bytes:
    """Return the one answer that is right for every recipient.

    When it went well for some and not for others no answer is; then the
    client is asked to come again: some get the message twice, and nobody goes
    without. RFC 5321 section 4.4 wants it taken and a report sent instead.
    """
    if answers.count(answers[0]) == len(answers):
        return answers[0]
    if all(answer.startswith(b"5") for answer in answers):
        return answers[0]
    return replies.NOT_FOR_ALL
