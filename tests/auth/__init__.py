"""Tests of :mod:`mailframe.auth`."""
