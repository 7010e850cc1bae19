"""Mailboxes of others: found by their names, and used as far as rights go.

Stands between any realm whose accounts keep access lists and what serves a user;
here, and nowhere else, rights are enforced. Read ``account.py`` first. Imports no
store and no protocol.
"""
