"""Tests of certificates from an authority."""
