"""Octets between Twisted's transports and the protocol servers.

Begin with :mod:`.pump`. May import the protocol rooms and what lies below
them; knows no store, no user and no policy.
"""
