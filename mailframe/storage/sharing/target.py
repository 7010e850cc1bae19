"""A mailbox as one user means it: in which account, and what the user may do.

Source: RFC 4314 section 4.
"""

from dataclasses import dataclass
from typing import Any

from mailframe.errors import MailError, NoSuchMailbox, NotPermitted
from mailframe.model.access import Person, Rights
from mailframe.model.mailbox import MailboxName


@dataclass(frozen=True, slots=True)
class Target:
    """Where a name leads.

    Attributes:
        account: The account; provides IMailAccount and IAccessLists.
        name: What the mailbox is called there.
        person: Who asks.
    """

    account: Any
    name: MailboxName
    person: Person

    async def rights(self) -> Rights:
        """Return what the user may do with the mailbox.

        Raises:
            NoSuchMailbox: It is not there.
        """
        access = await self.account.access_list(self.name)
        held: Rights = access.rights_of(self.person)
        return held


def refused(name: str, held: Rights) -> MailError:
    """Return why something cannot be done with too few rights.

    Source: RFC 4314 section 6 (a mailbox that may not be looked up is none).
    """
    return NotPermitted(name) if "l" in held else NoSuchMailbox(name)
