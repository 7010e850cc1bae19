"""Tests of the smtp room."""
