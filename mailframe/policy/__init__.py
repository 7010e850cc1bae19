"""What this host wants to have nothing to do with: one check a file.

Each is a :class:`mailframe.interfaces.check.IMessageCheck`;
:mod:`.relay_control` is the one exception, since nobody may forget it. May
import the contracts, ``model``, ``mime`` and Twisted; no protocol and no other
adapter. Clock, resolver and threads are handed in.
"""
