"""The one form of a name in an access list.

Source: RFC 4314 sections 2 and 3.3.
"""

from mailframe.errors import LimitExceeded
from mailframe.model.access import (
    ANYONE,
    AUTHENTICATED,
    GROUP,
    NEGATIVE,
    OVERRIDE,
    OWNER,
)
from mailframe.model.address import canonical_domain

_IDENTIFIER_MAX = 1000


def canonical(identifier: str, owner: str, default_domain: str) -> str:
    """Return the one form of an identifier.

    Args:
        identifier: As somebody wrote it.
        owner: The address of the mailbox's owner.
        default_domain: Of users who are named without one.

    Raises:
        LimitExceeded: It is too long.
    """
    if len(identifier) > _IDENTIFIER_MAX:
        raise LimitExceeded("a long identifier")
    if identifier.startswith(NEGATIVE):
        return NEGATIVE + canonical(identifier[1:], owner, default_domain)
    is_name = identifier in (ANYONE, AUTHENTICATED, OWNER)
    if is_name or identifier.startswith((GROUP, OVERRIDE + GROUP)):
        return identifier
    local, at, domain = identifier.rpartition("@")
    if at:
        address = f"{local}@{canonical_domain(domain)}"
    else:
        address = f"{identifier}@{default_domain}"
    return OWNER if address == owner else address
