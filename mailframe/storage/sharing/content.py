"""A message of one account on its way into another, opened when it is read.

Source: the contract of :class:`mailframe.interfaces.content.IContent`.
"""

from zope.interface import implementer

from mailframe.errors import MessageGone
from mailframe.interfaces.content import IContent
from mailframe.interfaces.mailbox import IMailbox


@implementer(IContent)
class LaterContent:
    """The content of one message; holds no file before it is read, nor after.

    Attributes:
        size: Octets.
        octets: Not at hand.
        path: Not known.
    """

    octets: bytes | None = None
    path: str | None = None

    def __init__(self, mailbox: IMailbox, uid: int, size: int) -> None:
        """Name a message.

        Args:
            mailbox: Where it is.
            uid: Which it is.
            size: Its octets, as the listing says.
        """
        self.size = size
        self._mailbox = mailbox
        self._uid = uid
        self._open: IContent | None = None

    async def read(self, start: int, stop: int) -> bytes:
        """Return a piece.

        Raises:
            MessageGone: It was expunged.
        """
        if self._open is None:
            self._open = await self._mailbox.open_content(self._uid)
            if self._open.size != self.size:
                self.close()
                raise MessageGone(str(self._uid))
        octets = await self._open.read(start, stop)
        if stop >= self.size:
            self.close()
        return octets

    def close(self) -> None:
        """Let go of the file. Calling again is nothing."""
        content, self._open = self._open, None
        if content is not None:
            content.close()
