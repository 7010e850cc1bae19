"""Have the C library keep the memory of large octet strings.

Without it glibc gives memory of megabyte-sized strings back to the system and
faults it in again for each of them, which costs ten times the copying.
"""

import ctypes

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_KEEP = 1 << 30
_PAD = 16 << 20


def keep_large_blocks() -> bool:
    """Set the allocator's thresholds for this process.

    Returns:
        Whether the C library has them (glibc).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return all(
        mallopt(option, value)
        for option, value in (
            (_MMAP_THRESHOLD, _KEEP),
            (_TRIM_THRESHOLD, _KEEP),
            (_TOP_PAD, _PAD),
        )
    )
