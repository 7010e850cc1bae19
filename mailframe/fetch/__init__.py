"""Mail collected from accounts elsewhere: what is there, what we have, keep or delete.

The protocols' clients are in ``pop3/client.py`` and ``imap/client.py``; the
local accounts, the intake, threads and clock are handed in.
"""
