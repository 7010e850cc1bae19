"""MT-PRIORITY: which message goes first.

RFC 6710. Always announced, with the name of the operator's policy if it has one;
all 19 levels are told apart, whatever the policy. Anybody may step back; before
others goes who the operator lets, and who speaks LMTP.
"""

import re

from mailframe.errors import BadSyntax
from mailframe.smtp.command import Extension, Parameter
from mailframe.smtp.session import Session

# priority-value = (["-"] NZDIGIT) / "0"              ; RFC 6710 section 7
_VALUE = re.compile("-?[1-9]|0")


def offer(session: Session) -> str | None:
    """Announce the policy, unless there is none to name (RFC 6710 section 3)."""
    return session.options.priority_policy


def parse(session: Session, value: str | None) -> int:
    """``MT-PRIORITY=`` -9 to 9, as it counts here (RFC 6710 section 4.1)."""
    if value is None or not _VALUE.fullmatch(value):
        raise BadSyntax("MT-PRIORITY= and -9 to 9")
    believed = session.service == "lmtp" or session.options.may_raise_priority(
        session.user, session.client_address
    )
    return int(value) if believed else min(int(value), 0)


EXTENSION = Extension(
    "MT-PRIORITY",
    offer,
    mail_parameters={
        "MT-PRIORITY": Parameter("priority", parse, {"asked_priority": int})
    },
)
