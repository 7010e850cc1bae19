"""EXPN: who is on a list.

RFC 5321. Announced where the operator wants it and the receiver can tell.
"""

from mailframe.errors import BadSyntax
from mailframe.interfaces.reception import IListExpander
from mailframe.smtp import grammar, replies
from mailframe.smtp.command import Command, Extension, Step
from mailframe.smtp.session import Session


def offer(session: Session) -> str | None:
    """Announce it where it is answered."""
    if session.options.expand and IListExpander.providedBy(session.receiver):
        return ""
    return None


def expn(session: Session, argument: str) -> Step | None:
    """``EXPN list``: its members, one a line.

    Source: RFC 5321 sections 3.5.2 and 4.1.1.7.
    """
    if offer(session) is None:
        session.put(replies.NOT_HERE)
        return None
    if session.login_needed():
        session.put(replies.LOGIN_REQUIRED)
        return None
    name, wide = grammar.name_to_look_up(argument)
    if not name:
        raise BadSyntax("the name of a list", 0)
    return _expand(session, name, wide)


async def _expand(session: Session, name: str, wide: bool) -> None:
    expander = IListExpander(session.receiver)
    members = await expander.expand(session.origin(), name)
    lines = [f"<{address.written()}>" for address in members]
    # A client that did not ask for it is told no UTF-8 (RFC 6531 section 3.7.4.2).
    if not lines or not (wide or "".join(lines).isascii()):
        return session.put(replies.CANNOT_EXPAND)
    session.put(replies.reply(250, "2.1.5", *lines))


EXTENSION = Extension("EXPN", offer, commands=(Command(b"EXPN", expn),))
