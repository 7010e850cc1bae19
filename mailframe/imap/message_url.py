"""What a URL of a message means: octets of the message, to be read in pieces.

Only the parts of a message make it necessary to look at more than the octets
that are wanted.

Source: RFC 5092 section 6.
"""

from collections.abc import AsyncIterator

from zope.interface import implementer

from mailframe.errors import (
    BadMailboxName,
    BadSyntax,
    MessageGone,
    NoSuchContent,
    NoSuchMailbox,
)
from mailframe.imap.cursor import Cursor
from mailframe.imap.loading import PIECE, read_octets
from mailframe.imap.section import Parts, Section, SectionText, section
from mailframe.interfaces.content import IContent
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.mime.structure import structure
from mailframe.model.imap_url import IMAPURL
from mailframe.model.mailbox import MailboxName, mailbox_name
from mailframe.model.uid_set import UIDSet


@implementer(IContent)
class Excerpt:
    """Some octets of a content, which goes when this is closed.

    Attributes:
        size: How many.
    """

    octets = None
    path = None

    def __init__(
        self, content: IContent, start: int, stop: int, octets: bytes | None = None
    ) -> None:
        """Hold a content.

        Args:
            content: Closed by ``close``.
            start: The first octet meant.
            stop: The one behind the last.
            octets: What is meant instead, as it is not in one piece.
        """
        self._content = content
        self._start = start
        self._octets = octets
        self.size = stop - start if octets is None else len(octets)

    async def read(self, start: int, stop: int) -> bytes:
        """Return some of the octets.

        Raises:
            MessageGone: They are not there any more.
            TemporaryFailure: They cannot be read now.
        """
        stop = min(stop, self.size)
        if self._octets is not None:
            return self._octets[start:stop]
        octets = await self._content.read(self._start + start, self._start + stop)
        if len(octets) != max(stop - start, 0):
            raise MessageGone("its content ended early")
        return octets

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the octets, some at a time.

        Raises:
            MessageGone: They are not there any more.
            TemporaryFailure: They cannot be read now.
        """
        for start in range(0, self.size, PIECE):
            yield await self.read(start, start + PIECE)

    def close(self) -> None:
        """Let go of the content."""
        self._content.close()


class MessageAt:
    """The message that a URL means, opened.

    Attributes:
        section: What of it is meant.
    """

    def __init__(
        self, content: IContent, url: IMAPURL, wanted: Section, header_size: int
    ) -> None:
        """Hold a message; see :func:`open_message`.

        Args:
            content: Its octets.
            url: What led to it.
            wanted: The section that has.
            header_size: Octets of its header, if that matters to the section.
        """
        self._content = content
        self._url = url
        self.section = wanted
        self._header_size = header_size
        self._parsed: Parts | None = None

    async def parts(self) -> Parts:
        """Return what its section needs to know of it."""
        if self.section.numbers:
            return await self.parsed()
        return Parts(self._content.size, self._header_size, None, None)

    async def parsed(self) -> Parts:
        """Return all its parts; the octets themselves are not held."""
        if self._parsed is None:
            size = self._content.size
            root = structure(await read_octets(self._content, size))
            self._parsed = Parts(size, root.body_start, None, root)
        return self._parsed

    async def octets(self, stop: int) -> bytes:
        """Return its first octets."""
        return await read_octets(self._content, stop)

    async def excerpt(self) -> Excerpt:
        """Return what the URL means; the message goes with it.

        Raises:
            NoSuchContent: There is no such part.
        """
        extent = self.section.extent(await self.parts())
        if extent is None:
            raise NoSuchContent("no such part")
        start, stop = extent
        if not self.section.names:
            return Excerpt(self._content, *self.narrowed(start, stop))
        octets = self.section.filtered(await self._content.read(start, stop))
        first, last = self.narrowed(0, len(octets))
        return Excerpt(self._content, 0, 0, octets[first:last])

    def narrowed(self, start: int, stop: int) -> tuple[int, int]:
        """Return what ``;PARTIAL=`` leaves of some octets.

        Source: RFC 5092 section 6 (ipartial).
        """
        start = min(start + self._url.first, stop)
        if self._url.count is not None:
            stop = min(start + self._url.count, stop)
        return start, stop

    def close(self) -> None:
        """Let go of the message."""
        self._content.close()


async def open_message(
    account: IMailAccount, url: IMAPURL, here: MailboxName | None = None
) -> MessageAt:
    """Open the message that a URL means.

    Args:
        account: Whose mailbox it is.
        url: Which message.
        here: The mailbox of a URL that names none.

    Returns:
        What the caller closes, unless it asks for the excerpt.

    Raises:
        NoSuchContent: There is no such mailbox or message, or no such section
            can be.
        TemporaryFailure: It cannot be read now.
    """
    try:
        if b"]" in url.section:
            raise BadSyntax("a section")
        wanted = section(cursor := Cursor(b"[%b]" % url.section))
        cursor.end()
        name = here if url.mailbox is None else mailbox_name(url.mailbox)
        if name is None:
            raise NoSuchContent("no mailbox")
        mailbox = await account.open(name)
        try:
            if url.uid_validity not in (None, mailbox.uid_validity):
                raise NoSuchContent("another mailbox has the name now")
            header_size = 0
            if not wanted.numbers and wanted.text is not SectionText.ALL:
                _, headers = await mailbox.headers(UIDSet.of([url.uid]))
                header_size = sum(map(len, headers))
            content = await mailbox.open_content(url.uid)
        finally:
            mailbox.close()
    except (BadSyntax, BadMailboxName, NoSuchMailbox, MessageGone) as error:
        raise NoSuchContent(type(error).__name__) from None
    return MessageAt(content, url, wanted, header_size)


async def open_excerpt(
    account: IMailAccount, url: IMAPURL, here: MailboxName | None = None
) -> Excerpt:
    """Open what a URL means; as :func:`open_message`."""
    message = await open_message(account, url, here)
    try:
        return await message.excerpt()
    except BaseException:
        message.close()
        raise
