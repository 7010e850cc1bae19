"""Mail in Maildir++ directories, shared with other programs, fast by an index.

Begin with :mod:`mailframe.storage.maildir.realm` (accounts), then ``account``
and ``mailbox`` (the contracts), ``store`` (every change, in the writer thread),
``reading`` (every read, in the reading threads), ``scan`` and ``adoption`` (what
other programs did). It imports contracts, values, ``mime`` and the journal's room.

The Maildir is the truth for which messages exist; their names carry the UIDs.
"""
