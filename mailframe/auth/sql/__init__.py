"""Users in the tables of an SQL database.

Begin with :mod:`.checker`; :mod:`.options` says what can be set. What runs in a
thread: :mod:`.connections`, :mod:`.sqlite` and :mod:`.postgresql`.
"""
