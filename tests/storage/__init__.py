"""Tests of :mod:`mailframe.storage`."""
