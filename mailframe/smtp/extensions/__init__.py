"""One file per service extension; :mod:`mailframe.smtp.capabilities` lists them.

An extension never imports another.
"""
