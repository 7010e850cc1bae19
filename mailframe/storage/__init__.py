"""Where mail lives: providers of the contracts in ``interfaces.mailbox``.

Begin with :mod:`mailframe.storage.memory`, the reference. May import the
contracts, ``model``, ``mime`` and Twisted; no protocol and no other adapter.
"""
