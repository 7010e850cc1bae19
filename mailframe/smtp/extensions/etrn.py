"""ETRN: have mail that waits for a domain tried now.

RFC 1985. Announced on SMTP where the receiver can start its queue; who may ask
for which domain is the receiver's to say.
"""

from mailframe.errors import NotPermitted, TemporaryFailure
from mailframe.interfaces.reception import IQueueStarter
from mailframe.smtp import grammar, replies
from mailframe.smtp.command import Command, Extension, Step
from mailframe.smtp.session import Session

SERVICE = frozenset({"smtp"})


def offer(session: Session) -> str | None:
    """Announce it where the queue can be started."""
    able = IQueueStarter.providedBy(session.receiver)
    return "" if session.service in SERVICE and able else None


def etrn(session: Session, argument: str) -> Step | None:
    """``ETRN [option]domain``: start its queue (RFC 1985)."""
    if offer(session) is None:
        session.put(replies.NOT_HERE)
    elif not session.extended:
        session.put(replies.EHLO_FIRST)
    elif session.transaction is not None:
        session.put(replies.IN_TRANSACTION)
    elif argument.startswith("#"):
        # Queues have no names of their own here.
        session.put(replies.QUEUE_NOT_ALLOWED)
    else:
        return _start(session, argument)
    return None


async def _start(session: Session, argument: str) -> None:
    option = "@" if argument.startswith("@") else ""
    domain = grammar.domain(argument.removeprefix("@"))
    starter = IQueueStarter(session.receiver)
    try:
        waiting = await starter.start_queue(session.origin(), option + domain)
    except NotPermitted:
        return session.put(replies.QUEUE_NOT_ALLOWED)
    except TemporaryFailure:
        return session.put(replies.QUEUE_NOT_NOW)
    session.put(replies.QUEUE_STARTED if waiting else replies.QUEUE_EMPTY)


EXTENSION = Extension(
    "ETRN", offer, commands=(Command(b"ETRN", etrn, services=SERVICE),)
)
