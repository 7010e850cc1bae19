"""POP3 without a network: one session as an ``IServer``.

Begin with :mod:`.server`; the commands are in :mod:`.commands`, what CAPA
says in :mod:`.capabilities`.

Source: RFC 1939, RFC 2449, RFC 2595 section 4.
"""
