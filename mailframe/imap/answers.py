"""What is said at the end of a command, and at that of a session.

Source: RFC 3501 sections 7.1 and 7.1.5.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from mailframe.errors import BadSyntax, MailError
from mailframe.imap.fetch import BrokenLiteral
from mailframe.imap.responses import SERVER_BUG, bad_syntax, refusal
from mailframe.imap.session import Session
from mailframe.limits import IMAPLimits


class Answers:
    """Says it, and ends the session of a client that errs too often."""

    def __init__(
        self,
        session: Session,
        limits: IMAPLimits,
        report: Callable[[BaseException], None],
    ) -> None:
        """Say nothing yet.

        Args:
            session: Takes what is said.
            limits: What a client may do wrong.
            report: Takes our own bugs.
        """
        self._session = session
        self._limits = limits
        self._report = report
        self._errors = 0
        self._running = False
        self._parting: bytes | None = None

    def ok(self, tag: bytes, text: bytes) -> None:
        """Say OK, with the response code that is owed, if any."""
        view = self._session.view
        if view is not None:
            last_done = view.take_last_done()
            if text.startswith(b"["):
                view.tell_code()
            else:
                text = view.take_code() + text
            if last_done:
                code = b"[MESSAGELIMIT %d %d] " % (view.limit, last_done)
                if text.startswith(b"["):
                    self._session.say(b"* NO %bNot all messages\r\n" % code)
                else:
                    text = code + text
        self._session.say(b"%b OK %b\r\n" % (tag, text))

    def failed(self, tag: bytes, error: Exception) -> None:
        """Say what went wrong, as its family demands."""
        session = self._session
        if isinstance(error, BadSyntax):
            self.bad(tag, bad_syntax(error))
            return
        if isinstance(error, BrokenLiteral):
            # Whatever came now would be taken for the rest of the literal.
            self._report(error)
            self._parting = None
            session.closing = True
            return
        if session.view is not None:
            session.view.tell_code()
            session.view.take_last_done()
        if isinstance(error, MailError):
            session.say(b"%b NO %b\r\n" % (tag, refusal(error)))
        else:
            self._report(error)
            session.say(b"%b NO %b\r\n" % (tag, SERVER_BUG))
        if session.account is None and (
            session.failed_logins >= self._limits.login_attempts
        ):
            self.goodbye(b"Too many failed logins")

    def bad(self, tag: bytes, text: bytes) -> None:
        """Say BAD."""
        self._session.say(b"%b BAD %b\r\n" % (tag, text))
        self._errors += 1
        if self._errors >= self._limits.errors:
            self.goodbye(b"Too many errors")

    def goodbye(self, text: bytes) -> None:
        """End the session; the second time is nothing."""
        if not self._session.closing:
            self._session.closing = True
            self._session.say(b"* BYE %b\r\n" % text)

    def leave(self, text: bytes) -> None:
        """Say goodbye unasked, but not into a response that is being sent."""
        if self._running and not self._session.closing:
            self._session.closing = True
            self._parting = text
        else:
            self.goodbye(text)

    async def during(self, step: Coroutine[Any, Any, None]) -> None:
        """Run a step; what was to be said meanwhile is said after it."""
        self._running = True
        try:
            await step
        finally:
            self._running = False
        if self._parting is not None:
            self._session.say(b"* BYE %b\r\n" % self._parting)
