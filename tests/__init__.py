"""The tests: ``python -m tests`` runs them all, ``python -m tests NAME`` some.

They mirror ``mailframe/``, file for file.
"""
