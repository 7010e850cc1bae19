"""Tell in the log what in a file of users is not used, and why."""

from collections.abc import Sequence

from twisted.logger import Logger

_MOST = 20
"""Lines named each time a file is read."""


def tell_bad_lines(
    log: Logger, where: str, troubles: Sequence[tuple[int, str]]
) -> None:
    """Name the first few, and how many there are more.

    Args:
        log: The log of whoever reads the file.
        where: What the file is called.
        troubles: The numbers of the lines, and what is wrong with each.
    """
    for number, why in troubles[:_MOST]:
        log.warn("{where} line {number}: {why}", where=where, number=number, why=why)
    more = len(troubles) - _MOST
    if more > 0:
        log.warn("{where}: {more} lines more", where=where, more=more)


def tell_damaged_hash(log: Logger, where: str, number: int, why: str) -> None:
    """Say that the user of a line cannot log in.

    Args:
        log: The log of whoever reads the file.
        where: What the file is called.
        number: Of the line.
        why: What is wrong with the hash.
    """
    log.error(
        "{where} line {number}: {why}; no login", where=where, number=number, why=why
    )
