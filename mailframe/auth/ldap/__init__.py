"""Users of an LDAP directory.

Begin with :mod:`.checker`; :mod:`.options` says what can be set. What runs in a
thread: :mod:`.servers`, :mod:`.connection` and :mod:`.questions`.
"""
