"""Message content on its way in and at rest: octets in pieces, never joined.

Source: DESIGN.md sections 3 and 5 (large messages cost no memory).
"""

from collections.abc import Awaitable

from zope.interface import Attribute, Interface


class IContent(Interface):
    """The octets of one message, to be read in pieces, any number of times."""

    size = Attribute("How many octets, an ``int``.")
    octets = Attribute(
        """All octets as ``bytes`` when they are held in memory, else ``None``."""
    )
    path = Attribute(
        """Name of a file that has exactly these octets, a ``str``, or ``None``.

        A store may link or copy it while the content is open; it never
        changes or removes it.
        """
    )

    def read(start: int, stop: int) -> Awaitable[bytes]:
        """Return the octets from ``start`` up to ``stop``.

        Args:
            start: From 0.
            stop: Beyond ``size`` means up to the end.

        Raises:
            MessageGone: The message was expunged and its octets with it.
            TemporaryFailure: They cannot be read now.
        """

    def close() -> None:
        """Give back what is held (a file, its space). Calling again is nothing."""


class IContentWriter(Interface):
    """Takes one message while it arrives."""

    def write(octets: bytes) -> Awaitable[None] | None:
        """Take the next octets.

        Returns:
            ``None`` when more may come at once, or what to wait for first:
            that is how a slow disk slows the sender. Not to be called again
            before it has fired.

        Raises:
            InsufficientStorage: The disk is full. Only ``discard`` remains.
        """

    def finish() -> Awaitable[IContent]:
        """Return what was written; its owner closes it.

        Raises:
            InsufficientStorage: The disk is full.
        """

    def discard() -> None:
        """Forget what was written. Calling again, or after finish, is nothing."""


class IContentByURL(Interface):
    """Finds what URLs mean, for who submits messages made of it.

    Source: RFC 4468 section 3.
    """

    hostname = Attribute("The server whose URLs need no token; a ``str``.")

    def open(url: str, user: str) -> Awaitable[IContent]:
        """Return what a URL means; the caller closes it.

        Args:
            url: As it was written.
            user: The address of who submits.

        Raises:
            NoSuchContent: It means nothing, or what it means is not there.
            AccessRefused: This user may not have it.
            UntrustedServer: It is not for a server we know.
            TemporaryFailure: It cannot be read now.
        """


class IIntake(Interface):
    """Where messages rest between the wire and their destination."""

    def begin() -> IContentWriter:
        """Return a writer for one message. Nothing is durable here."""
