"""What plugin authors and our own tests share: contract suites and transcripts.

Begin with :mod:`mailframe.testing.mailbox_contract`. Nothing in mailframe
outside this room imports it.
"""
