"""MT-PRIORITY: which message goes first.

RFC 6710. Always announced. Only who has logged in, and who speaks LMTP, is
believed when it asks to be before others.
"""

import re

from mailframe.errors import BadSyntax
from mailframe.smtp.command import Extension, Parameter
from mailframe.smtp.session import Session

# priority-value = ["-"] NZDIGIT / "0"                ; RFC 6710
_VALUE = re.compile("-?[1-9]|0")


def parse(session: Session, value: str | None) -> int:
    """``MT-PRIORITY=`` -9 to 9 (RFC 6710)."""
    if value is None or not _VALUE.fullmatch(value):
        raise BadSyntax("MT-PRIORITY= and -9 to 9")
    believed = session.user is not None or session.service == "lmtp"
    return int(value) if believed else min(int(value), 0)


EXTENSION = Extension(
    "MT-PRIORITY", mail_parameters={"MT-PRIORITY": Parameter("priority", parse)}
)
