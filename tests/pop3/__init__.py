"""Tests of the pop3 room."""
