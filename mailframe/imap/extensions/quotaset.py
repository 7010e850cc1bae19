"""QUOTASET: a user changes how much an account may hold.

Capability ``QUOTASET``, RFC 9208, after login, when the account can do that
(``IQuotaKeeper``) and this user may.

Source: RFC 9208 section 4.1.3.
"""

from mailframe.imap.command import LOGGED_IN, Command, Extension
from mailframe.imap.cursor import Cursor
from mailframe.imap.grammar import atom, number64
from mailframe.imap.quota_root import (
    UNIT,
    no_such_root,
    quota_response,
    quota_root_name,
)
from mailframe.imap.responses import Refused
from mailframe.imap.session import Session
from mailframe.interfaces.quota import IQuotaKeeper
from mailframe.model.quota import QuotaLimits

_MAX = 2**43
"""The largest bound that is kept, in units; a larger one becomes this."""


def parse(cursor: Cursor) -> tuple[str, dict[bytes, int]]:
    """Read a root and its bounds.

    ``setquota = "SETQUOTA" SP quota-root-name SP "(" [resource-name SP number64
    *(SP resource-name SP number64)] ")"``

    Source: RFC 9208 section 7.
    """
    cursor.space()
    root = quota_root_name(cursor)
    cursor.space()
    cursor.expect(b"(")
    found: dict[bytes, int] = {}
    while not cursor.accept(b")"):
        if found:
            cursor.space()
        name = atom(cursor).upper()
        cursor.space()
        found[name] = min(number64(cursor), _MAX)
    cursor.end()
    return root, found


async def run(session: Session, command: tuple[str, dict[bytes, int]]) -> bytes:
    """Change the bounds of a quota root; those not named are none any more.

    Raises:
        Refused: There is no such root, or no such resource.
        NotPermitted: This user may not.
    """
    name, bounds = command
    account = IQuotaKeeper(session.mail, None)
    if account is None:
        raise Refused(b"[CANNOT] This account has no quota")
    if await account.quota(name) is None:
        raise no_such_root()
    storage = bounds.pop(b"STORAGE", None)
    messages = bounds.pop(b"MESSAGE", None)
    if bounds:
        raise Refused(b"[CANNOT] There is no such resource")
    octets = None if storage is None else storage * UNIT
    await account.set_quota(name, QuotaLimits(octets, messages))
    found = await account.quota(name)
    if found is not None:
        session.put(quota_response(found))
    return b"SETQUOTA completed"


def _announced(session: Session) -> bool:
    return IQuotaKeeper.providedBy(session.account) and bool(session.mail.may_set_quota)


EXTENSION = Extension(
    b"QUOTASET",
    (Command(b"SETQUOTA", LOGGED_IN, run, parse),),
    announced=_announced,
)
