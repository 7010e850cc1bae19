"""What the transcripts of RFC examples begin with: one module for each RFC.

``given: rfc3501.select`` in a transcript's header calls ``rfc3501.select(world)``.
"""
