"""Tests of :mod:`mailframe.testing`."""
