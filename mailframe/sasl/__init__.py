"""SASL: how a client proves who it is, whatever protocol carries the octets.

Begin with :mod:`.exchange` (one dialogue) and :mod:`.mechanisms` (what may be
offered); :mod:`.client` is the other side. One mechanism a file. Imports contracts
and values only: no network, no clock, no chance, no log.
"""
