"""QUOTA: how much an account may hold, and holds.

Capabilities ``QUOTA``, ``QUOTA=RES-STORAGE`` and ``QUOTA=RES-MESSAGE``, RFC 9208,
after login, when the account keeps to bounds (``IQuotaAccount``). What does not
fit is refused by APPEND and COPY with OVERQUOTA.

Source: RFC 9208 sections 3 and 4.
"""

from mailframe.imap.command import LOGGED_IN, Command, Extension
from mailframe.imap.commands.authenticated import STATUS_ITEMS, figure, parse_name
from mailframe.imap.cursor import Cursor
from mailframe.imap.quota_root import (
    no_such_root,
    quota_response,
    quota_root_name,
    root_out,
)
from mailframe.imap.responses import Refused
from mailframe.imap.session import Session
from mailframe.interfaces.quota import IQuotaAccount
from mailframe.model.mailbox import MailboxName


def account_of(session: Session) -> IQuotaAccount:
    """Return the account as one with bounds.

    Raises:
        Refused: It has none.
    """
    account = IQuotaAccount(session.mail, None)
    if account is None:
        raise Refused(b"[CANNOT] This account has no quota")
    return account


def _parse_root(cursor: Cursor) -> str:
    cursor.space()
    name = quota_root_name(cursor)
    cursor.end()
    return name


async def get_quota(session: Session, name: str) -> bytes:
    """Tell bounds and usage of a quota root.

    Raises:
        Refused: There is none of this name.

    Source: RFC 9208 section 4.1.1.
    """
    found = await account_of(session).quota(name)
    if found is None:
        raise no_such_root()
    session.put(quota_response(found))
    return b"GETQUOTA completed"


async def get_quota_root(session: Session, name: MailboxName) -> bytes:
    """Tell the quota roots of a mailbox, which need not exist.

    Source: RFC 9208 section 4.1.2.
    """
    account = account_of(session)
    roots = await account.quota_roots(name)
    found = [await account.quota(root) for root in roots]
    session.put(
        b"* QUOTAROOT %b\r\n"
        % b" ".join([session.name_out(name), *map(root_out, roots)])
        + b"".join(quota_response(one) for one in found if one is not None)
    )
    return b"GETQUOTAROOT completed"


def announced(session: Session) -> bool:
    """Announce it for an account that keeps to bounds."""
    return IQuotaAccount.providedBy(session.account)


# status-att =/ "DELETED" / "DELETED-STORAGE"          ; RFC 9208 section 7
STATUS_ITEMS[b"DELETED"] = figure("deleted")
STATUS_ITEMS[b"DELETED-STORAGE"] = figure("deleted_size")

EXTENSION = Extension(
    b"QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE",
    (
        Command(b"GETQUOTA", LOGGED_IN, get_quota, _parse_root),
        Command(b"GETQUOTAROOT", LOGGED_IN, get_quota_root, parse_name),
    ),
    announced=announced,
)
