"""SASL: how a client proves who it is, whatever protocol carries the octets.

Begin with :mod:`.exchange` (one dialogue) and :mod:`.mechanisms` (what may be
offered). Imports contracts and errors only: no network, no clock, no log.
"""
