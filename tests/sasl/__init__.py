"""Tests of :mod:`mailframe.sasl`."""
