"""ENHANCEDSTATUSCODES: replies say in figures what was wrong.

RFC 2034. Always announced; :mod:`mailframe.smtp.replies` has the codes.
"""

from mailframe.smtp.command import Extension

EXTENSION = Extension("ENHANCEDSTATUSCODES")
