"""Extensions of IMAP: one file each, named after its capability.

Each ends in its ``EXTENSION``; :mod:`mailframe.imap.capabilities` gathers
them, and no other module imports them. None imports another.
"""
