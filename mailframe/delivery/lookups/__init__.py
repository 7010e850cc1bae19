"""Tables that need nothing but this host: files, patterns, and a few words.

Each provides :class:`mailframe.interfaces.lookup.ILookup`; begin with
:mod:`.table_file`. May import the contracts, ``model`` and Twisted.
"""
