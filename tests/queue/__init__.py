"""Tests of :mod:`mailframe.queue`."""
