"""IDLE: a client waits to be told what happens in its mailbox.

Capability ``IDLE``, RFC 2177, after login. Nothing runs while a client idles:
the mailbox wakes the session when something may have changed.

Source: RFC 2177 section 3.
"""

from collections.abc import Coroutine
from typing import Any

from mailframe.errors import BadSyntax
from mailframe.imap.command import LOGGED_IN, Answer, Command, Extension
from mailframe.imap.session import Session

_DONE_OCTETS = 100


class Idling:
    """One IDLE, from its continuation request to DONE."""

    max_line = _DONE_OCTETS

    def __init__(self, session: Session) -> None:
        """Idle in ``session``, with or without a mailbox selected."""
        self._session = session
        self._told = -1

    def begin(self) -> Answer:
        """Ask the client to wait, and tell what is new already."""
        session = self._session
        session.put(b"+ idling\r\n")
        if session.view is not None:
            session.view.stale = True
            session.rousings += 1
        return self.woken()

    def line(self, octets: bytes) -> Answer:
        """Take ``DONE``.

        Raises:
            BadSyntax: It is something else; the client does not idle any more.
        """
        if octets.upper() != b"DONE":
            raise BadSyntax("DONE")
        return b"IDLE completed"

    def woken(self) -> Coroutine[Any, Any, None] | None:
        """Tell what is new, if something may be."""
        notification, view = self._session.notification, self._session.view
        if notification is not None:
            return notification.news(idling=True)
        if view is None or not view.stale or self._told == self._session.rousings:
            return None
        return self._tell()

    async def _tell(self) -> None:
        # What cannot be asked now is asked again when it says something.
        self._told = self._session.rousings
        await self._session.announce(expunges=True)
        if self._session.view is not None:
            self._session.view.tell_code()


def run(session: Session, _: None) -> Idling:
    """Begin to idle."""
    return Idling(session)


EXTENSION = Extension(b"IDLE", (Command(b"IDLE", LOGGED_IN, run),))
