"""APPEND: a message arrives while it is stored.

The message's octets go to the intake as they come and are never gathered.

Source: RFC 3501 section 6.3.11, RFC 4315 section 3 (APPENDUID).
"""

from collections.abc import Awaitable, Coroutine
from typing import Any, NoReturn

from mailframe.errors import BadSyntax, MailError, MessageTooLarge, NoSuchMailbox
from mailframe.imap.command import LOGGED_IN, Command
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import date_time, flag_list, mailbox
from mailframe.imap.responses import Refused, try_create
from mailframe.imap.session import Session
from mailframe.interfaces.content import IContentWriter
from mailframe.interfaces.mailbox import NewMessage
from mailframe.model.flag import NO_FLAGS


class Appending:
    """One APPEND, from its message literal on.

    Once a write has failed, the rest of the message is thrown away and
    ``finish`` says why.
    """

    def __init__(self, session: Session, cursor: Cursor, size: int) -> None:
        """Read the arguments before the message.

        ``append = "APPEND" SP mailbox [SP flag-list] [SP date-time] SP literal``

        Args:
            session: Whose command it is.
            cursor: At the mailbox; the octets end where the literal begins.
            size: Octets the literal will have.

        Raises:
            BadSyntax: They are not that.
            BadMailboxName: No mailbox can have this name.
            MessageTooLarge: More octets than a message may have.

        Source: RFC 3501 section 9 (append).
        """
        self._session = session
        self._name = mailbox(cursor)
        cursor.space()
        self._flags = NO_FLAGS
        self._date: int | None = None
        if cursor.peek() == b"(":
            self._flags = flag_list(cursor)
            cursor.space()
        if cursor.peek() == b'"':
            self._date = date_time(cursor)
            cursor.space()
        if cursor.rest():
            cursor.fail("a message as a literal")
        if size > session.limits.message_size:
            raise MessageTooLarge(str(size))
        if not size:
            raise Refused(b"[CANNOT] A message cannot be empty")
        self._writer: IContentWriter | None = None
        self._error: Exception | None = None

    async def check(self) -> None:
        """Tell early whether the mailbox is there.

        Raises:
            Refused: It is not.
        """
        try:
            await self._session.mail.status(self._name)
        except NoSuchMailbox:
            raise try_create() from None

    def begin(self) -> None:
        """Begin to take octets."""
        try:
            self._writer = self._session.intake.begin()
        except MailError as error:
            self._error = error

    def write(self, octets: bytes) -> Coroutine[Any, Any, None] | None:
        """Take octets of the message; return what has to be run first, if any."""
        if self._writer is None:
            return None
        try:
            waiting = self._writer.write(octets)
        except Exception as error:
            self._fail(error)
            return None
        return None if waiting is None else self._written(waiting)

    async def _written(self, waiting: Awaitable[None]) -> None:
        try:
            await waiting
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._error = error
        self.discard()

    def discard(self) -> None:
        """Forget the message. Calling again is nothing."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.discard()

    async def finish(self, rest: bytes) -> bytes:
        """Store the message, and return the text of the tagged OK.

        Args:
            rest: What came after the message.

        Raises:
            BadSyntax: There was something.
            Refused: There is no such mailbox.
            MailError: It was not stored.
        """
        if rest:
            self.discard()
            raise BadSyntax("the end of the command")
        writer, self._writer = self._writer, None
        if writer is None:
            assert self._error is not None
            raise self._error
        session = self._session
        try:
            content = await writer.finish()
        except BaseException:
            writer.discard()
            raise
        try:
            appended = await session.mail.append(
                self._name,
                [NewMessage(content, flags=self._flags, date=self._date)],
            )
        except NoSuchMailbox:
            raise try_create() from None
        finally:
            content.close()
        if session.view is not None:
            session.view.stale = True
        return b"[APPENDUID %d %d] APPEND completed" % (
            appended.uid_validity,
            appended.uids[0],
        )


def _without_message(cursor: Cursor) -> NoReturn:
    # With a message the server makes an Appending instead.
    raise BadSyntax("a message as a literal", len(cursor.octets))


def _never(session: Session, arguments: Any) -> bytes:
    raise AssertionError("APPEND without a message was parsed")


APPEND = Command(b"APPEND", LOGGED_IN, _never, _without_message)
COMMANDS = (APPEND,)
