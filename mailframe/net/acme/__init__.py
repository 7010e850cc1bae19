"""Certificates from an authority that speaks ACME, asked for and renewed by itself.

Begin with :mod:`.service`. The library ``acme`` is an extra: ``mailframe[acme]``.
"""
