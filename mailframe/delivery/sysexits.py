"""What the exit status of a program that was given a message means. Pure.

Source: sysexits.h of BSD, RFC 3463; the same codes as Postfix gives.
"""

from mailframe.errors import DeliveryFailed, MailError, TemporaryFailure

# Exit status to enhanced status code and words.
_STATUSES = {
    64: ("5.3.0", "command line usage error"),  # EX_USAGE
    65: ("5.6.0", "data format error"),  # EX_DATAERR
    66: ("5.3.0", "cannot open input"),  # EX_NOINPUT
    67: ("5.1.1", "user unknown"),  # EX_NOUSER
    68: ("5.1.2", "host name unknown"),  # EX_NOHOST
    69: ("5.3.0", "service unavailable"),  # EX_UNAVAILABLE
    70: ("5.3.0", "internal software error"),  # EX_SOFTWARE
    71: ("4.3.0", "system resource problem"),  # EX_OSERR
    72: ("5.3.0", "critical system file missing"),  # EX_OSFILE
    73: ("5.2.0", "cannot create output file"),  # EX_CANTCREAT
    74: ("4.3.0", "input or output error"),  # EX_IOERR
    75: ("4.3.0", "temporary failure"),  # EX_TEMPFAIL
    76: ("5.5.0", "remote error in protocol"),  # EX_PROTOCOL
    77: ("5.7.0", "permission denied"),  # EX_NOPERM
    78: ("5.3.5", "local configuration error"),  # EX_CONFIG
}


def verdict(status: int) -> MailError | None:
    """Return what the end of a program means for the message it was given.

    Args:
        status: As ``subprocess`` has it: negative for a signal.

    Returns:
        ``None`` for delivered. A program that was killed has not said that it
        will never take the message: that is tried again.
    """
    if status == 0:
        return None
    if status < 0:
        return temporary(f"the program was killed by signal {-status}")
    code, words = _STATUSES.get(status, ("5.3.0", f"exit status {status}"))
    if code.startswith("4"):
        return temporary(f"the program says: {words}", code)
    return DeliveryFailed(f"the program says: {words}", code)


def temporary(text: str, status: str = "4.3.0") -> TemporaryFailure:
    """Return a failure that is tried again."""
    error = TemporaryFailure(text)
    error.status = status
    return error
