"""Checkers and directories of users: who may log in, and who exists.

Begin with :mod:`.passwd_checker`; :mod:`.chain` asks several in order. An
adapter: imports contracts, never a protocol and never another adapter.
"""
