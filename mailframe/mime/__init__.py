"""Messages as octets: headers, parts, dates, addresses, and the answers from them.

Begin with :mod:`mailframe.mime.summary`, which asks all the others; of the rest,
:mod:`mailframe.mime.structure` has the parts and their offsets and
:mod:`mailframe.mime.header` the fields. Nothing here raises for what a message
contains: any octets have an answer. May import :mod:`mailframe.model`,
:mod:`mailframe.errors`, :mod:`mailframe.limits` and the standard library,
nothing else.
"""
