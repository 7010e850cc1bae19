"""SMTP, submission and LMTP without the network.

Begin with :mod:`mailframe.smtp.server`, then ``commands`` and ``extensions``.
May import the contracts, ``model``, ``mime`` and ``sasl``; never Twisted, a
socket, a clock or an adapter.
"""
