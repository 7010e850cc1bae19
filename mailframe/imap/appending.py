"""Messages on their way from a client into a mailbox: APPEND and its like.

Text and message octets come in turns. The server reads the text up to each
literal, hands it to an :class:`Appending`, and streams the literal's octets into
it; they go to the intake as they come and are never gathered.

What a message may be made of is in :mod:`.message_data`.

Source: RFC 9051 section 6.3.12, RFC 4466 section 3 (append-ext), RFC 3502.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from copy import copy
from itertools import chain
from typing import Any

from mailframe.errors import (
    BadSyntax,
    LimitExceeded,
    MailError,
    MessageTooLarge,
    NoSuchContent,
    NoSuchMailbox,
)
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import atom, date_time, flag_list, mailbox
from mailframe.imap.message_data import (
    APPEND_DATA,
    ArgumentComes,
    MessageData,
    bad_url,
    url_of_message,
)
from mailframe.imap.message_url import Excerpt, open_excerpt
from mailframe.imap.responses import Refused, try_create
from mailframe.imap.sequence import set_in_order
from mailframe.imap.session import Session
from mailframe.interfaces.access import IAccessControl
from mailframe.interfaces.content import IContent, IContentWriter
from mailframe.interfaces.mailbox import NewMessage
from mailframe.model.flag import NO_FLAGS, FlagSet
from mailframe.model.imap_url import IMAPURL
from mailframe.model.mailbox import Appended, MailboxName

_HEADER_ENDS = (b"\r\n\r\n", b"\n\n")

_Part = IContentWriter | IMAPURL
"""Of what a message is put together."""


class _Header:
    """Watches a message as it comes for octets above 127 in its header.

    Source: RFC 6855 section 4.
    """

    def __init__(self) -> None:
        self._tail = b""
        self._over = False

    def is_plain(self, octets: bytes) -> bool:
        """Tell whether more octets of the message have none in the header."""
        if self._over:
            return True
        text = self._tail + octets
        ends = [at for end in _HEADER_ENDS if (at := text.find(end)) >= 0]
        if ends:
            self._over = True
            text = text[: min(ends)]
        self._tail = text[-3:]
        return text.isascii()


class Appending:
    """One command that appends messages, from its first literal on.

    Once something has failed, what still comes is thrown away and ``finish``
    says why.

    Attributes:
        session: Whose command it is.
        name: Where to.
        several: Whether more than one message may come (RFC 3502).
    """

    several = True

    def __init__(self, session: Session) -> None:
        """Begin before the arguments."""
        self.session = session
        self.name: MailboxName | None = None
        self._flags: FlagSet = NO_FLAGS
        self._date: int | None = None
        self._data: MessageData | None = None
        self._header: _Header | None = None
        self._writer: IContentWriter | None = None
        self._parts: list[_Part] = []
        self._octets = 0
        self._kept: list[tuple[list[_Part], FlagSet, int | None]] = []
        self._error: Exception | None = None
        self._streamed = False

    # The arguments.

    def arguments(self, cursor: Cursor) -> bool:
        """Read what comes before the first message.

        Returns:
            False when the cursor ends where the name of the mailbox has to
            come: then that is the literal.

        Raises:
            BadSyntax: It is something else.
            BadMailboxName: No mailbox can have this name.
        """
        cursor.space()
        if not cursor.rest():
            return False
        self.name = mailbox(cursor)
        return True

    def literal(self, cursor: Cursor, size: int) -> bool:
        """Read the text before a literal.

        Args:
            cursor: At the text; the octets end where the literal begins.
            size: Octets the literal will have.

        Returns:
            Whether it is part of a message; else it is an argument.

        Raises:
            BadSyntax: The text is not what it has to be.
            MessageTooLarge: More octets than a message may have.
            LimitExceeded: More messages than a command may have.
            MailError: Something failed before.
        """
        if self._error is not None:
            raise self._error
        if self.name is None and not self.arguments(cursor):
            return False
        before = self._state()
        try:
            if not self._read(cursor):
                cursor.fail("the end of the command")
        except ArgumentComes:
            # All of it is read once more, with the argument.
            self._restore(*before)
            return False
        assert self._data is not None
        self._octets += size
        if self._octets > self.session.limits.message_size:
            raise MessageTooLarge(str(self._octets))
        if not size and not self._data.in_parts:
            # This is also how a client cancels the command (RFC 3502).
            raise _empty()
        return True

    def _state(self) -> "tuple[Any, ...]":
        flags = self.name, self._flags, self._date
        return flags, copy(self._data), list(self._parts), list(self._kept)

    def _restore(self, flags: Any, data: Any, parts: Any, kept: Any) -> None:
        self.name, self._flags, self._date = flags
        self._data, self._parts, self._kept = data, parts, kept

    def _read(self, cursor: Cursor) -> bool:
        """Read to the end; tell whether octets of a message come there."""
        try:
            while True:
                if self._data is not None:
                    complete = self._data.read(cursor)
                    self._parts += map(url_of_message, self._data.urls)
                    self._data.urls = []
                    if len(self._parts) > self.session.limits.append_messages:
                        raise LimitExceeded("too many parts")
                    if not complete:
                        return True
                    self._keep()
                if not cursor.rest():
                    return False
                self._options(cursor)
        except ArgumentComes:
            raise
        except BadSyntax as error:
            if self._streamed:
                # What came before was not kept: the place would mean nothing.
                raise BadSyntax(error.expected) from None
            raise

    def _options(self, cursor: Cursor) -> None:
        """Read ``[SP flag-list] [SP date-time] SP`` before a message.

        Source: RFC 9051 section 9 (append-opts), RFC 4466 section 3.
        """
        if self._kept and (not self.several or cursor.peek() != b" "):
            cursor.fail("the end of the command")
        limits = self.session.limits
        most = limits.messages or limits.saved_messages
        if most and len(self._kept) >= most:
            raise Refused(b"[MESSAGELIMIT %d] Too many messages" % most)
        if len(self._kept) >= limits.append_messages:
            raise LimitExceeded("too many messages")
        cursor.space()
        self._flags, self._date = NO_FLAGS, None
        if cursor.peek() == b"(":
            self._flags = flag_list(cursor)
            cursor.space()
        if cursor.peek() == b'"':
            self._date = date_time(cursor)
            cursor.space()
        make: Callable[[], MessageData] = MessageData
        if cursor.peek().isalpha():
            start = cursor.position
            name = atom(cursor).upper()
            if name not in APPEND_DATA:
                raise BadSyntax("a message as a literal", start)
            make = APPEND_DATA[name]
        self._data, self._octets = make(), 0

    def _keep(self) -> None:
        """Put a complete message aside."""
        parts, self._parts, self._data = self._parts, [], None
        if parts:
            self._kept.append((parts, self._flags, self._date))

    async def check(self) -> None:
        """Tell early whether the mailbox is there.

        Raises:
            Refused: It is not.
            NotPermitted: This user may not put messages there.
        """
        assert self.name is not None
        control = IAccessControl(self.session.mail, None)
        try:
            if control is None:
                await self.session.mail.status(self.name)
            else:
                await control.may_append(self.name)
        except NoSuchMailbox:
            raise try_create() from None

    # The octets.

    @property
    def begun(self) -> bool:
        """Whether octets of a message have come."""
        return self._streamed

    def begin(self) -> None:
        """Begin to take octets of a literal."""
        self._streamed = True
        if self._error is None:
            # What is put together is looked at when that is done.
            assert self._data is not None
            looking = not (self.session.utf8 or self._data.in_parts)
            self._header = _Header() if looking else None
            try:
                self._writer = self.session.intake.begin()
                self._parts.append(self._writer)
            except MailError as error:
                self._fail(error)

    def write(self, octets: bytes) -> Coroutine[Any, Any, None] | None:
        """Take octets of a message; return what has to be run first, if any."""
        if self._writer is None or self._data is None:
            return None
        if self._data.binary and b"\0" in octets:
            self._fail(Refused(b"[UNKNOWN-CTE] A message cannot have a NUL"))
            return None
        if self._header is not None and not self._header.is_plain(octets):
            self._fail(_not_plain())
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
        """Forget all messages. Calling again is nothing."""
        self._writer = None
        parts, self._parts = self._parts, []
        kept, self._kept = self._kept, []
        _discard([*parts, *chain.from_iterable(one for one, _, _ in kept)])

    # The end.

    async def finish(self, cursor: Cursor) -> bytes:
        """Store the messages, and return the text of the tagged OK.

        Args:
            cursor: At what came after the last literal.

        Raises:
            BadSyntax: It is not the end of the command.
            Refused: There is no such mailbox.
            MailError: They were not stored, none of them.
        """
        contents: list[IContent] = []
        try:
            if self._error is not None:
                raise self._error
            if self._read(cursor):
                cursor.fail("a message as a literal")
            if not self._kept:
                cursor.fail("a message as a literal")
            messages = []
            while self._kept:
                parts, flags, date = self._kept.pop(0)
                content = await self._content(parts)
                contents.append(content)
                if not content.size:
                    raise _empty()
                messages.append(NewMessage(content, flags=flags, date=date))
            return await self.store(messages)
        except NoSuchMailbox:
            raise try_create() from None
        finally:
            self.discard()
            for content in contents:
                content.close()

    async def _content(self, parts: list[_Part]) -> IContent:
        """Return one message, whose parts are used up.

        Raises:
            MailError: It cannot be put together.
        """
        if len(parts) == 1 and not isinstance(parts[0], IMAPURL):
            return await _finished(parts[0])
        try:
            return await self._joined(parts)
        finally:
            _discard(parts)

    async def _joined(self, parts: list[_Part]) -> IContent:
        """Put parts together, a piece at a time.

        Source: RFC 4469 sections 3 and 4.
        """
        header = None if self.session.utf8 else _Header()
        writer = self.session.intake.begin()
        size = 0
        try:
            while parts:
                source = await self._source(parts[0])
                del parts[0]
                try:
                    size += source.size
                    if size > self.session.limits.message_size:
                        raise MessageTooLarge(str(size))
                    async for piece in source.pieces():
                        if header is not None and not header.is_plain(piece):
                            raise _not_plain()
                        waiting = writer.write(piece)
                        if waiting is not None:
                            await waiting
                finally:
                    source.close()
            return await writer.finish()
        except BaseException:
            writer.discard()
            raise

    async def _source(self, part: _Part) -> Excerpt:
        if not isinstance(part, IMAPURL):
            content = await _finished(part)
            return Excerpt(content, 0, content.size)
        view = self.session.view
        here = None if view is None else view.mailbox.name
        try:
            return await open_excerpt(self.session.mail, part, here)
        except NoSuchContent:
            raise bad_url(part.rump.encode()) from None

    async def store(self, messages: list[NewMessage]) -> bytes:
        """Store complete messages, and return the text of the tagged OK.

        Raises:
            NoSuchMailbox: There is no such mailbox.
            MailError: They were not stored, none of them.
        """
        session = self.session
        assert self.name is not None
        appended = await session.mail.append(self.name, messages)
        if session.view is not None:
            session.view.stale = True
        session.made(self.name, flags_by_uid(appended, messages))
        return append_uid(appended) + b"APPEND completed"


def _empty() -> Refused:
    return Refused(b"[CANNOT] A message cannot be empty")


def _not_plain() -> Refused:
    return Refused(b"[CANNOT] ENABLE UTF8=ACCEPT before such a header")


def _discard(parts: Iterable[_Part]) -> None:
    for part in parts:
        if not isinstance(part, IMAPURL):
            part.discard()


async def _finished(writer: IContentWriter) -> IContent:
    try:
        return await writer.finish()
    except BaseException:
        writer.discard()
        raise


def flags_by_uid(
    appended: Appended, messages: Iterable[NewMessage]
) -> dict[int, FlagSet]:
    """Return the flags that appended messages were given, by their UIDs."""
    flags = (message.flags for message in messages)
    return dict(zip(appended.uids, flags, strict=True))


def append_uid(appended: Appended) -> bytes:
    """Return the APPENDUID response code and a space, or nothing.

    Source: RFC 4315 section 3, RFC 9051 sections 6.3.12 (whom it is not told) and
    7.1 (APPENDUID).
    """
    if not appended.readable:
        return b""
    uids = set_in_order(list(appended.uids))
    return b"[APPENDUID %d %b] " % (appended.uid_validity, uids)
