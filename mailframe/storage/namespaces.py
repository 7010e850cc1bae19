"""How a realm's arguments say what others' mailboxes are called.

Source: RFC 2342 section 5.
"""

import re

from mailframe.errors import BadMailboxName
from mailframe.interfaces.access import Namespaces
from mailframe.model.mailbox import DELIMITER, INBOX, mailbox_name

_OPTION = re.compile(r":(others|shared|shared-account)=([^:]*)\Z")


def cut_namespaces(argstring: str) -> tuple[str, Namespaces]:
    """Cut the names off the end of a realm's arguments.

    Returns:
        What stands before them, and the names.

    Raises:
        ValueError: A name cannot be one.
    """
    found: dict[str, str] = {}
    while option := _OPTION.search(argstring):
        found.setdefault(option[1], option[2])
        argstring = argstring[: option.start()]
    account = found.get("shared-account", "")
    if account and "@" not in account[1:-1]:
        raise ValueError("shared-account is an address such as public@example.org")
    if found.get("shared") and not account:
        raise ValueError("shared needs shared-account, whose mailboxes those are")
    names = Namespaces(
        _level("others", found.get("others", "Other Users")),
        _level("shared", found.get("shared", "Shared")) if account else "",
        account,
    )
    if names.others and names.others == names.shared:
        raise ValueError("others and shared need different names")
    return argstring, names


def _level(option: str, name: str) -> str:
    try:
        is_level = not name or mailbox_name(name) != INBOX
    except BadMailboxName:
        is_level = False
    if not is_level or DELIMITER in name:
        raise ValueError(f"{option} is one level of a mailbox name, and not INBOX")
    return name
