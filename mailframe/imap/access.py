"""What the user of a session may do with mailboxes.

The account enforces it (:class:`~mailframe.interfaces.access.IAccessControl`); here
is what commands say of it, and ask before they begin something that goes on.

Source: RFC 4314.
"""

from mailframe.errors import NoSuchMailbox
from mailframe.imap.responses import Refused
from mailframe.imap.serialize import astring_out
from mailframe.imap.session import Session
from mailframe.interfaces.access import IAccessControl
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.model.access import Rights, with_virtual
from mailframe.model.mailbox import MailboxName


def controls_access(session: Session) -> bool:
    """Announce a capability when the account has access lists."""
    return IAccessControl.providedBy(session.account)


def access_control(session: Session) -> IAccessControl:
    """Return the account as one that has access lists.

    Raises:
        Refused: It has none.
    """
    account = IAccessControl(session.mail, None)
    if account is None:
        raise Refused(b"[CANNOT] This account has no access lists")
    return account


async def has_rights(account: IMailAccount, name: MailboxName, needed: str) -> bool:
    """Tell whether the user has all of some rights on a mailbox.

    False for a mailbox that is not there, or may not be looked up; true for every
    other of an account without access lists. Commands need not ask: what they do
    with the account is refused without the rights. This is for what goes on when
    they are done, such as NOTIFY (``lr``: RFC 5465 section 5.9).

    Args:
        account: The session's.
        name: The mailbox.
        needed: Letters of RFC 4314 section 2.1.
    """
    control = IAccessControl(account, None)
    try:
        if control is None:
            await account.status(name)
            return True
        return (await control.my_rights(name)).issuperset(needed)
    except NoSuchMailbox:
        return False


def is_personal(account: IMailAccount, name: MailboxName) -> bool:
    """Tell whether a mailbox lies in the user's own namespace.

    Source: RFC 2342 section 2.
    """
    control = IAccessControl(account, None)
    return control is None or control.is_personal(name)


def rights_out(held: Rights) -> bytes:
    """Return rights as responses have them.

    Source: RFC 4314 sections 2.1.1 and 7 (rights).
    """
    return astring_out(with_virtual(held).encode("ascii"))


def myrights_response(session: Session, name: MailboxName, held: Rights) -> bytes:
    """Return a MYRIGHTS response.  Source: RFC 4314 section 3.8."""
    return b"* MYRIGHTS %b %b\r\n" % (session.name_out(name), rights_out(held))
