"""The service extensions there are, in the order EHLO shows them.

The one module that imports ``extensions``.
"""

from collections.abc import Mapping

from mailframe.smtp.command import ANY_SERVICE, Command, Extension
from mailframe.smtp.commands import COMMANDS
from mailframe.smtp.extensions import (
    auth,
    binary_mime,
    burl,
    chunking,
    deliver_by,
    dsn,
    eight_bit_mime,
    enhanced_status_codes,
    etrn,
    expn,
    future_release,
    limits,
    pipelining,
    priority,
    require_tls,
    size,
    smtputf8,
    starttls,
    xclient,
    xforward,
)

EXTENSIONS: tuple[Extension, ...] = (
    pipelining.EXTENSION,
    size.EXTENSION,
    starttls.EXTENSION,
    auth.EXTENSION,
    enhanced_status_codes.EXTENSION,
    eight_bit_mime.EXTENSION,
    smtputf8.EXTENSION,
    chunking.EXTENSION,
    binary_mime.EXTENSION,
    burl.EXTENSION,
    dsn.EXTENSION,
    require_tls.EXTENSION,
    limits.EXTENSION,
    future_release.EXTENSION,
    deliver_by.EXTENSION,
    priority.EXTENSION,
    expn.EXTENSION,
    etrn.EXTENSION,
    xclient.EXTENSION,
    xforward.EXTENSION,
)
"""Every extension."""

_ALL = (*COMMANDS, *(one for each in EXTENSIONS for one in each.commands))

COMMANDS_OF: Mapping[str, Mapping[bytes, Command]] = {
    service: {one.verb: one for one in _ALL if service in one.services}
    for service in ANY_SERVICE
}
"""The commands of each service, by verb."""

ALL_VERBS = frozenset(one.verb for one in _ALL)
"""Verbs that exist in some service: 502, not 500, in the others."""
