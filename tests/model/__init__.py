"""Tests of the names and numbers of mail."""
