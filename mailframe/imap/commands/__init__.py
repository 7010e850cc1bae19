"""The commands of IMAP4rev1, a file for each section of RFC 3501 section 6.

Each file ends in its table, ``COMMANDS``; ``capabilities.py`` gathers them.
Imports no extension.
"""
