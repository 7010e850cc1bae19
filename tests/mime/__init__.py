"""Tests of the MIME room."""
