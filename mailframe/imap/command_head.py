"""How a command begins: its tag and its name.

Source: RFC 9051 sections 2.2.1 and 9.
"""

import re

# tag     = 1*<any ASTRING-CHAR except "+">             ; RFC 9051 section 9
# command = tag SP (command-any / command-auth / ...)
_TAG = re.compile(rb"([^\x00-\x20\x7f-\xff(){%*\"\\+]+) ")
_COMMAND = re.compile(
    rb"([^\x00-\x20\x7f-\xff(){%*\"\\+]+) ((?:[Uu][Ii][Dd] )?[A-Za-z][A-Za-z0-9.-]*)"
)
# Lines no mail client sends: a browser was made to speak to us.
_HTTP = re.compile(rb"[A-Z]+ [^ ]+ HTTP/[0-9.]+\Z")

HEAD = 300
"""Octets in which a tag and a name are looked for."""


def command_head(octets: bytes) -> re.Match[bytes] | None:
    """Return a match whose groups are the tag and the name, ``None`` without them."""
    return _COMMAND.match(octets)


def tag_of(octets: bytes) -> bytes:
    """Return the tag that octets begin with, ``*`` when there is none and a space."""
    found = _TAG.match(octets)
    return found[1] if found else b"*"


def is_http(octets: bytes) -> bool:
    """Tell whether a line is a request of HTTP."""
    return _HTTP.match(octets) is not None
