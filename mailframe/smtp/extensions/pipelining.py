"""PIPELINING: commands may come without waiting for each answer.

RFC 2920. Always announced; the server runs one command at a time whatever the
client does, so nothing else is needed.
"""

from mailframe.smtp.command import Extension

EXTENSION = Extension("PIPELINING")
