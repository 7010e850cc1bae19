"""The names and numbers of mail, as immutable values; no octet of any protocol.

Begin with :mod:`mailframe.model.mailbox`. May import :mod:`mailframe.errors`
and the standard library, nothing else.
"""
