"""One SASL dialogue as lines of base64, for SMTP, IMAP and POP3 alike.

The three differ only in what stands around the base64 (``334 ``, ``+ ``) and in
their replies; what is between is here.

Source: RFC 4954 section 4, RFC 9051 sections 6.2.2 and 9, RFC 5034 section 4.
"""

import binascii
import re
from typing import Any

from mailframe.errors import BadSyntax, LineTooLong
from mailframe.interfaces.auth import ILoginPortal, UnauthorizedLogin
from mailframe.interfaces.connection import IConnection
from mailframe.sasl.encoding import encoded
from mailframe.sasl.mechanism import Answer, Mechanism, Question, Success
from mailframe.sasl.mechanisms import MECHANISMS, source_for

# base64 = *(4base64-char) [base64-terminal]
# base64-terminal = (2base64-char "==") / (3base64-char "=")
# Not a2b_base64's strict mode: it takes "AAAA==".    ; RFC 9051 section 9
_BASE64 = re.compile(
    rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z"
)


class Cancelled(BadSyntax):
    """The client gave up with ``*``.

    Kin of :class:`BadSyntax` since every protocol answers it alike: 501 (RFC
    4954 section 4), ``BAD`` (RFC 9051 section 6.2.2), ``-ERR`` (RFC 5034
    section 4).
    """


class Exchange:
    """One dialogue, from the command to the credentials.

    The caller has looked the name up in
    :func:`mailframe.sasl.mechanisms.offered`. ::

        exchange = Exchange("PLAIN", limits.auth_line, connection)
        turn = exchange.begin(initial)  # or begin() without one
        # again with every line the client sends, its CRLF cut off:
        if isinstance(turn, Question):
            turn = await exchange.ask(turn, portal)
        if isinstance(turn, bytes):
            send(b"334 " + turn + b"\r\n")
            turn = exchange.feed(line)
        else:
            try:
                avatar = await portal.login(turn.credentials, mind, interface)
            except LoginFailed:
                # bytes: a last challenge, to go on with as above; the line
                # that answers it is refused. None: refuse at once.
                turn = exchange.refused()

    An exception ends the dialogue: drop the object. Each of them comes after
    the client's line was read to its end, so the next line is a command.

    Attributes:
        name: The mechanism's, upper case.
    """

    def __init__(
        self,
        name: str,
        max_line: int = 12288,
        connection: IConnection | None = None,
    ) -> None:
        """Begin a dialogue.

        Args:
            name: One of the names ``offered``, in any case.
            max_line: Octets a line of the client may have, CRLF not counted;
                12288 is what RFC 4954 section 4 asks for.
            connection: What carries it. Only PLAIN, LOGIN and ANONYMOUS do
                without.

        Raises:
            BadSyntax: There is no such mechanism.
        """
        carrier: Any = connection
        self.name = name.upper()
        self._mechanism = _named(name)(carrier)
        self._max_line = max_line

    def begin(self, initial: bytes | None = None) -> bytes | Success | Question:
        """Take the initial response of the command, if it had one.

        Args:
            initial: As on the wire: base64, or ``=`` for an empty response;
                ``None`` when the command ended after the mechanism's name.

        Returns:
            As :meth:`feed`.

        Raises:
            LineTooLong, BadSyntax, UnauthorizedLogin: As :meth:`feed`.

        Source: RFC 4954 section 4, RFC 4959 section 3, RFC 5034 section 4.
        """
        if initial is None:
            return encoded(self._mechanism.begin().octets)
        if not self._mechanism.takes_initial_response:
            raise BadSyntax("no initial response with this mechanism")
        return self._step(b"" if initial == b"=" else self._decoded(initial))

    def feed(self, line: bytes) -> bytes | Success | Question:
        """Take the client's next line.

        Args:
            line: Base64 without CRLF; empty for an empty response.

        Returns:
            The next challenge in base64, possibly empty, to be sent after
            ``334 `` or ``+ ``; the credentials, and the dialogue is over; or
            a question for :meth:`ask`.

        Raises:
            Cancelled: The line was ``*``.
            LineTooLong: More than ``max_line`` octets.
            BadSyntax: Not base64, or not what the mechanism's grammar allows.
            UnauthorizedLogin: Nobody can log in with this; answer as if the
                portal had said so.
        """
        if self._mechanism.over:
            # Whatever it is, so that every refusal is counted once.
            raise UnauthorizedLogin("refused")
        if line == b"*":
            raise Cancelled("authentication cancelled")
        return self._step(self._decoded(line))

    async def ask(self, question: Question, portal: ILoginPortal) -> bytes | Success:
        """Put a question to the checker that serves the mechanism.

        Returns:
            As :meth:`feed`.

        Raises:
            BadSyntax, UnauthorizedLogin: As :meth:`feed`.
            TemporaryFailure: The checker cannot tell now.
        """
        answer: Answer = question
        while isinstance(answer, Question):
            checker = source_for(portal, type(self._mechanism))
            answer = answer.go_on(await answer.ask(checker))
        return answer if isinstance(answer, Success) else encoded(answer.octets)

    def refused(self) -> bytes | None:
        """Return what the client is told before the portal's refusal, if anything.

        Returns:
            A last challenge in base64; ``feed`` raises ``UnauthorizedLogin``
            whatever the client answers. ``None``: refuse at once.

        Source: RFC 7628 section 3.2.3.
        """
        last = self._mechanism.refused()
        return None if last is None else encoded(last.octets)

    def _step(self, octets: bytes) -> bytes | Success | Question:
        answer = self._mechanism.respond(octets)
        if isinstance(answer, Success | Question):
            return answer
        return encoded(answer.octets)

    def _decoded(self, line: bytes) -> bytes:
        if len(line) > self._max_line:
            raise LineTooLong(f"at most {self._max_line} octets of base64")
        if not _BASE64.match(line):
            raise BadSyntax("base64")
        return binascii.a2b_base64(line)


def _named(name: str) -> type[Mechanism]:
    for mechanism in MECHANISMS:
        if mechanism.name == name.upper():
            return mechanism
    raise BadSyntax("a mechanism that was offered")
