"""What happens to a message on its way out: spool, schedule, attempts, reports.

Begin with :mod:`.contract`, then :mod:`.runner`. ``docs/queue.rst`` has the
crash rules. Time, the network and the disk's journal are handed in; no other
adapter is known here.
"""
