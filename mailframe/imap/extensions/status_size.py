"""STATUS=SIZE: STATUS tells how large a mailbox is.

Capability ``STATUS=SIZE``, RFC 8438, after login. The size is the sum of the
messages' RFC822.SIZE.

Source: RFC 8438 section 3.
"""

from mailframe.imap.command import Extension
from mailframe.imap.commands.authenticated import STATUS_ITEMS, figure

STATUS_ITEMS[b"SIZE"] = figure("size")

EXTENSION = Extension(b"STATUS=SIZE")
